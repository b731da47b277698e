using System.Diagnostics;

namespace V100.Load;

/// <summary>What a run of <see cref="SignalingLoad"/> found.</summary>
internal sealed record SignalingLoadResult
{
    public required double Seconds { get; init; }
    public required bool Connects { get; init; }
    public required long Joins { get; init; }
    public required double JoinsPerSecond { get; init; }
    public required long Failures { get; init; }
    public string? FirstFailure { get; init; }

    /// <summary>From the first request to the session, and to its keys where it connects; the end not counted.</summary>
    public required double JoinP50Ms { get; init; }
    public required double JoinP99Ms { get; init; }
    public required double JoinMaxMs { get; init; }

    /// <summary>Of processor time, for a session made and ended; null where no --server-pid was given.</summary>
    public double? ServerUsPerJoin { get; init; }
    public double? ServerPercent { get; init; }

    public override string ToString() => new ResultText()
        .Line($"{Joins:N0} sessions made{(Connects ? ", connected" : "")} and ended in {Seconds:0.0} s ({JoinsPerSecond:N1}/s), {Failures:N0} failed")
        .LineIf(FirstFailure is not null, $"first failure: {FirstFailure}")
        .Line($"join p50 {JoinP50Ms:0.0} ms, p99 {JoinP99Ms:0.0} ms, max {JoinMaxMs:0.0} ms")
        .LineIf(ServerUsPerJoin is not null, $"server {ServerUsPerJoin:0} us of CPU per join, {ServerPercent:0} % of a core")
        .ToString();
}

/// <summary>Sessions made and ended, as fast as a number of clients can one after the other, or at a rate.</summary>
internal sealed class SignalingLoad(SignalingLoadOptions options) : IDisposable
{
    private const int PlayTurns = 4; // Of five sessions one publishes.

    // Whoever left is still a session's for a moment.
    private const int AddressesOfClient = 16;

    private static readonly TimeSpan _afterFailure = TimeSpan.FromMilliseconds(20);

    private readonly ControlClient _control = new(options.Url, options.Key, options.Secret);
    private readonly ClientDriver _driver = new(options.Clients * AddressesOfClient);
    private readonly LatencyHistogram _joins = new();
    private readonly Lock _gate = new();
    private readonly string _room = "signaling-" + Guid.NewGuid().ToString("N")[..8];
    private long _begun;
    private long _failures;
    private string? _firstFailure;

    public static async Task<int> RunAsync(string[] arguments)
    {
        if (arguments is ["--help", ..])
        {
            Console.WriteLine(SignalingLoadOptions.Usage);
            return 0;
        }

        var options = SignalingLoadOptions.Parse(arguments);
        using var run = new SignalingLoad(options);
        SignalingLoadResult result = await run.RunAsync().ConfigureAwait(false);
        Console.WriteLine(result);
        LoadJson.Write(result, options.Json);
        return 0;
    }

    private async Task<SignalingLoadResult> RunAsync()
    {
        using var clients = new ChurningClients(_control, _driver, options.Calls);
        ServerFigures before = ReadServer();
        long began = Stopwatch.GetTimestamp();
        using var ended = new CancellationTokenSource();
        Task progress = TellAsync(ended.Token);
        await Task.WhenAll(Enumerable.Range(0, options.Clients).Select(client => Task.Run(() => ComeAndGoAsync(clients, client, began)))).ConfigureAwait(false);
        double seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        ServerFigures after = ReadServer();
        await ended.CancelAsync().ConfigureAwait(false);
        await progress.ConfigureAwait(false);
        double serverSeconds = after.ProcessorSeconds - before.ProcessorSeconds;
        return new SignalingLoadResult
        {
            Seconds = seconds,
            Connects = options.Connects,
            Joins = _joins.Count,
            JoinsPerSecond = _joins.Count / seconds,
            Failures = _failures,
            FirstFailure = _firstFailure,
            JoinP50Ms = _joins.PercentileMicroseconds(0.5) / 1000,
            JoinP99Ms = _joins.PercentileMicroseconds(0.99) / 1000,
            JoinMaxMs = _joins.MaxMicroseconds / 1000,
            ServerUsPerJoin = options.ServerPid == 0 ? null : 1e6 * serverSeconds / Math.Max(_joins.Count, 1),
            ServerPercent = options.ServerPid == 0 ? null : 100 * serverSeconds / seconds,
        };
    }

