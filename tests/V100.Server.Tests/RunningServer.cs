using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using V100.Server.Configuration;
using V100.Server.Connections;
using V100.Server.Control;
using V100.Server.Media;
using V100.Turn;

namespace V100.Server.Tests;

/// <summary>The control plane on free loopback ports, over a <see cref="ScriptedConference"/> and a <see cref="ManualTime"/>.</summary>
internal sealed class RunningServer : IAsyncDisposable
{
    public const string Key = "key1";
    public const string Secret = "0123456789abcdef0123456789abcdef";

    private readonly MediaPlane? _media;

    private RunningServer(ServerHost host, ScriptedConference conference, ManualTime time, Records records, MediaPlane? media = null)
    {
        _media = media;
        Records = records;
        records.Start(host.Log, host.Plane.Keys, media?.Turn.Directory ?? new TurnDirectory());
        Host = host;
        Conference = conference;
        Time = time;
        Http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false }) { BaseAddress = new Uri(host.Url) };
    }

    public ServerHost Host { get; }
    public Records Records { get; }
    public ScriptedConference Conference { get; }

    /// <summary>Of a server that was started with media.</summary>
    public MediaPlane Media => _media!;
    public ManualTime Time { get; }
    public HttpClient Http { get; }

    public static Task<RunningServer> StartAsync(params string[] arguments) => StartAsync(null, new ScriptedRelays(), arguments);

    /// <param name="sink">Who serves connections over TCP and TLS; null for what a server without TURN has.</param>
    /// <param name="arguments">The configuration.</param>
    public static Task<RunningServer> StartAsync(IConnectionSink? sink, params string[] arguments) => StartAsync(sink, new ScriptedRelays(), arguments);

    public static Task<RunningServer> StartWithRelaysAsync(IRelays relays, params string[] arguments) => StartAsync(null, relays, arguments);

    private static async Task<RunningServer> StartAsync(IConnectionSink? sink, IRelays relays, string[] arguments)
    {
        (OptionsReader reader, ServerOptions options) = Configure(arguments);
        ScriptedConference conference = new();
        ManualTime time = new();
        Records records = new(options, time);
        ServerHost host = new(reader, options, options.ApiKeys, conference, relays, LocalAddresses.For(options), 3478, TlsCertificate.From(options), records, time, sink);
        await host.StartAsync();
        return new RunningServer(host, conference, time, records);
    }

    /// <summary>With the rooms and workers that the server itself has, on a free UDP port.</summary>
    public static async Task<RunningServer> StartWithMediaAsync(params string[] arguments)
    {
        (OptionsReader reader, ServerOptions options) = Configure(["--V100:Udp:Port=0", "--V100:Udp:Workers=2", .. arguments]);
        ManualTime time = new();
        IReadOnlyList<IPAddress> addresses = LocalAddresses.For(options);
        TlsCertificate? certificate = TlsCertificate.From(options);
        Records records = new(options, time);
        MediaPlane media = new(options, addresses, certificate, records);
        ServerHost host = new(
            reader, options, options.ApiKeys, new SfuConference(media, time), new TurnRelays(media), addresses, media.Port, certificate, records, time, media.Inboxes, media.Connections);
        media.Start(host.Log);
        host.Metrics.Add(new MediaMetrics(media).Collect);
        await host.StartAsync();
        return new RunningServer(host, null!, time, records, media);
    }

    /// <summary>Free ports of loopback, a key, and a store of its own.</summary>
    public static (OptionsReader Reader, ServerOptions Options) Configure(params string[] arguments)
    {
        OptionsReader reader = OptionsReader.FromArguments(
            ["--V100:Http:Url=http://127.0.0.1:0", "--V100:Tcp:Port=0", "--V100:Tls:Port=0", "--V100:Udp:Addresses=127.0.0.1", "--V100:Log:Level=error", $"--V100:ApiKeys:{Key}={Secret}", $"--V100:Store:Path={TemporaryFolder.NewPath()}/v100.db", .. arguments]);
        Assert.True(reader.TryRead(out ServerOptions options, out string? error), error);
        return (reader, options);
    }

    /// <summary>A token of <see cref="Key"/> that lives an hour.</summary>
    public string Token(string identity, VideoGrant video, string? name = null) => new AccessToken
    {
        Issuer = Key,
        Subject = identity,
        Name = name,
        ExpiresUnixSeconds = Time.GetUtcNow().ToUnixTimeSeconds() + 3600,
        Video = video,
    }.Sign(Encoding.UTF8.GetBytes(Secret));

    public string JoinToken(string identity, string room) => Token(identity, new VideoGrant { RoomJoin = true, Room = room });

    public string AdminToken(string? room = null) => Token("", new VideoGrant { RoomAdmin = true, RoomCreate = true, RoomList = true, Room = room });

    /// <param name="method">The HTTP method.</param>
    /// <param name="path">The path as it goes on the wire.</param>
    /// <param name="token">A bearer token; "basic" for the API key and its secret; null for none.</param>
    /// <param name="body">The body, or null.</param>
    /// <param name="type">Its media type.</param>
    /// <param name="headers">Name and value, in turn.</param>
    public async Task<Reply> SendAsync(string method, string path, string? token = null, string? body = null, string type = "application/json", params string[] headers)
    {
        using HttpRequestMessage request = new(new HttpMethod(method), new Uri(Http.BaseAddress!, path));
        if (token == "basic")
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{Key}:{Secret}")));
        }
        else if (token is not null)
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        }

        if (body is not null)
        {
            request.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body));
            request.Content.Headers.TryAddWithoutValidation("Content-Type", type);
        }

        for (int index = 0; index < headers.Length; index += 2)
        {
            Assert.True(request.Headers.TryAddWithoutValidation(headers[index], headers[index + 1]));
        }

        using HttpResponseMessage response = await Http.SendAsync(request);
        return await Reply.ReadAsync(response);
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await Host.DisposeAsync();
        if (_media is not null)
        {
            await _media.DisposeAsync();
        }

        await Records.DisposeAsync();
    }
}

/// <summary>An answer, read whole.</summary>
internal sealed record Reply(HttpStatusCode Status, string Body, string? Type, Dictionary<string, string> Headers)
{
    public int Code => (int)Status;

    public static async Task<Reply> ReadAsync(HttpResponseMessage response)
    {
        Dictionary<string, string> headers = new(StringComparer.OrdinalIgnoreCase);
        foreach (var header in response.Headers.Concat(response.Content.Headers))
        {
            headers[header.Key] = string.Join(", ", header.Value);
        }

        return new Reply(response.StatusCode, await response.Content.ReadAsStringAsync(), response.Content.Headers.ContentType?.MediaType, headers);
    }

    public JsonElement Json => JsonDocument.Parse(Body).RootElement;

    public string Header(string name) => Headers.GetValueOrDefault(name, "");

    /// <summary>Asserts a problem document of this status and code, and returns it.</summary>
    public JsonElement Problem(int status, string code)
    {
        Assert.Equal((status, "application/problem+json"), (Code, Type));
        JsonElement problem = Json;
        Assert.Equal(code, problem.GetProperty("code").GetString());
        Assert.Equal(status, problem.GetProperty("status").GetInt32());
        Assert.NotEmpty(problem.GetProperty("detail").GetString()!);
        return problem;
    }
}
