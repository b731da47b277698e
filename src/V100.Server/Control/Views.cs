using System.Text.Json.Serialization;

namespace V100.Server.Control;

/// <summary>A room as the API shows it.</summary>
/// <param name="Name">Unique.</param>
/// <param name="Metadata">The product's own.</param>
/// <param name="MaxParticipants">At a time.</param>
/// <param name="EmptyTimeoutSeconds">How long it stays without participants.</param>
/// <param name="CreatedAt">By the server's clock.</param>
/// <param name="ParticipantCount">Now.</param>
/// <param name="PublisherCount">Of these, who has tracks that can be played.</param>
/// <param name="EntityTag">Of what can be changed of it; as in the header ETag.</param>
internal sealed record RoomView(
    string Name,
    string? Metadata,
    int MaxParticipants,
    int EmptyTimeoutSeconds,
    DateTimeOffset CreatedAt,
    int ParticipantCount,
    int PublisherCount,
    string EntityTag);

internal sealed record RoomListView(IReadOnlyList<RoomView> Rooms);

/// <summary>A participant as the API shows it.</summary>
/// <param name="Identity">Unique in its room.</param>
/// <param name="Name">What others see.</param>
/// <param name="Metadata">The product's own.</param>
/// <param name="JoinedAt">By the server's clock.</param>
/// <param name="Permissions">In force now.</param>
/// <param name="Tracks">What can be played of it, or could were it not muted.</param>
/// <param name="EntityTag">Of what can be changed of it, mutes included; as in the header ETag.</param>
internal sealed record ParticipantView(
    string Identity,
    string? Name,
    string? Metadata,
    DateTimeOffset JoinedAt,
    PermissionView Permissions,
    IReadOnlyList<TrackView> Tracks,
    string EntityTag);

/// <summary>What a participant may do, by its tokens or as an administrator has set it.</summary>
internal sealed record PermissionView(bool CanPublish, bool CanSubscribe, bool CanPublishData, IReadOnlyList<string> CanPublishSources);

internal sealed record ParticipantListView(IReadOnlyList<ParticipantView> Participants);

/// <param name="Id">The track.</param>
/// <param name="Kind"><c>audio</c> or <c>video</c>.</param>
/// <param name="Source"><c>camera</c>, <c>microphone</c>, <c>screen_share</c>, <c>screen_share_audio</c>.</param>
/// <param name="Codec">Such as <c>VP8</c>.</param>
/// <param name="Muted">Whether an administrator has silenced it.</param>
/// <param name="Layers">Simulcast layers, the smallest first; one entry without simulcast; empty before the first packet.</param>
internal sealed record TrackView(string Id, string Kind, string Source, string Codec, bool Muted, IReadOnlyList<LayerView> Layers);

/// <summary>One simulcast layer.</summary>
/// <param name="Rid">Its name; empty without simulcast.</param>
/// <param name="Width">In pixels; 0 until a keyframe told.</param>
/// <param name="Height">In pixels; 0 until a keyframe told.</param>
/// <param name="BitrateBps">Over the last second; 0 while it is not sent.</param>
/// <param name="FramesPerSecond">Over the last second.</param>
/// <param name="Wanted">Whether anybody takes it, or did until a moment ago: a publisher may rest it when not.</param>
internal sealed record LayerView(string Rid, int Width, int Height, long BitrateBps, double FramesPerSecond, bool Wanted);

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
    PathView? Path,
    IReadOnlyList<StreamView> Streams,
    double? Score = null);

/// <summary>What is known of the path to a subscriber, by its feedback on what arrives.</summary>
/// <param name="Bound">Why the estimate is not higher: <c>delay</c>, <c>loss</c>, <c>demand</c>, <c>remb</c>, <c>silence</c>, <c>ceiling</c>.</param>
/// <param name="Signal">What delays say: <c>normal</c>, <c>overuse</c>, <c>underuse</c>.</param>
/// <param name="AcknowledgedBitrateBps">What arrives, over the last half second.</param>
/// <param name="WantedBitrateBps">What there is to send at most; nothing is probed for beyond it.</param>
/// <param name="DelayBitrateBps">What delays allow.</param>
/// <param name="LossBitrateBps">What losses allow, while they limit anything.</param>
/// <param name="ReceiverBitrateBps">What the receiver said (REMB), where it did.</param>
/// <param name="LossFraction">Of what was sent; 0 to 1.</param>
/// <param name="QueueMs">What stands on the path.</param>
/// <param name="PacerQueueMs">How long the video that waits in this server will take.</param>
internal sealed record PathView(
    string Bound,
    string Signal,
    long AcknowledgedBitrateBps,
    long WantedBitrateBps,
    long DelayBitrateBps,
    long? LossBitrateBps,
    long? ReceiverBitrateBps,
    double LossFraction,
    double QueueMs,
    double PacerQueueMs);

/// <summary>An encoding of a track, and layers in it.</summary>
/// <param name="Layer">Its rid; null where the publisher gave it none.</param>
/// <param name="Spatial">The highest spatial layer; null for whatever there is.</param>
/// <param name="Temporal">The highest temporal layer; null for whatever there is.</param>
internal sealed record LayerTargetView(string? Layer, int? Spatial, int? Temporal);

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
/// <param name="Width">Of the picture that is sent, in pixels; of a published one the largest.</param>
/// <param name="Height">Of the picture that is sent, in pixels; of a published one the largest.</param>
/// <param name="FramesPerSecond">Over the last second.</param>
/// <param name="SpatialLayer">The highest that is sent.</param>
/// <param name="TemporalLayer">The highest that is sent.</param>
/// <param name="Target">What is to be sent; null for nothing.</param>
/// <param name="Reason">
/// Why it is no more: <c>no_layer_active</c>, <c>paused_by_client</c>, <c>best</c>, <c>constrained_by_client</c>, <c>estimate_too_low</c>, <c>holding_back</c>.
/// </param>
/// <param name="WantedBitrateBps">What the target takes of the path.</param>
/// <param name="Paused">The subscriber asked for nothing.</param>
/// <param name="Score">1 to 5; null where there is nothing to score.</param>
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
    double? JitterMs,
    int? Width = null,
    int? Height = null,
    double? FramesPerSecond = null,
    int? SpatialLayer = null,
    int? TemporalLayer = null,
    LayerTargetView? Target = null,
    string? Reason = null,
    long? WantedBitrateBps = null,
    bool? Paused = null,
    double? Score = null);

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
    GenerationMode = JsonSourceGenerationMode.Serialization,
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(RoomView))]
[JsonSerializable(typeof(RoomListView))]
[JsonSerializable(typeof(ParticipantView))]
[JsonSerializable(typeof(TrackView))]
[JsonSerializable(typeof(ParticipantListView))]
[JsonSerializable(typeof(SessionView))]
[JsonSerializable(typeof(LayerLimitListView))]
[JsonSerializable(typeof(QualityListView))]
[JsonSerializable(typeof(TokenView))]
[JsonSerializable(typeof(AllocationListView))]
[JsonSerializable(typeof(DenialListView))]
[JsonSerializable(typeof(IceServerListView))]
[JsonSerializable(typeof(HealthView))]
[JsonSerializable(typeof(ProblemView))]
internal sealed partial class ControlJson : JsonSerializerContext;