    private async Task ComeAndGoAsync(ChurningClients clients, int number, long began)
    {
        while (true)
        {
            long turn = Interlocked.Increment(ref _begun) - 1;
            TimeSpan due = options.Rate == 0 ? Stopwatch.GetElapsedTime(began) : TimeSpan.FromSeconds((double)turn / options.Rate);
            if (due.TotalSeconds >= options.Seconds)
            {
                return;
            }

            TimeSpan early = due - Stopwatch.GetElapsedTime(began);
            if (early > TimeSpan.Zero)
            {
                await Task.Delay(early).ConfigureAwait(false);
            }

            await JoinOnceAsync(clients, $"{_room}-{number}", turn).ConfigureAwait(false);
        }
    }

    private async Task JoinOnceAsync(ChurningClients clients, string room, long turn)
    {
        long began = Stopwatch.GetTimestamp();
        try
        {
            ChurningClient client = turn % (PlayTurns + 1) == PlayTurns
                ? await clients.PublishAsync(room, $"client-{turn}", options.Connects).ConfigureAwait(false)
                : await clients.PlayAsync(room, $"client-{turn}", "nobody-yet", options.Connects).ConfigureAwait(false);
            var took = Stopwatch.GetElapsedTime(began);
            await clients.LeaveAsync(client).ConfigureAwait(false);
            lock (_gate)
            {
                _joins.Add((long)took.TotalNanoseconds);
            }
        }
        catch (LoadFailedException failure)
        {
            lock (_gate)
            {
                _failures++;
                _firstFailure ??= failure.Message;
            }

            await Task.Delay(_afterFailure).ConfigureAwait(false);
        }
    }

    private async Task TellAsync(CancellationToken ended)
    {
        while (!ended.IsCancellationRequested)
        {
            await Task.Delay(TimeSpan.FromSeconds(1), ended).ContinueWith(_ => { }, TaskScheduler.Default).ConfigureAwait(false);
            lock (_gate)
            {
                Console.Error.WriteLine($"load: {_joins.Count} joined, {_failures} failed");
            }
        }
    }

    private ServerFigures ReadServer() => options.ServerPid == 0 ? default : ServerFigures.Read(options.ServerPid);

    public void Dispose()
    {
        _driver.Dispose();
        _control.Dispose();
    }
}

/// <summary>What a run of <see cref="SignalingLoad"/> does.</summary>
internal sealed record SignalingLoadOptions
{
    public const string Usage = """
        usage: V100.Load signaling --key ID --secret SECRET [OPTIONS]

          --url URL         the server's control URL (http://127.0.0.1:8080); a loopback address
          --key ID          an API key of the server, with which it makes its tokens
          --secret SECRET   the key's secret
          --clients N       so many at a time, each one session after the other, 1 to 200 (16)
          --rate N          sessions per second of all together, 1 to 10000; without it as fast as it goes
          --connect WORD    yes or no (yes): each connects by ICE and DTLS before it ends
          --seconds N       1 to 600 (10)
          --server-pid N    the server's process: adds its processor time
          --json FILE       writes the result there too

        Of five sessions one publishes, and the others play somebody who is not there yet. Each is ended by DELETE. A server limits the requests
        of one address and of one key; more than these are measured with V100:Http:RequestsPerSecondPerAddress=0 and …PerKey=0.
        """;

    public required Uri Url { get; init; }
    public required string Key { get; init; }
    public required string Secret { get; init; }
    public required int Clients { get; init; }
    public required int Rate { get; init; }
    public required bool Connects { get; init; }
    public required int Seconds { get; init; }
    public required int ServerPid { get; init; }
    public required string? Json { get; init; }

    public PublishAndPlayOptions Calls => PublishAndPlayOptions.Parse(["--url", Url.ToString(), "--key", Key, "--secret", Secret]);

    public static SignalingLoadOptions Parse(string[] arguments)
    {
        var given = new Arguments(arguments);
        var options = new SignalingLoadOptions
        {
            Url = given.LoopbackUrl("--url", "http://127.0.0.1:8080"),
            Key = given.Required("--key"),
            Secret = given.Required("--secret"),
            Clients = given.Whole("--clients", 16, 1, 200),
            Rate = given.Whole("--rate", 0, 1, 10_000),
            Connects = given.OneOf("--connect", "yes", "no") == "yes",
            Seconds = given.Whole("--seconds", 10, 1, 600),
            ServerPid = given.Whole("--server-pid", 0, 1, int.MaxValue),
            Json = given.Text("--json"),
        };
        given.RefuseRest();
        return options;
    }
}
