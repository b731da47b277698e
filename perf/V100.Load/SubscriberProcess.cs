using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Text.Json;
using V100.Net;
using V100.Net.Crypto;

namespace V100.Load;

/// <summary>
/// Subscribers in a process of their own, which has a core of its own where there is one. It says "joined" when all play, "received N" each
/// second and its totals in the end; it is told the measured window ("window FROM UNTIL"), and to end by the end of its input.
/// </summary>
internal sealed class SubscriberProcess : IDisposable
{
    public const string Mode = "subscribers";
    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(120);

    private readonly Process _process;
    private readonly TaskCompletionSource _joined = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<SubscriberTotals> _totals = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _received;

    private SubscriberProcess(Process process) => _process = process;

    /// <summary>Packets up to a second ago.</summary>
    public long Received => Volatile.Read(ref _received);

    /// <param name="arguments">The run's own.</param>
    /// <param name="run">Its rooms' name.</param>
    /// <param name="first">Of all subscribers, the first of this process.</param>
    /// <param name="count">How many.</param>
    /// <param name="block">Of addresses.</param>
    public static SubscriberProcess Start(string[] arguments, string run, int first, int count, int block)
    {
        string program = Environment.ProcessPath!;
        string[] before = Path.GetFileNameWithoutExtension(program) == "dotnet" ? [Assembly.GetExecutingAssembly().Location] : [];
        string part = string.Create(CultureInfo.InvariantCulture, $"{run}:{first}:{count}:{block}");
        var start = new ProcessStartInfo(program, [.. before, Mode, part, .. arguments]) { RedirectStandardInput = true, RedirectStandardOutput = true };
        var child = new SubscriberProcess(Process.Start(start) ?? throw new LoadFailedException("cannot start a process of subscribers"));
        child._process.OutputDataReceived += (_, line) => child.OnLine(line.Data);
        child._process.BeginOutputReadLine();
        return child;
    }

    public Task JoinedAsync() => WithinLimitAsync(_joined.Task, "join");

    public void SetWindow(Instant from, Instant until)
    {
        _process.StandardInput.WriteLine(string.Create(CultureInfo.InvariantCulture, $"window {from.Nanoseconds} {until.Nanoseconds}"));
        _process.StandardInput.Flush();
    }

    public async Task<SubscriberTotals> TotalsAsync()
    {
        await WithinLimitAsync(_totals.Task, "tell what they saw").ConfigureAwait(false);
        return await _totals.Task.ConfigureAwait(false);
    }

    /// <summary>The child's side.</summary>
    public static async Task<int> RunAsync(string[] arguments)
    {
        string[] part = arguments[0].Split(':');
        int Number(int index) => int.Parse(part[index], CultureInfo.InvariantCulture);
        PublishAndPlayOptions options = PublishAndPlayOptions.Parse(arguments[1..]);
        var window = new MeasuredWindow();
        using var dtls = new DtlsContext(DtlsCertificate.Create());
        using ICallServer server = options.Connect();
        using var driver = new ClientDriver(Number(2), Number(3), options.Network);
        var group = new SubscriberGroup(options, part[0], server, driver, dtls, window);
        await group.JoinAsync(Number(1), Number(2), firstAddress: 0).ConfigureAwait(false);
        Console.WriteLine("joined");
        using var ended = new CancellationTokenSource();
        Task progress = TellAsync(group, ended.Token);
        string[] told = (await Console.In.ReadLineAsync().ConfigureAwait(false))?.Split(' ') ?? [];
        if (told is ["window", var from, var until])
        {
            window.Set(new Instant(long.Parse(from, CultureInfo.InvariantCulture)), new Instant(long.Parse(until, CultureInfo.InvariantCulture)));
            await Waiting.UntilAsync(window.From).ConfigureAwait(false);
            double began = driver.ProcessorSeconds;
            await Waiting.UntilAsync(window.Until).ConfigureAwait(false);
            double processorSeconds = driver.ProcessorSeconds - began;
            await Task.Delay(PublishAndPlay.Drain).ConfigureAwait(false);
            SubscriberTotals totals = await group.TotalsAsync(processorSeconds).ConfigureAwait(false);
            Console.WriteLine($"totals {JsonSerializer.Serialize(totals)}");
            await Console.In.ReadLineAsync().ConfigureAwait(false);
        }

        await ended.CancelAsync().ConfigureAwait(false);
        await progress.ConfigureAwait(false);
        return 0;
    }

    private static async Task TellAsync(SubscriberGroup group, CancellationToken ended)
    {
        while (!ended.IsCancellationRequested)
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"received {group.Received}"));
            await Task.Delay(TimeSpan.FromSeconds(1), ended).ContinueWith(_ => { }, TaskScheduler.Default).ConfigureAwait(false);
        }
    }

    private void OnLine(string? line)
    {
        string[] words = line?.Split(' ', 2) ?? ["ended"];
        switch (words[0])
        {
            case "joined":
                _joined.TrySetResult();
                break;
            case "received":
                Volatile.Write(ref _received, long.Parse(words[1], CultureInfo.InvariantCulture));
                break;
            case "totals":
                _totals.TrySetResult(JsonSerializer.Deserialize<SubscriberTotals>(words[1])!);
                break;
            case "ended":
                _joined.TrySetException(new LoadFailedException("a process of subscribers ended"));
                _totals.TrySetException(new LoadFailedException("a process of subscribers ended"));
                break;
        }
    }

    private static async Task WithinLimitAsync(Task task, string what)
    {
        try
        {
            await task.WaitAsync(_limit).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            throw new LoadFailedException($"a process of subscribers does not {what} within {_limit.TotalSeconds:0} s");
        }
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.StandardInput.Close();
            if (!_process.WaitForExit(TimeSpan.FromSeconds(5)))
            {
                _process.Kill();
                _process.WaitForExit();
            }
        }

        _process.Dispose();
    }
}
