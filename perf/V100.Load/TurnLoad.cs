using V100.Net;
using V100.Net.Sockets;

namespace V100.Load;

/// <summary>Allocations of a TURN server over loopback: how fast it makes them, what they hold, and what relaying a packet costs it.</summary>
internal sealed class TurnLoad : IDisposable
{
    private static readonly TimeSpan _longestWarmUp = TimeSpan.FromMilliseconds(300);

    // The first allocations bring what the server makes only once; memory is counted from them on.
    private const int FirstAllocations = 10;

    private readonly TurnLoadOptions _options;
    private readonly TurnNetwork _network;
    private readonly TurnClient[] _clients;
    private readonly TurnAccount _account;
    private readonly TurnSignaling _signaling;

    public TurnLoad(TurnLoadOptions options)
    {
        _options = options;
        _network = new TurnNetwork(options.Burst > 1, options.Coalesces);
        _account = new TurnAccount(options.Server, options.User, options.Password, _network.Clients.Bound.Port, _network.Peers.Bound.Port);
        _clients = [.. Enumerable.Range(0, options.Allocations).Select(NewClient)];
        _signaling = new TurnSignaling(_network, _clients);
    }

    private TurnClient NewClient(int index) => new(index, _account, _options.Mode == "send" ? TurnUse.Indications : TurnUse.Channel);

    public static int Run(string[] arguments)
    {
        if (arguments is ["--help", ..])
        {
            Console.WriteLine(TurnLoadOptions.Usage);
            return 0;
        }

        var options = TurnLoadOptions.Parse(arguments);
        if (options.Mode == "hold")
        {
            return TurnHold.Run(options);
        }

        using var load = new TurnLoad(options);
        if (options.Mode == "allocate")
        {
            double? kibibytes = options.ServerPid != 0 && options.Allocations > FirstAllocations ? load.MeasureMemory() : null;
            AllocationLoadResult made = load.MeasureCycles(TimeSpan.FromSeconds(options.Seconds)) with { ServerKibibytesPerAllocation = kibibytes };
            Console.WriteLine(made);
            LoadJson.Write(made, options.Json);
            return 0;
        }

        load.Open();
        TurnLoadResult result = load.MeasureTraffic(options.Shape, TimeSpan.FromSeconds(options.Seconds));
        load.Close();
        Console.WriteLine(result);
        LoadJson.Write(result, options.Json);
        return 0;
    }

    /// <exception cref="LoadFailedException">An allocation is refused, or not answered.</exception>
    public void Open() => _signaling.Open();

    public void Close() => _signaling.Close();

    /// <summary>Between <see cref="Open"/> and <see cref="Close"/>, any number of times within the five minutes that a permission lasts.</summary>
    public TurnLoadResult MeasureTraffic(TurnTrafficShape shape, TimeSpan duration)
    {
        long droppedBefore = SendsDropped;
        TurnTrafficFigures figures = new TurnTraffic(_network, _account, _clients, shape).Measure(WarmUp(duration), duration, ReadServer);
        bool hasServer = _options.ServerPid != 0;
        return new TurnLoadResult
        {
            Mode = _options.Mode,
            Direction = shape.Up ? shape.Down ? "both" : "up" : "down",
            Allocations = _clients.Length,
            PayloadBytes = shape.Size,
            Burst = shape.Burst,
            Rate = shape.RatePerSecond,
            Seconds = figures.Lasted.TotalSeconds,
            PacketsSent = figures.Sent,
            PacketsReceived = figures.Received,
            PacketsLost = figures.Sent - figures.Received,
            ReceivedPerSecond = figures.ReceivedInTime / figures.Lasted.TotalSeconds,
            LatencyP50Us = figures.Latency.PercentileMicroseconds(0.5),
            LatencyP90Us = figures.Latency.PercentileMicroseconds(0.9),
            LatencyP95Us = figures.Latency.PercentileMicroseconds(0.95),
            LatencyP99Us = figures.Latency.PercentileMicroseconds(0.99),
            LatencyP999Us = figures.Latency.PercentileMicroseconds(0.999),
            LatencyMaxUs = figures.Latency.PercentileMicroseconds(1),
            GeneratorPercent = 100 * (1 - figures.Idle / figures.Lasted),
            SkippedTurns = figures.Skipped,
            SendsDropped = SendsDropped - droppedBefore,
            ServerUsPerPacket = hasServer ? 1e6 * figures.ServerSeconds / Math.Max(figures.ReceivedInTime, 1) : null,
            ServerPercent = hasServer ? 100 * figures.ServerSeconds / figures.Lasted.TotalSeconds : null,
        };
    }

    /// <summary>Makes and deletes allocations for so long.</summary>
    public AllocationLoadResult MeasureCycles(TimeSpan duration)
    {
        _signaling.Cycle(WarmUp(duration));
        ServerFigures before = ReadServer();
        Instant began = MonotonicClock.Now;
        AllocationCounts counts = _signaling.Cycle(duration);
        double seconds = (MonotonicClock.Now - began).TotalSeconds;
        double serverSeconds = ReadServer().ProcessorSeconds - before.ProcessorSeconds;
        bool hasServer = _options.ServerPid != 0;
        return new AllocationLoadResult
        {
            Clients = _clients.Length,
            Seconds = seconds,
            Allocations = counts.Cycles,
            Failures = counts.Failures,
            LastFailure = _signaling.LastFailure,
            AllocationsPerSecond = counts.Cycles / seconds,
            ServerUsPerAllocation = hasServer ? 1e6 * serverSeconds / Math.Max(counts.Cycles, 1) : null,
            ServerPercent = hasServer ? 100 * serverSeconds / seconds : null,
        };
    }

    /// <summary>Makes all allocations, and deletes them: the server's resident memory for each, in KiB. Right for a server that has not had more of them before.</summary>
    public double MeasureMemory()
    {
        var first = new TurnSignaling(_network, _clients[..FirstAllocations]);
        first.Open();
        long before = ReadServer().ResidentKibibytes;
        new TurnSignaling(_network, _clients).Open(FirstAllocations);
        long after = ReadServer().ResidentKibibytes;
        _signaling.Close();
        return (double)(after - before) / (_clients.Length - FirstAllocations);
    }

    private static TimeSpan WarmUp(TimeSpan duration) => duration / 5 < _longestWarmUp ? duration / 5 : _longestWarmUp;

    private long SendsDropped
    {
        get
        {
            long dropped = 0;
            for (SocketCounter counter = SocketCounter.DroppedWouldBlock; counter <= SocketCounter.DroppedOther; counter++)
            {
                dropped += _network.ClientCounters.Read(counter) + _network.PeerCounters.Read(counter);
            }

            return dropped;
        }
    }

    private ServerFigures ReadServer() => _options.ServerPid == 0 ? default : ServerFigures.Read(_options.ServerPid);

    public void Dispose() => _network.Dispose();
}
