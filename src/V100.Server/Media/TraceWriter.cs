using System.Globalization;
using System.Text.Json;
using V100.Net;
using V100.Net.Sockets;
using V100.Server.Control;
using V100.Sfu.Bwe;
using V100.Sfu.Forwarding;
using V100.Sfu.Peers;

namespace V100.Server.Media;

/// <summary>
/// Writes the decisions of traced sessions, one line of JSON each. Workers hand them over through <see cref="DecisionTrace"/> and never wait for
/// the disk; it looks for them ten times a second, once a session is traced for the first time.
/// </summary>
internal sealed class TraceWriter(string path, IReadOnlyList<DecisionTrace> traces) : IAsyncDisposable
{
    private const long MaxBytes = 1L << 30;
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);
    private static readonly byte[] NewLine = [(byte)'\n'];

    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _gate = new();
    private Task? _loop;
    private Stream? _output;

    /// <summary>Begins to write; any call but the first does nothing.</summary>
    public void Start(ILogger log)
    {
        lock (_gate)
        {
            _loop ??= Task.Run(() => RunAsync(log));
        }
    }

    /// <summary>A decision in the words of the API.</summary>
    public static TraceLine LineOf(Decision decision, DateTimeOffset at) => new(
        at,
        decision.Session,
        SnakeCase.Of(decision.Kind.ToString()),
        decision.Track?.Id.ToString(),
        decision.From is { } from ? SessionViews.ViewOf(decision.Track, from) : null,
        decision.To is { } to ? SessionViews.ViewOf(decision.Track, to) : null,
        decision.Reason is { } reason ? SnakeCase.Of(reason.ToString()) : null,
        decision.EstimateBps,
        decision.FormerEstimateBps,
        decision.Bandwidth is { } state ? ViewOf(in state) : null,
        decision.Probe is { } probe ? new TraceProbe(probe.Id, probe.RateBps, probe.Bytes, probe.Packets) : null,
        decision.AudioBps,
        decision.Summary?.TotalBps,
        decision.Summary?.NextStepBps,
        decision.Options is null ? null : Array.ConvertAll(decision.Options, option => ViewOf(decision.Track, in option)),
        decision.Limits is { } limits ? LayerLimits.ViewOf(decision.Track, limits) : null,
        decision.PacerWait?.TotalMilliseconds,
        decision.Wanted is { } wanted ? NamesOf(decision.Track!, wanted) : null);

    private async Task RunAsync(ILogger log)
    {
        try
        {
            _output = path == "-" ? Console.OpenStandardOutput() : new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.Read);
            using PeriodicTimer timer = new(Interval);
            long written = _output.CanSeek ? _output.Position : 0;
            while (written < MaxBytes && await timer.WaitForNextTickAsync(_stop.Token).ConfigureAwait(false))
            {
                written += await WriteAsync(_output).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            await WriteAsync(_output!).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // The disk is full, or the reader of the output has gone: what is decided from now on is counted as dropped.
            ServerLog.TraceEnded(log, path, exception.Message);
        }
    }

    private async Task<long> WriteAsync(Stream output)
    {
        using MemoryStream lines = new();
        Instant now = MonotonicClock.Now;
        DateTimeOffset clock = DateTimeOffset.UtcNow;
        foreach (DecisionTrace trace in traces)
        {
            while (trace.TryRead(out Decision decision))
            {
                lines.Write(JsonSerializer.SerializeToUtf8Bytes(LineOf(decision, clock - (now - decision.At)), TraceJson.Default.TraceLine));
                lines.Write(NewLine);
            }
        }

        if (lines.Length > 0)
        {
            lines.Position = 0;
            await lines.CopyToAsync(output).ConfigureAwait(false);
            await output.FlushAsync().ConfigureAwait(false);
        }

        return lines.Length;
    }

    private static TracePath ViewOf(in BandwidthState state) => new(
        SnakeCase.Of(state.Bound.ToString()),
        SnakeCase.Of(state.Signal.ToString()),
        state.TrendMs,
        state.ThresholdMs,
        state.QueueMs,
        state.JitterMs,
        state.LossFraction,
        state.DelayBps,
        state.LossBps == long.MaxValue ? null : state.LossBps,
        state.RembBps == long.MaxValue ? null : state.RembBps,
        state.DemandBps);

    private static TraceOption ViewOf(PublishedTrack? track, in LayerOption option)
    {
        LayerTargetView? layers = SessionViews.ViewOf(track, new LayerTarget(option.Choice.Encoding, option.Choice.Spatial, option.Choice.Temporal));
        return new TraceOption(layers?.Layer, option.Choice.Spatial, option.Choice.Temporal, option.BitrateBps, option.Width, option.Height, option.FramesPerSecond);
    }

    private static string[] NamesOf(PublishedTrack track, uint wanted)
    {
        List<string> names = [];
        for (int index = 0; index < track.Encodings.Length; index++)
        {
            if ((wanted & EncodingWishes.MaskOf(index)) != 0)
            {
                names.Add(track.Encodings[index].Rid is { Length: > 0 } rid ? rid : index.ToString(CultureInfo.InvariantCulture));
            }
        }

        return [.. names];
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await (_loop ?? Task.CompletedTask).ConfigureAwait(false);
        if (_output is not null)
        {
            await _output.DisposeAsync().ConfigureAwait(false);
        }

        _stop.Dispose();
    }
}
