using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace V100.EndToEnd.Tests;

/// <summary>The programs under clients/.</summary>
internal enum ClientKind
{
    Chromium,
    Firefox,
    Aiortc,
    GStreamer,
}

/// <summary>What a client is asked for, beyond where to go.</summary>
internal sealed record ClientOptions
{
    public string? Codec { get; init; }
    public int Width { get; init; } = 640;
    public int Height { get; init; } = 360;
    public int FramesPerSecond { get; init; } = 15;
    public int Joins { get; init; } = 1;

    /// <summary>Browsers only: a publisher sends its picture also at a half and at a quarter of the width.</summary>
    public bool Simulcast { get; init; }

    /// <summary>Where it reaches the server, if not where the others do.</summary>
    public Uri? Server { get; init; }

    /// <summary>Browsers only: the address and port that replace those of the server's candidates.</summary>
    public string? Candidate { get; init; }

    /// <summary>Browsers only: the transport, <c>udp</c>, <c>tcp</c> or <c>tls</c>, to the server's own TURN, over which everything goes.</summary>
    public string? Relay { get; init; }

    /// <summary>Browsers only: the protocol, <c>udp</c> or <c>tcp</c>, of the server's candidates that the client gets to see.</summary>
    public string? Only { get; init; }

    /// <summary>Browsers only: the PEM file of an authority to trust.</summary>
    public string? Authority { get; init; }

    /// <summary>The namespace that the client runs in.</summary>
    public string? Namespace { get; init; }
}

/// <summary>
/// A real WebRTC client as a child process. It joins at once and then prints one JSON object per line (`joined`, `stats`, `picture`,
/// `left`, `error`); it takes `stop`, `restart` (ICE), `watch` (for gaps between frames, from now on) and `die` on its standard input, and ends by itself when that closes.
/// </summary>
internal sealed class ClientProcess : IAsyncDisposable
{
    /// <summary>RTCRtpEncodingParameters as a product sets them.</summary>
    private const string SimulcastEncodings = """
        [{"rid":"q","scaleResolutionDownBy":4,"maxBitrate":120000},{"rid":"h","scaleResolutionDownBy":2,"maxBitrate":300000},{"rid":"f","maxBitrate":1200000}]
        """;

    private static readonly TimeSpan _joinLimit = TimeSpan.FromSeconds(45);
    private static readonly TimeSpan _watchLimit = TimeSpan.FromSeconds(15);
    private readonly Process _process;
    private readonly List<JsonElement> _events = [];
    private readonly StringBuilder _errors = new();
    private readonly string _name;

