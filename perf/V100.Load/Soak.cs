using System.Diagnostics;
using System.Globalization;
using V100.Reporting;

namespace V100.Load;

/// <summary>How a <see cref="Soak"/> is run.</summary>
internal sealed record SoakOptions
{
    public const string Usage = """
        usage: V100.Load soak --v100 BINARY --out FOLDER [OPTIONS]

          --minutes N      how long there is churn, 1 to 600 (30)
          --rooms N        each with a publisher of three encodings, 1 to 50 (5)
          --subscribers N  in each room on the average, 1 to 50 (6)
          --changes N      joins, leaves, layer switches and ICE restarts a second of all together, 1 to 50 (4)
          --sources FOLDER the repository, whose commit stands in the report (.)

        Starts the server itself on loopback. Clients come, and go by DELETE or without a word; limit their layers; restart ICE; and publishers
        are replaced. Beside them TURN allocations are made, refreshed, and ended or left to expire. In the end all leave, and the gauges of
        /metrics must be where they began; resident memory at the end of the churn is compared with that after five minutes, or after half of
        the time where that is shorter. Writes report.md, report.json and a chart into FOLDER. The exit code is 1 where something is left.
        """;

    public required string V100 { get; init; }
    public required string Folder { get; init; }
    public required int Minutes { get; init; }
    public required int Rooms { get; init; }
    public required int Subscribers { get; init; }
    public required int ChangesPerSecond { get; init; }
    public required string Sources { get; init; }

    public TimeSpan Duration => TimeSpan.FromMinutes(Minutes);

    /// <summary>What the end is compared with.</summary>
    public TimeSpan WarmUp => TimeSpan.FromMinutes(Math.Min(5, Minutes / 2.0));

    public static SoakOptions Parse(string[] arguments)
    {
        var given = new Arguments(arguments);
        var options = new SoakOptions
        {
            V100 = given.Required("--v100"),
            Folder = given.Required("--out"),
            Minutes = given.Whole("--minutes", 30, 1, 600),
            Rooms = given.Whole("--rooms", 5, 1, 50),
            Subscribers = given.Whole("--subscribers", 6, 1, 50),
            ChangesPerSecond = given.Whole("--changes", 4, 1, 50),
            Sources = given.Text("--sources") ?? ".",
        };
        given.RefuseRest();
        return options;
    }
}

/// <summary>Churn for a long time, and whether anything is left of it: memory, sessions, allocations, descriptors.</summary>
internal sealed class Soak : IDisposable
{
    // Sessions of those who left without a word end within it.
    private static readonly TimeSpan _settle = TimeSpan.FromSeconds(90);
    private static readonly TimeSpan _sampleInterval = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan _comparedTime = TimeSpan.FromSeconds(30);
    private const double MostGrowth = 1.02;

    private static readonly string[] _gauges =
    [
        "v100_rooms", "v100_sessions", "v100_peers", "v100_peer_ufrags", "v100_peer_addresses", "v100_dtls_sessions", "v100_packet_buffers",
        "v100_turn_allocations", "v100_turn_relay_ports", "v100_turn_buffers", "v100_tcp_queued_blocks",
    ];

    private readonly SoakOptions _options;
    private readonly MeasuredServer _server;
    private readonly ControlClient _control;
    private readonly List<(double Seconds, long Kibibytes)> _samples = [];

    private Soak(SoakOptions options)
    {
        _options = options;
        _server = MeasuredServer.StartV100Calls(options.V100, "127.0.0.1", Environment.ProcessorCount, core: null);
        _control = new ControlClient(_server.ControlUrl, MeasuredServer.Key, MeasuredServer.Secret);
    }

    public static async Task<int> RunAsync(string[] arguments)
    {
        if (arguments is ["--help", ..])
        {
            Console.WriteLine(SoakOptions.Usage);
            return 0;
        }

        using var soak = new Soak(SoakOptions.Parse(arguments));
        return await soak.RunAsync().ConfigureAwait(false) ? 0 : 1;
    }

