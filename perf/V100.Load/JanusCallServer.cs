using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using V100.Client;
using V100.Sfu.Sdp;
using V100.Simulation.World;

namespace V100.Load;

/// <summary>Janus, by its video room's JSON over HTTP: a session of Janus's for each client. It answers publishers, and offers to who plays.</summary>
internal sealed class JanusCallServer(Uri url) : ICallServer
{
    private const string Plugin = "janus.plugin.videoroom";
    private const int MaxEvents = 20;

    private readonly HttpClient _http = new(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false })
    {
        BaseAddress = url, Timeout = TimeSpan.FromSeconds(40),
    };

    private string? _roomHandle;
    private long _transaction;

    public string PublisherSetup => "active"; // Of both roles it takes the active one itself.

    public async Task CreateRoomAsync(string room, int publishers)
    {
        _roomHandle ??= await AttachAsync().ConfigureAwait(false);
        await RequestAsync(_roomHandle, new JsonObject
        {
            ["request"] = "create", ["room"] = room, ["publishers"] = publishers, ["audiocodec"] = "opus", ["videocodec"] = "vp8", ["bitrate"] = 0,
            ["notify_joining"] = false,
        }).ConfigureAwait(false);
    }

    public async Task<string> PublishAsync(string room, string identity, WebRtcClient client)
    {
        string handle = await AttachAsync().ConfigureAwait(false);
        var body = new JsonObject { ["request"] = "joinandconfigure", ["room"] = room, ["ptype"] = "publisher", ["id"] = identity, ["display"] = identity };
        await RequestAsync(handle, body, new JsonObject { ["type"] = "offer", ["sdp"] = WithCandidate(client) }).ConfigureAwait(false);
        return await DescriptionAsync(handle).ConfigureAwait(false);
    }

    public async Task<JoiningClient> PlayAsync(string room, string identity, string publisher, bool reports, Func<ClientOffer, WebRtcClient> create)
    {
        string handle = await AttachAsync().ConfigureAwait(false);
        var body = new JsonObject
        {
            ["request"] = "join", ["room"] = room, ["ptype"] = "subscriber", ["streams"] = new JsonArray(new JsonObject { ["feed"] = publisher }),
        };
        await RequestAsync(handle, body).ConfigureAwait(false);
        string offer = await DescriptionAsync(handle).ConfigureAwait(false);
        WebRtcClient transport = create(AnswerTo(offer, reports));
        await RequestAsync(handle, new JsonObject { ["request"] = "start" }, new JsonObject { ["type"] = "answer", ["sdp"] = WithCandidate(transport) }).ConfigureAwait(false);
        return new JoiningClient(transport, offer);
    }

    public async Task EndRoomAsync(string room) =>
        await RequestAsync(_roomHandle!, new JsonObject { ["request"] = "destroy", ["room"] = room }).ConfigureAwait(false);

    public void Dispose() => _http.Dispose();

    /// <summary>With the client's one address in it: Janus does not take checks before it knows of a candidate.</summary>
    private static string WithCandidate(WebRtcClient client) => client.OfferText.Replace(
        "a=ice-options:trickle\r\n",
        string.Create(CultureInfo.InvariantCulture, $"a=candidate:1 1 udp 2130706431 {client.Address.ToIPAddress()} {client.Address.Port} typ host\r\na=end-of-candidates\r\n"),
        StringComparison.Ordinal);

    /// <summary>With the session's fingerprint in its first section, where the client reads it (RFC 8122, 5: it counts for all).</summary>
    private static string WithFingerprint(string description)
    {
        int start = description.IndexOf("a=fingerprint:", StringComparison.Ordinal);
        int media = description.IndexOf("\r\nm=", StringComparison.Ordinal);
        if (start < 0 || start > media)
        {
            return description;
        }

        string line = description[start..(description.IndexOf("\r\n", start, StringComparison.Ordinal) + 2)];
        return description.Insert(description.IndexOf("\r\n", media + 2, StringComparison.Ordinal) + 2, line);
    }

    /// <summary>What is offered, section by section, with the numbers that it is offered under.</summary>
    private static ClientOffer AnswerTo(string offer, bool reports)
    {
        var sections = new List<OfferSection>();
        foreach (string text in offer.Split("\r\nm=")[1..])
        {
            string[] lines = text.Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
            string[] Values(string prefix) => [.. lines.Where(line => line.StartsWith(prefix, StringComparison.Ordinal)).Select(line => line[prefix.Length..])];
            string codec = lines[0].StartsWith("audio", StringComparison.Ordinal) ? "opus/" : "VP8/";
            string map = Values("a=rtpmap:").First(value => value.Contains($" {codec}", StringComparison.OrdinalIgnoreCase));
            byte payloadType = byte.Parse(map.Split(' ')[0], CultureInfo.InvariantCulture);
            string? retransmissions = Values("a=fmtp:").FirstOrDefault(value => value.EndsWith($" apt={payloadType}", StringComparison.Ordinal));
            sections.Add(new OfferSection
            {
                Kind = codec == "VP8/" ? MediaKind.Video : MediaKind.Audio, Mid = Values("a=mid:")[0], Sends = false,
                Formats = [new OfferedFormat(payloadType, map.Split(' ')[1], retransmissions is null ? -1 : int.Parse(retransmissions.Split(' ')[0], CultureInfo.InvariantCulture))],
                Extensions = [.. Values("a=extmap:").Select(Extension).Where(extension => extension.Kind != HeaderExtensionKind.None
                    && (reports || extension.Kind != HeaderExtensionKind.TransportCc))],
            });
        }

        return new ClientOffer { Sections = [.. sections], Setup = "active" };
    }

    private static (byte Id, HeaderExtensionKind Kind) Extension(string value)
    {
        string[] words = value.Split(' ');
        return (byte.Parse(words[0].Split('/')[0], CultureInfo.InvariantCulture), HeaderExtensionUri.KindOf(words[1]));
    }

    /// <summary>A session and a handle of the plugin in it, as the path that both have.</summary>
    private async Task<string> AttachAsync()
    {
        JsonNode session = await PostAsync("/janus", new JsonObject { ["janus"] = "create" }).ConfigureAwait(false);
        string path = string.Create(CultureInfo.InvariantCulture, $"/janus/{session["data"]!["id"]!.GetValue<ulong>()}");
        JsonNode handle = await PostAsync(path, new JsonObject { ["janus"] = "attach", ["plugin"] = Plugin }).ConfigureAwait(false);
        return string.Create(CultureInfo.InvariantCulture, $"{path}/{handle["data"]!["id"]!.GetValue<ulong>()}");
    }

    private async Task RequestAsync(string handle, JsonObject body, JsonObject? description = null)
    {
        var message = new JsonObject { ["janus"] = "message", ["body"] = body };
        if (description is not null)
        {
            message["jsep"] = description;
        }

        JsonNode answer = await PostAsync(handle, message).ConfigureAwait(false);
        ThrowIfRefused(answer);
    }

    /// <summary>The next event of the session that has SDP.</summary>
    private async Task<string> DescriptionAsync(string handle)
    {
        string session = handle[..handle.LastIndexOf('/')];
        for (int count = 0; count < MaxEvents; count++)
        {
            JsonNode happened = Parse(await _http.GetStringAsync(new Uri($"{session}?maxev=1", UriKind.Relative)).ConfigureAwait(false));
            ThrowIfRefused(happened);
            if (happened["jsep"] is { } description)
            {
                return WithFingerprint(description["sdp"]!.GetValue<string>());
            }
        }

        throw new LoadFailedException("Janus sent no description");
    }

    private async Task<JsonNode> PostAsync(string path, JsonObject message)
    {
        message["transaction"] = Interlocked.Increment(ref _transaction).ToString(CultureInfo.InvariantCulture);
        using var content = new StringContent(message.ToJsonString(), Encoding.UTF8, new MediaTypeHeaderValue("application/json"));
        try
        {
            using HttpResponseMessage response = await _http.PostAsync(new Uri(path, UriKind.Relative), content).ConfigureAwait(false);
            return Parse(await response.Content.ReadAsStringAsync().ConfigureAwait(false));
        }
        catch (Exception failure) when (failure is HttpRequestException or TaskCanceledException)
        {
            throw new LoadFailedException($"Janus, {path}: {failure.Message}");
        }
    }

    private static JsonNode Parse(string text) => JsonNode.Parse(text) ?? throw new LoadFailedException("Janus sent nothing");

    private static void ThrowIfRefused(JsonNode message)
    {
        if (message["janus"]?.GetValue<string>() == "error" || message["plugindata"]?["data"]?["error"] is not null)
        {
            throw new LoadFailedException($"Janus says {message.ToJsonString()}");
        }
    }
}
