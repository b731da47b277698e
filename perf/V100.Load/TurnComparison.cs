using System.Diagnostics;

namespace V100.Load;

/// <summary>How a <see cref="TurnComparison"/> is run.</summary>
/// <param name="V100">The native binary.</param>
/// <param name="Coturn">turnserver.</param>
/// <param name="Folder">Where turn.md and turn.json go.</param>
/// <param name="IsQuick">Fewer rows, shorter.</param>
internal sealed record TurnComparisonOptions(string V100, string Coturn, string Folder, bool IsQuick)
{
    public const string Usage = """
        usage: V100.Load compare-turn --v100 BINARY --coturn TURNSERVER --out FOLDER [--quick yes]

        Starts both servers on loopback, each with one relaying thread, both on the machine's last core, this program on its first, and
        measures them in turns. Prints a table, and writes it to FOLDER/turn.md and FOLDER/turn.json. On a machine with other work latencies
        are that work's, and so are the batches that packets arrive in: there run it by chrt -f 10, which holds the other work up meanwhile.
        """;

    public int Rounds => IsQuick ? 5 : 7;

    public TimeSpan Duration => TimeSpan.FromMilliseconds(IsQuick ? 500 : 1000);

    public static TurnComparisonOptions Parse(string[] arguments)
    {
        var given = new Arguments(arguments);
        var options = new TurnComparisonOptions(
            given.Required("--v100"), given.Required("--coturn"), given.Required("--out"), given.OneOf("--quick", "no", "yes") == "yes");
        given.RefuseRest();
        return options;
    }
}

/// <summary>
/// V100 beside coturn. Each row measures both in turns, in short slices, so that whatever slows the machine down meets both: the ratio is
/// the median of the rounds' own ratios.
/// </summary>
internal sealed class TurnComparison(TurnComparisonOptions options)
{
    // With the ten that come first, of which memory is not counted.
    private const int MemoryAllocations = 2010;
    private const int CycledClients = 1000;

    private readonly int _core = Environment.ProcessorCount - 1;
    private readonly List<TurnComparisonRow> _rows = [];

    public static int Run(string[] arguments)
    {
        if (arguments is ["--help", ..])
        {
            Console.WriteLine(TurnComparisonOptions.Usage);
            return 0;
        }

        var options = TurnComparisonOptions.Parse(arguments);
        PinToFirstCore();
        var report = new TurnComparisonReport(options, new TurnComparison(options).Measure());
        report.Write();
        Console.WriteLine(report.Text);
        return 0;
    }

    /// <summary>This thread, which is all of the generator. A machine of one core shares it.</summary>
    private static void PinToFirstCore()
    {
        if (OperatingSystem.IsLinux())
        {
            using Process self = Process.GetCurrentProcess();
            self.ProcessorAffinity = 1;
        }
    }

    private List<TurnComparisonRow> Measure()
    {
        using (MeasuredServer v100 = MeasuredServer.StartV100(options.V100, _core))
        using (MeasuredServer coturn = MeasuredServer.StartCoturn(options.Coturn, _core))
        {
            foreach (TurnComparisonCase what in TurnComparisonCases.All(options.IsQuick))
            {
                Add(MeasureTraffic(what, v100, coturn));
            }

            Add(MeasureAllocations(v100, coturn));
        }

        Add(MeasureMemory());
        return _rows;
    }

    private void Add(TurnComparisonRow row)
    {
        _rows.Add(row);
        Console.WriteLine(TurnComparisonReport.Line(row));
    }

    private TurnComparisonRow MeasureTraffic(TurnComparisonCase what, MeasuredServer v100, MeasuredServer coturn)
    {
        using TurnLoad ofV100 = Load(v100, what.Mode, what.Allocations, what.Shape.Burst);
        using TurnLoad ofCoturn = Load(coturn, what.Mode, what.Allocations, what.Shape.Burst);
        ofV100.Open();
        ofCoturn.Open();
        TurnTrafficShape shape = what.IsHalfLoad ? HalfLoad(ofCoturn, what.Shape) : what.Shape;
        var row = new TurnComparisonRow(what.IsHalfLoad ? $"{what.Name} ({shape.RatePerSecond:N0}/s)" : what.Name, "µs", what.Target);
        InTurns(
            row,
            () => Figure(what, ofV100.MeasureTraffic(shape, options.Duration)),
            () => Figure(what, ofCoturn.MeasureTraffic(shape, options.Duration)));
        ofV100.Close();
        ofCoturn.Close();
        return row;
    }