    private async Task<bool> RunAsync()
    {
        Dictionary<string, double> before = await _control.ReadMetricsAsync(_gauges).ConfigureAwait(false);
        long began = Stopwatch.GetTimestamp();
        var churn = new SoakChurn(_options, _server, _control);
        var relays = new SoakRelays(_server, _options.Duration);
        using (churn)
        {
            Task relaying = Task.Run(relays.Run);
            Task changing = churn.RunAsync(began);
            while (Stopwatch.GetElapsedTime(began) < _options.Duration)
            {
                Sample(began);
                Console.Error.WriteLine(string.Create(
                    CultureInfo.InvariantCulture, $"load: {Stopwatch.GetElapsedTime(began).TotalMinutes:0.0} of {_options.Minutes} min, {_samples[^1].Kibibytes / 1024.0:0.0} MiB, {churn.Counts}, {relays.Counts}"));
                await Task.Delay(_sampleInterval).ConfigureAwait(false);
            }

            await Task.WhenAll(relaying, changing).ConfigureAwait(false);
            await churn.LeaveAllAsync().ConfigureAwait(false);
        }

        Dictionary<string, double> after = await SettledAsync(before).ConfigureAwait(false);
        Report report = CreateReport(before, after, churn, relays);
        report.WriteFolder(_options.Folder);
        foreach (ReportRow row in report.Rows)
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{row.FullName}: {row.Value.Median:0.###} {row.Unit}{(row.IsMet == false ? ", NOT MET" : "")} {row.Remark}"));
        }

        return report.Rows.All(row => row.IsMet != false);
    }

    private void Sample(long began) => _samples.Add((Stopwatch.GetElapsedTime(began).TotalSeconds, ServerFigures.Read(_server.ProcessId).ResidentKibibytes));

    /// <summary>The gauges, as soon as they are where they began; or after the time in which they must be.</summary>
    private async Task<Dictionary<string, double>> SettledAsync(Dictionary<string, double> before)
    {
        long began = Stopwatch.GetTimestamp();
        while (true)
        {
            Dictionary<string, double> now = await _control.ReadMetricsAsync(_gauges).ConfigureAwait(false);
            if (Stopwatch.GetElapsedTime(began) > _settle || now.All(gauge => gauge.Value <= before[gauge.Key]))
            {
                return now;
            }

            await Task.Delay(_sampleInterval).ConfigureAwait(false);
        }
    }

    private Report CreateReport(Dictionary<string, double> before, Dictionary<string, double> after, SoakChurn churn, SoakRelays relays)
    {
        double warmUp = _options.WarmUp.TotalSeconds;
        double half = _comparedTime.TotalSeconds / 2;
        double[] early = [.. _samples.Where(sample => Math.Abs(sample.Seconds - warmUp) <= half).Select(sample => sample.Kibibytes / 1024.0)];
        double[] late = [.. _samples.TakeLast(early.Length).Select(sample => sample.Kibibytes / 1024.0)];
        var rows = new List<ReportRow>
        {
            new()
            {
                Group = "memory", Name = string.Create(CultureInfo.InvariantCulture, $"resident after {_options.Minutes} minutes of churn"), Unit = "MiB", Samples = late,
                ReferenceName = string.Create(CultureInfo.InvariantCulture, $"after {_options.WarmUp.TotalMinutes:0.#} minutes"), ReferenceSamples = early,
                Targets = [Target.RatioAtMost(MostGrowth)], Remark = $"{churn.Counts}, {relays.Counts}",
            },
            Row("failures", "changes that failed", "", churn.Failures + relays.Failures, 0, churn.LastFailure ?? relays.LastFailure),
        };
        rows.AddRange(_gauges.Select(gauge => Row("gauges at the end", gauge, "", after[gauge], before[gauge], null)));
        return new Report
        {
            Title = "V100 under churn",
            Environments = [RunEnvironment.Read([$"dotnet run build.cs -- load soak --minutes {_options.Minutes}"], _options.Sources, new SortedDictionary<string, string>())],
            Rows = rows,
            Charts =
            [
                new LineChart(
                    "Resident memory under churn", new ChartAxisTitle("minutes"), new ChartAxisTitle("MiB"),
                    [new ChartSeries("resident", [.. _samples.Select(sample => new ChartPoint(sample.Seconds / 60, sample.Kibibytes / 1024.0))])]),
            ],
        };
    }

    private static ReportRow Row(string group, string name, string unit, double value, double limit, string? remark) =>
        new() { Group = group, Name = name, Unit = unit, Samples = [value], Targets = [Target.ValueAtMost(limit)], Remark = remark };

    public void Dispose()
    {
        _control.Dispose();
        _server.Dispose();
    }
}
