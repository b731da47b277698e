using System.Text.Json.Nodes;

namespace V100.Sfu.Tests.Rooms;

/// <summary>A room as a client knows it that applies ticks to a snapshot, by nothing but what openapi.json says of them.</summary>
internal sealed class ToldRoom
{
    private readonly SortedDictionary<string, JsonObject> _participants = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, (string Identity, JsonObject Fields)> _tracks = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, (string Identity, JsonObject Fields)> _subscriptions = new(StringComparer.Ordinal);
    private JsonNode? _speakers;

    public IEnumerable<string> Identities => _participants.Keys;

    public static ToldRoom Of(string snapshot)
    {
        var room = new ToldRoom();
        JsonNode json = JsonNode.Parse(snapshot)!;
        foreach (JsonNode? participant in json["participants"]!.AsArray())
        {
            string identity = Text(participant!, "identity");
            foreach (JsonNode? track in participant!["tracks"]!.AsArray())
            {
                room._tracks.Add(Text(track!, "trackId"), (identity, Without(track!)));
            }

            foreach (JsonNode? subscription in participant["subscriptions"]!.AsArray())
            {
                room._subscriptions.Add(Text(subscription!, "subscription"), (identity, Without(subscription!)));
            }

            room._participants.Add(identity, Without(participant, "tracks", "subscriptions"));
        }

        room._speakers = json["speakers"]!.DeepClone();
        return room;
    }

    public void Apply(string tick)
    {
        foreach (JsonNode? change in JsonNode.Parse(tick)!["changes"]!.AsArray())
        {
            Apply(change!);
        }
    }

    /// <summary>All that is known, in one order.</summary>
    public override string ToString() => string.Join('\n', [
        .. _participants.Values.Select(Sorted),
        .. _tracks.Select(pair => $"{pair.Key} of {pair.Value.Identity}: {Sorted(pair.Value.Fields)}"),
        .. _subscriptions.Select(pair => $"{pair.Key} of {pair.Value.Identity}: {Sorted(pair.Value.Fields)}"),
        _speakers?.ToJsonString() ?? "",
    ]);

    private void Apply(JsonNode change)
    {
        string type = Text(change, "type");
        switch (type)
        {
            case "participant_joined":
                Leave(Text(change, "identity"));
                goto case "participant_updated";
            case "participant_updated":
                _participants[Text(change, "identity")] = Without(change, "type");
                break;
            case "participant_left":
                Assert.True(_participants.ContainsKey(Text(change, "identity")));
                Leave(Text(change, "identity"));
                break;
            case "track_published":
                _tracks.Add(Text(change, "trackId"), (Text(change, "identity"), Without(change, "type", "identity")));
                break;
            case "track_unpublished":
                Assert.True(_tracks.Remove(Text(change, "trackId")));
                break;
            case "track_muted" or "track_unmuted":
                TrackOf(change)["muted"] = type == "track_muted";
                break;
            case "layers_wanted":
                TrackOf(change)["wanted"] = change["wanted"]!.DeepClone();
                break;
            case "levels":
                foreach ((string track, JsonNode? level) in change["levels"]!.AsObject())
                {
                    _tracks[track].Fields["level"] = level!.DeepClone();
                }

                break;
            case "speakers":
                _speakers = Without(change, "type");
                break;
            case "subscription_ended":
                Assert.True(_subscriptions.Remove(Text(change, "subscription")));
                break;
            case "subscription_paused" or "subscription_resumed":
                JsonObject subscription = Without(change, "type", "identity");
                subscription["paused"] = type == "subscription_paused";
                if (_subscriptions.TryGetValue(Text(change, "subscription"), out var former) && former.Fields["score"] is { } score)
                {
                    subscription["score"] = score.DeepClone();
                }

                _subscriptions[Text(change, "subscription")] = (Text(change, "identity"), subscription);
                break;
            case "quality":
                RatedBy(change)["score"] = change["score"]!.DeepClone();
                break;
            default:
                Assert.Fail(type);
                break;
        }
    }

    private JsonObject RatedBy(JsonNode change)
    {
        if (change["trackId"] is not null)
        {
            return TrackOf(change);
        }

        if (change["subscription"] is null)
        {
            return _participants[Text(change, "identity")];
        }

        string id = Text(change, "subscription");
        _subscriptions.TryAdd(id, (Text(change, "identity"), new JsonObject { ["subscription"] = id, ["paused"] = false }));
        return _subscriptions[id].Fields;
    }

    private JsonObject TrackOf(JsonNode change)
    {
        (string identity, JsonObject fields) = _tracks[Text(change, "trackId")];
        Assert.Equal(identity, Text(change, "identity"));
        return fields;
    }

    private void Leave(string identity)
    {
        _participants.Remove(identity);
        foreach (string track in _tracks.Where(pair => pair.Value.Identity == identity).Select(pair => pair.Key).ToArray())
        {
            _tracks.Remove(track);
        }

        foreach (string subscription in _subscriptions.Where(pair => pair.Value.Identity == identity).Select(pair => pair.Key).ToArray())
        {
            _subscriptions.Remove(subscription);
        }
    }

    private static JsonObject Without(JsonNode json, params string[] names)
    {
        JsonObject copy = json.DeepClone().AsObject();
        foreach (string name in names)
        {
            copy.Remove(name);
        }

        return copy;
    }

    private static string Text(JsonNode json, string name) => json[name]!.GetValue<string>();

    private static string Sorted(JsonObject json) => string.Join(",", json.Select(pair => $"{pair.Key}={pair.Value?.ToJsonString()}").Order(StringComparer.Ordinal));
}
