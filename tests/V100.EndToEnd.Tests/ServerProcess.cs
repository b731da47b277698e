using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace V100.EndToEnd.Tests;

/// <summary>The published binary as a child process: started on free ports, ready when /healthz answers, ended by SIGTERM.</summary>
internal sealed partial class ServerProcess : IAsyncDisposable
{
    public const string ApiKey = "e2e";
    public const string ApiSecret = "a-secret-of-the-end-to-end-tests-32-bytes-or-more";

    private const int MaxSignals = 25;
    private static readonly TimeSpan _signalInterval = TimeSpan.FromMilliseconds(200);

    private readonly Process _process;
    private readonly StringBuilder _log = new();
    private readonly StoreFolder _store = new();
    private readonly TaskCompletionSource<Match> _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private ServerProcess(string[] command, IReadOnlyDictionary<string, string> environment, bool bare)
    {
        var start = new ProcessStartInfo(command[0], command[1..]) { RedirectStandardOutput = true, RedirectStandardError = true };
        if (bare)
        {
            start.Environment.Clear();
        }

        foreach ((string name, string value) in environment)
        {
            start.Environment[name] = value;
        }

        // The command line has the last word, where a test needs the store of a former process.
        start.Environment["V100__Store__Path"] = _store.Path;
        Started = Stopwatch.GetTimestamp();
        _process = Process.Start(start)!;
        _process.OutputDataReceived += (_, line) => OnLine(line.Data);
        _process.ErrorDataReceived += (_, line) => OnLine(line.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>When the process was started, on the stopwatch's clock.</summary>
    public long Started { get; }

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    public int ExitCode => _process.ExitCode;

    /// <summary>Where this process reaches the control API.</summary>
    public Uri ControlUrl { get; private set; } = null!;

    /// <summary>Where the clients reach it.</summary>
    public Uri ClientUrl { get; private set; } = null!;

    public int UdpPort { get; private set; }

    public int TcpPort { get; private set; }

    public ControlApi Api { get; private set; } = null!;

    public string Log
    {
        get
        {
            lock (_log)
            {
                return _log.ToString();
            }
        }
    }

    /// <summary>On loopback, with ports that the system chooses.</summary>
    /// <param name="arguments">Added to the command line.</param>
    public static async Task<ServerProcess> StartAsync(params string[] arguments)
    {
        ServerProcess server = Launch([.. LoopbackArguments, .. arguments], bare: false);
        await server.WaitReadyAsync();
        return server;
    }

    /// <summary>On loopback, a relay for <see cref="TurnClient.User"/> to peers on loopback.</summary>
    public static Task<ServerProcess> StartRelayAsync(params string[] arguments) => StartAsync([.. RelayArguments, .. arguments]);

    /// <summary>As <see cref="StartRelayAsync"/>, under a limit of the shell's <c>ulimit</c>.</summary>
    public static async Task<ServerProcess> StartLimitedAsync(string limit, params string[] arguments)
    {
        string[] command = ["sh", "-c", $"ulimit {limit}; exec \"$0\" \"$@\"", Repository.Binary, .. LoopbackArguments, .. RelayArguments, .. arguments];
        ServerProcess server = new(command, new Dictionary<string, string> { [$"V100__ApiKeys__{ApiKey}"] = ApiSecret }, bare: false);
        await server.WaitReadyAsync();
        return server;
    }

    /// <summary>In the server's namespace, at its address.</summary>
    public static async Task<ServerProcess> StartAsync(NetworkNamespaces network, params string[] arguments)
    {
        string[] command = NetworkNamespaces.Inside(
            network.Server,
            [
                "env", $"V100__ApiKeys__{ApiKey}={ApiSecret}",
                Repository.Binary,
                "--V100:Http:Url=http://0.0.0.0:8080",
                $"--V100:PublicAddresses:0={network.ServerAddress}",
                $"--V100:PublicAddresses:1={network.ServerAddress6}",
                .. arguments,
            ]);
        ServerProcess server = new(command, new Dictionary<string, string>(), bare: false);
        await server.WaitReadyAsync();
        server.Reach(new Uri($"http://{network.ControlAddress}:8080"), new Uri($"http://{network.ServerAddress}:8080"));
        return server;
    }

    /// <summary>With nothing in its environment but the API key: no PATH, no DOTNET_ROOT. The caller waits.</summary>
    public static ServerProcess LaunchBare(int httpPort)
        => Launch([$"--V100:Http:Url=http://127.0.0.1:{httpPort}", "--V100:Udp:Port=0", "--V100:Tcp:Port=0"], bare: true);

    private static string[] RelayArguments =>
        [$"--V100:Turn:Users:{TurnClient.User}={TurnClient.Password}", "--V100:PublicAddresses:0=127.0.0.1", "--V100:Turn:AllowedPeers:0=127.0.0.0/8"];

    private static string[] LoopbackArguments => ["--V100:Http:Url=http://127.0.0.1:0", "--V100:Udp:Port=0", "--V100:Tcp:Port=0"];

    private static ServerProcess Launch(string[] arguments, bool bare)
        => new([Repository.Binary, .. arguments], new Dictionary<string, string> { [$"V100__ApiKeys__{ApiKey}"] = ApiSecret }, bare);

    /// <summary>SIGTERM, and the end of the process.</summary>
    public async Task<TimeSpan> TerminateAsync(TimeSpan limit)
    {
        long began = Stopwatch.GetTimestamp();
        Signal("TERM");
        await Poll.UntilAsync("the server ends after SIGTERM", limit, () => Task.FromResult(_process.HasExited), () => Log);
        return Stopwatch.GetElapsedTime(began);
    }

    public void Signal(string name) => Privilege.TryRun("kill", $"-{name}", Id.ToString(CultureInfo.InvariantCulture));

    /// <summary>One value of /proc/PID/status, in KiB.</summary>
    public long StatusKibibytes(string name)
    {
        string line = File.ReadLines($"/proc/{Id}/status").First(text => text.StartsWith(name + ":", StringComparison.Ordinal));
        return long.Parse(NumberPattern().Match(line).Value, CultureInfo.InvariantCulture);
    }

    public async ValueTask DisposeAsync()
    {
        // The second one stops at once, whatever is still open; two of which the first is not handled yet are one.
        for (int attempt = 0; attempt < MaxSignals && !_process.HasExited; attempt++)
        {
            Signal(attempt < MaxSignals - 1 ? "TERM" : "KILL");
            using CancellationTokenSource limit = new(_signalInterval);
            await _process.WaitForExitAsync(limit.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        Api?.Dispose();
        _process.Dispose();
        _store.Dispose();
    }

    private async Task WaitReadyAsync()
    {
        await Poll.UntilAsync("the server says that it is ready", TimeSpan.FromSeconds(15), () => Task.FromResult(_ready.Task.IsCompleted || HasExited), () => Log);
        Assert.False(HasExited, $"the server ended at its start:\n{Log}");
        Match ready = await _ready.Task;
        UdpPort = int.Parse(ready.Groups["udp"].Value, CultureInfo.InvariantCulture);
        TcpPort = int.Parse(ready.Groups["tcp"].Value, CultureInfo.InvariantCulture);
        var url = new Uri(ready.Groups["url"].Value);
        Reach(url, url);
    }

    private void Reach(Uri control, Uri client)
    {
        Api?.Dispose();
        ControlUrl = control;
        ClientUrl = client;
        Api = new ControlApi(control);
    }

    private void OnLine(string? line)
    {
        if (line is null)
        {
            return;
        }

        lock (_log)
        {
            _log.AppendLine(line);
        }

        if (ReadyPattern().Match(line) is { Success: true } match)
        {
            _ready.TrySetResult(match);
        }
    }

    [GeneratedRegex(@"is ready after \d+ ms: HTTP (?<url>\S+), UDP port (?<udp>\d+), TCP port (?<tcp>\d+)")]
    private static partial Regex ReadyPattern();

    [GeneratedRegex(@"\d+")]
    private static partial Regex NumberPattern();
}