    /// <summary>Half of what one core of coturn can do, for both.</summary>
    private TurnTrafficShape HalfLoad(TurnLoad ofCoturn, TurnTrafficShape shape)
    {
        TurnLoadResult saturated = ofCoturn.MeasureTraffic(shape with { RatePerSecond = 0 }, options.Duration);
        return shape with { RatePerSecond = (int)(0.5 * 1e6 / saturated.ServerUsPerPacket!.Value) };
    }

    private static TurnComparisonFigure Figure(TurnComparisonCase what, TurnLoadResult result) => new(
        what.MeasuresLatency ? result.LatencyP99Us : result.ServerUsPerPacket!.Value,
        result.ReceivedPerSecond,
        (double)result.PacketsLost / Math.Max(result.PacketsSent, 1),
        result.ServerPercent!.Value,
        result.GeneratorPercent,
        what.MeasuresLatency ? new TurnLatency(result.LatencyP50Us, result.LatencyP90Us, result.LatencyP99Us, result.LatencyMaxUs) : null);

    private TurnComparisonRow MeasureAllocations(MeasuredServer v100, MeasuredServer coturn)
    {
        using TurnLoad ofV100 = Load(v100, "allocate", CycledClients, burst: 1);
        using TurnLoad ofCoturn = Load(coturn, "allocate", CycledClients, burst: 1);
        var row = new TurnComparisonRow("allocation with a channel, made and deleted: CPU", "µs", 0.3);
        InTurns(row, () => Cycles(ofV100), () => Cycles(ofCoturn));
        return row;
    }

    private TurnComparisonFigure Cycles(TurnLoad load)
    {
        AllocationLoadResult result = load.MeasureCycles(options.Duration);
        return new TurnComparisonFigure(
            result.ServerUsPerAllocation!.Value, result.AllocationsPerSecond, (double)result.Failures / Math.Max(result.Allocations + result.Failures, 1), result.ServerPercent!.Value, 0);
    }

    /// <summary>Each round by servers that have just started: what a server has once had it may keep.</summary>
    private TurnComparisonRow MeasureMemory()
    {
        var row = new TurnComparisonRow($"resident memory per allocation, {MemoryAllocations - 10:N0} idle", "KiB", 0.25);
        InTurns(
            row,
            () => Memory(() => MeasuredServer.StartV100(options.V100, _core)),
            () => Memory(() => MeasuredServer.StartCoturn(options.Coturn, _core)));
        return row;
    }

    private static TurnComparisonFigure Memory(Func<MeasuredServer> start)
    {
        using MeasuredServer server = start();
        using TurnLoad load = Load(server, "allocate", MemoryAllocations, burst: 1);
        return new TurnComparisonFigure(load.MeasureMemory(), 0, 0, 0, 0);
    }

    private void InTurns(TurnComparisonRow row, Func<TurnComparisonFigure> v100, Func<TurnComparisonFigure> coturn)
    {
        for (int round = 0; round < options.Rounds; round++)
        {
            // Neither always has the machine as the other leaves it.
            bool v100First = (round & 1) == 0;
            TurnComparisonFigure first = v100First ? v100() : coturn();
            TurnComparisonFigure second = v100First ? coturn() : v100();
            row.Add(v100First ? first : second, v100First ? second : first);
        }
    }

    private static TurnLoad Load(MeasuredServer server, string mode, int allocations, int burst) => new(new TurnLoadOptions
    {
        Server = server.Address,
        User = MeasuredServer.User,
        Password = MeasuredServer.Password,
        Mode = mode,
        Allocations = allocations,
        Burst = burst,
        ServerPid = server.ProcessId,
    });
}
