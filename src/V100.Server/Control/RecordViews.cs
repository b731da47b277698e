using System.Text.Json.Serialization;

namespace V100.Server.Control;

/// <summary>What one participant used.</summary>
/// <param name="Room">Empty for what TURN relayed.</param>
/// <param name="Participant">The identity; of what TURN relayed the user, which is the part of a time-limited name behind the colon.</param>
/// <param name="ParticipantSeconds">With at least one connected session.</param>
/// <param name="TrackSeconds">Of all published tracks together, while connected.</param>
/// <param name="PublishedBytes">RTP and RTCP packets that came from the publisher, as UDP carries them, retransmissions and padding with them.</param>
/// <param name="DeliveredBytes">RTP and RTCP packets that went to the subscriber, likewise.</param>
/// <param name="RelayedBytes">Payload that TURN relayed for the user, both ways.</param>
internal sealed record UsageView(
    string Room, string Participant, double ParticipantSeconds, double TrackSeconds, long PublishedBytes, long DeliveredBytes, long RelayedBytes);

/// <param name="From">The beginning of the first hour that counts.</param>
/// <param name="To">The end of the last.</param>
/// <param name="Usage">One page, in the order of rooms and participants.</param>
/// <param name="Next">What <c>cursor</c> must be for the next page; null on the last one.</param>
internal sealed record UsageListView(DateTimeOffset From, DateTimeOffset To, IReadOnlyList<UsageView> Usage, string? Next);

/// <summary>A call with administrative rights.</summary>
/// <param name="Id">In the order of the calls.</param>
/// <param name="At">When it was answered.</param>
/// <param name="Key">The API key.</param>
/// <param name="Subject">The token's subject; empty without one.</param>
/// <param name="Method">The HTTP method.</param>
/// <param name="Path">Without the query.</param>
/// <param name="Status">Of the answer.</param>
/// <param name="Remote">The address that it came from.</param>
internal sealed record AuditView(long Id, DateTimeOffset At, string Key, string Subject, string Method, string Path, int Status, string Remote);

/// <param name="Entries">One page, the last ones first.</param>
/// <param name="Next">What <c>cursor</c> must be for the next page; null on the last one.</param>
internal sealed record AuditListView(IReadOnlyList<AuditView> Entries, string? Next);

/// <summary>An event on its way to one URL.</summary>
/// <param name="Id">In the order of the deliveries.</param>
/// <param name="Event">The event's id, as in its body.</param>
/// <param name="Kind">Such as <c>room_created</c>.</param>
/// <param name="Room">Null where it is of no room.</param>
/// <param name="Url">Without its query and credentials.</param>
/// <param name="At">When the event happened.</param>
/// <param name="State"><c>waiting</c>, <c>delivered</c>, <c>given_up</c>.</param>
/// <param name="Attempts">So far.</param>
/// <param name="AttemptedAt">When the last one ended; null before the first.</param>
/// <param name="Status">Of the last answer; null where none came.</param>
/// <param name="Error">What was wrong with the last attempt; null where nothing was.</param>
internal sealed record DeliveryView(
    long Id, string Event, string Kind, string? Room, string Url, DateTimeOffset At, string State, int Attempts, DateTimeOffset? AttemptedAt, int? Status, string? Error);

/// <param name="Deliveries">One page, the last ones first.</param>
/// <param name="Next">What <c>cursor</c> must be for the next page; null on the last one.</param>
internal sealed record DeliveryListView(IReadOnlyList<DeliveryView> Deliveries, string? Next);

/// <param name="Id">The event's id, as its body and its deliveries show it.</param>
internal sealed record WebhookTestView(string Id);

[JsonSourceGenerationOptions(
    GenerationMode = JsonSourceGenerationMode.Serialization,
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(UsageListView))]
[JsonSerializable(typeof(AuditListView))]
[JsonSerializable(typeof(DeliveryListView))]
[JsonSerializable(typeof(WebhookTestView))]
internal sealed partial class RecordJson : JsonSerializerContext;
