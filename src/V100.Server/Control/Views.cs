using System.Text.Json.Serialization;

namespace V100.Server.Control;

/// <summary>A room as the API shows it.</summary>
internal sealed record RoomView(
    string Name,
    string? Metadata,
    int MaxParticipants,
    int EmptyTimeoutSeconds,
    DateTimeOffset CreatedAt,
    int ParticipantCount,
    int PublisherCount);

internal sealed record RoomListView(IReadOnlyList<RoomView> Rooms);

/// <summary>A participant as the API shows it.</summary>
internal sealed record ParticipantView(
    string Identity,
    string? Name,
    string? Metadata,
    DateTimeOffset JoinedAt,
    IReadOnlyList<TrackView> Tracks);

internal sealed record ParticipantListView(IReadOnlyList<ParticipantView> Participants);

/// <param name="Id">The track.</param>
/// <param name="Kind"><c>audio</c> or <c>video</c>.</param>
/// <param name="Source"><c>camera</c>, <c>microphone</c>, <c>screen_share</c>, <c>screen_share_audio</c>.</param>
/// <param name="Codec">Such as <c>VP8</c>.</param>
/// <param name="Muted">Whether its publisher or an administrator silenced it.</param>
/// <param name="Layers">Simulcast layers, the smallest first; one entry without simulcast; empty before the first packet.</param>
internal sealed record TrackView(string Id, string Kind, string Source, string Codec, bool Muted, IReadOnlyList<LayerView> Layers);

/// <summary>One simulcast layer; sizes are 0 until a keyframe told them.</summary>
internal sealed record LayerView(string Rid, int Width, int Height, long BitrateBps);

/// <summary>A session as the API shows it. Null stands for "not known yet".</summary>
internal sealed record SessionView(
    string Id,
    string Room,
    string Identity,
    string Kind,
    DateTimeOffset CreatedAt,
    string State,
    IceView Ice,
    DtlsView Dtls,
    double? RoundTripMs,
    long? AvailableBitrateBps,
    IReadOnlyList<StreamView> Streams);

internal sealed record IceView(string State, string? Local, string? Remote);

internal sealed record DtlsView(string State, string? SrtpProfile);

/// <param name="TrackId">The published track that it belongs to.</param>
/// <param name="Kind"><c>audio</c> or <c>video</c>.</param>
/// <param name="Direction"><c>in</c> from the client, <c>out</c> to it.</param>
/// <param name="Codec">Such as <c>opus</c>.</param>
/// <param name="Layer">The simulcast layer's rid, or null.</param>
/// <param name="BitrateBps">Over the last second.</param>
/// <param name="Packets">Since the start.</param>
/// <param name="Bytes">Since the start.</param>
/// <param name="PacketsLost">Since the start, after repair.</param>
/// <param name="LossFraction">0 to 1, over the last report.</param>
/// <param name="JitterMs">Of arrival.</param>
internal sealed record StreamView(
    string TrackId,
    string Kind,
    string Direction,
    string Codec,
    string? Layer,
    long BitrateBps,
    long Packets,
    long Bytes,
    long PacketsLost,
    double? LossFraction,
    double? JitterMs);

/// <summary>To what a subscriber limits one stream of video; null where it sets no limit.</summary>
/// <param name="TrackId">The published track that the stream plays now, or null.</param>
/// <param name="MaxLayer">The rid of the largest encoding.</param>
/// <param name="MaxPlace">Its place counted from the smallest, 0, where the subscriber gave a number.</param>
/// <param name="MaxBitrateBps">On the wire.</param>
/// <param name="Width">The size at which it is shown, in pixels.</param>
/// <param name="Height">The size at which it is shown, in pixels.</param>
/// <param name="Paused">Nothing is sent.</param>
internal sealed record LayerLimitView(string? TrackId, string? MaxLayer, int? MaxPlace, long? MaxBitrateBps, int? Width, int? Height, bool Paused);

internal sealed record LayerLimitListView(IReadOnlyList<LayerLimitView> Limits);

internal sealed record TokenView(string Token, DateTimeOffset ExpiresAt);

internal sealed record IceServerView(IReadOnlyList<string> Urls, string? Username, string? Credential);

internal sealed record IceServerListView(IReadOnlyList<IceServerView> IceServers, int? TtlSeconds);

internal sealed record HealthView(string Status);

/// <summary>A problem document (RFC 9457) with the members of this API: a stable code, and the field and what it allows.</summary>
internal sealed record ProblemView(string Type, string Title, int Status, string Detail, string Code, string? Field, string? Allowed);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(RoomView))]
[JsonSerializable(typeof(RoomListView))]
[JsonSerializable(typeof(ParticipantView))]
[JsonSerializable(typeof(ParticipantListView))]
[JsonSerializable(typeof(SessionView))]
[JsonSerializable(typeof(LayerLimitListView))]
[JsonSerializable(typeof(TokenView))]
[JsonSerializable(typeof(AllocationListView))]
[JsonSerializable(typeof(DenialListView))]
[JsonSerializable(typeof(IceServerListView))]
[JsonSerializable(typeof(HealthView))]
[JsonSerializable(typeof(ProblemView))]
internal sealed partial class ControlJson : JsonSerializerContext;