    private ClientProcess(string name, string[] command)
    {
        _name = name;
        _process = Process.Start(new ProcessStartInfo(command[0], command[1..])
        {
            WorkingDirectory = Repository.Clients,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        _process.OutputDataReceived += (_, line) => OnLine(line.Data);
        _process.ErrorDataReceived += (_, line) => OnError(line.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public static ClientProcess Publish(ClientKind kind, Uri server, string room, string token, ClientOptions options)
        => Start(kind, "publish", new Uri(server, $"/v1/rooms/{room}/whip"), token, options);

    public static ClientProcess Play(ClientKind kind, Uri server, string room, string token, ClientOptions options)
        => Start(kind, "play", new Uri(server, $"/v1/rooms/{room}/whep"), token, options);

    /// <summary>The newest event of a name, or null.</summary>
    public JsonElement? Last(string name)
    {
        lock (_events)
        {
            int index = _events.FindLastIndex(item => Name(item) == name);
            return index < 0 ? null : _events[index];
        }
    }

    public IReadOnlyList<JsonElement> All(string name)
    {
        lock (_events)
        {
            return [.. _events.Where(item => Name(item) == name)];
        }
    }

    /// <summary>Waits for the last of its joins and returns the path of its session.</summary>
    public async Task<string> JoinedAsync(int joins = 1)
    {
        await WaitAsync($"{joins} joins", _joinLimit * joins, () => All("joined").Count >= joins);
        return Last("joined")!.Value.GetProperty("session").GetString()!;
    }

    /// <summary>Waits for a condition on what the client said; an error of the client ends the wait.</summary>
    public Task WaitAsync(string what, TimeSpan limit, Func<bool> condition)
        => Poll.UntilAsync(
            $"{_name}: {what}", limit,
            () =>
            {
                Assert.True(Last("error") is null, $"{_name} failed:\n{Transcript()}");
                bool holds = condition();
                Assert.True(holds || !_process.HasExited, $"{_name} ended with {(_process.HasExited ? _process.ExitCode : 0)}:\n{Transcript()}");
                return Task.FromResult(holds);
            },
            Transcript);

    /// <summary>A number of the newest statistics; 0 before the first.</summary>
    public double Figure(string name)
        => Last("stats") is { } stats && stats.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : 0;

    public string Text(string name)
        => Last("stats") is { } stats && stats.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : "";

    public void Command(string command)
    {
        _process.StandardInput.WriteLine(command);
        _process.StandardInput.Flush();
    }

    /// <summary>From now on <see cref="LongestFrameGapAsync"/> counts. Browsers only.</summary>
    public async Task WatchFramesAsync()
    {
        int before = All("watching").Count;
        Command("watch");
        await WaitAsync("frames are watched", _watchLimit, () => All("watching").Count > before);
    }

    /// <summary>Between two frames that were shown since <see cref="WatchFramesAsync"/>, in milliseconds, up to this moment.</summary>
    public async Task<double> LongestFrameGapAsync()
    {
        // The second of them was read after this call.
        int before = All("stats").Count;
        await WaitAsync("new statistics", _watchLimit, () => All("stats").Count > before + 1);
        return Figure("frameGapMs");
    }

    /// <summary>Ends the session by DELETE and the client with it; returns the status of the DELETE.</summary>
    public async Task<int> StopAsync()
    {
        Command("stop");
        await Poll.UntilAsync($"{_name} ends", TimeSpan.FromSeconds(20), () => Task.FromResult(_process.HasExited), Transcript);
        // A process is gone before its last lines are read.
        await Poll.UntilAsync($"{_name} says that it left", TimeSpan.FromSeconds(5), () => Task.FromResult(Last("left") is not null || Last("error") is not null), Transcript);
        Assert.True(Last("error") is null, Transcript());
        return Last("left")!.Value.GetProperty("status").GetInt32();
    }

    /// <summary>Gone without a word: browser, connection and all.</summary>
    public async Task DieAsync()
    {
        Command("die");
        await Poll.UntilAsync($"{_name} dies", TimeSpan.FromSeconds(10), () => Task.FromResult(_process.HasExited), Transcript);
    }

    /// <summary>What it said: the last lines, for a failure's message.</summary>
    public string Transcript()
    {
        lock (_events)
        {
            IEnumerable<string> lines = _events.TakeLast(8).Select(item => item.GetRawText());
            return $"{_name}:\n{string.Join('\n', lines)}\n{_errors}";
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            // The end of its input is `stop`.
            _process.StandardInput.Close();
            using CancellationTokenSource limit = new(TimeSpan.FromSeconds(10));
            try
            {
                await _process.WaitForExitAsync(limit.Token);
            }
            catch (OperationCanceledException)
            {
                _process.Kill(entireProcessTree: true);
            }
        }

        _process.Dispose();
    }

    private static ClientProcess Start(ClientKind kind, string role, Uri endpoint, string token, ClientOptions options)
    {
        string[] program = kind switch
        {
            ClientKind.Chromium => ["node", "chromium.mjs"],
            ClientKind.Firefox => ["node", "firefox.mjs"],
            ClientKind.Aiortc => ["/usr/bin/python3", "aiortc_client.py"],
            _ => ["/usr/bin/python3", "gstreamer_client.py"],
        };
        bool isBrowser = kind is ClientKind.Chromium or ClientKind.Firefox;
        string[] command =
        [
            .. program, role, "--url", endpoint.ToString(), "--token", token,
            .. Number("width", options.Width), .. Number("height", options.Height), .. Number("fps", options.FramesPerSecond),
            .. options.Codec is null ? Array.Empty<string>() : ["--codec", options.Codec],
            .. isBrowser ? Number("joins", options.Joins) : [],
            .. options.Candidate is null ? Array.Empty<string>() : ["--candidate", options.Candidate],
            .. options.Relay is null ? Array.Empty<string>() : ["--relay", options.Relay],
            .. options.Only is null ? Array.Empty<string>() : ["--only", options.Only],
            .. options.Simulcast && role == "publish" ? ["--encodings", SimulcastEncodings] : Array.Empty<string>(),
            .. options.Authority is null ? Array.Empty<string>() : ["--authority", options.Authority],
        ];
        return new ClientProcess($"{kind} {role}", options.Namespace is null ? command : NetworkNamespaces.Inside(options.Namespace, command));
    }

    private static string[] Number(string name, int value) => [$"--{name}", value.ToString(CultureInfo.InvariantCulture)];

    private static string Name(JsonElement item) => item.GetProperty("event").GetString()!;

    private void OnLine(string? line)
    {
        if (line is null)
        {
            return;
        }

        lock (_events)
        {
            try
            {
                _events.Add(JsonSerializer.Deserialize<JsonElement>(line));
            }
            catch (JsonException)
            {
                _errors.AppendLine(line);
            }
        }
    }

    private void OnError(string? line)
    {
        lock (_events)
        {
            _errors.AppendLine(line);
        }
    }
}
