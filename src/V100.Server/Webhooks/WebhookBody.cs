using System.Text.Json.Serialization;
using V100.Server.Control;
using V100.Server.Media;
using V100.Sfu.Rooms;

namespace V100.Server.Webhooks;

/// <summary>What is posted. Null members are left out.</summary>
/// <param name="Id">The same at every attempt and for every URL, so that a receiver knows what it has seen.</param>
/// <param name="Event">Such as <c>participant_joined</c>.</param>
/// <param name="At">When it happened.</param>
/// <param name="Room">Its name; null where the event is of no room.</param>
/// <param name="Participant">Of its events, and of those of its sessions and tracks.</param>
/// <param name="Session">Of its events, and of those of its tracks.</param>
/// <param name="Track">Of its events.</param>
/// <param name="Reason">Why a room ended or a session closed.</param>
internal sealed record WebhookBody(
    string Id,
    string Event,
    DateTimeOffset At,
    string? Room,
    WebhookParticipant? Participant = null,
    WebhookSession? Session = null,
    WebhookTrack? Track = null,
    string? Reason = null)
{
    /// <summary>The event of <c>POST /v1/webhooks/test</c>.</summary>
    public const string TestEvent = "test";

    public static WebhookBody Of(in RoomEvent e, DateTimeOffset at) => new(
        NewId(at),
        SnakeCase.Of(e.Kind.ToString()),
        at,
        e.Room.Name,
        e.Participant is { } participant ? new WebhookParticipant(participant.Identity, participant.Name, participant.Metadata) : null,
        e.Session is { } session ? new WebhookSession(session.Id.ToString(), SessionViews.KindOf(session.Role)) : null,
        e.Track is { } track && SessionViews.Of(track) is var view ? new WebhookTrack(view.Id, view.Kind, view.Source) : null,
        e.Kind switch
        {
            RoomEventKind.RoomEnded => SnakeCase.Of(e.Room.EndReason.ToString()),
            RoomEventKind.SessionClosed => SnakeCase.Of(e.Session!.CloseReason.ToString()),
            _ => null,
        });

    /// <summary>In the order of time, and no two alike (RFC 9562, 5.7).</summary>
    public static string NewId(DateTimeOffset at) => Guid.CreateVersion7(at).ToString();
}

internal sealed record WebhookParticipant(string Identity, string? Name, string? Metadata);

/// <param name="Id">The session.</param>
/// <param name="Kind"><c>whip</c> or <c>whep</c>.</param>
internal sealed record WebhookSession(string Id, string Kind);

/// <param name="Id">The track.</param>
/// <param name="Kind"><c>audio</c> or <c>video</c>.</param>
/// <param name="Source">As in <see cref="TrackView"/>.</param>
internal sealed record WebhookTrack(string Id, string Kind, string Source);

/// <summary>The claims of a webhook's token.</summary>
/// <param name="Iss">The API key whose secret signs it.</param>
/// <param name="Nbf">Seconds of Unix time.</param>
/// <param name="Exp">Seconds of Unix time.</param>
/// <param name="Sha256">Base64 of the body's SHA-256.</param>
internal sealed record WebhookClaims(string Iss, long Nbf, long Exp, string Sha256);

[JsonSourceGenerationOptions(
    GenerationMode = JsonSourceGenerationMode.Serialization,
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(WebhookBody))]
[JsonSerializable(typeof(WebhookClaims))]
internal sealed partial class WebhookJson : JsonSerializerContext;
