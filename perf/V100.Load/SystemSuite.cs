using System.Diagnostics;
using System.Globalization;
using V100.Reporting;

namespace V100.Load;

/// <summary>
/// V100 as a whole, as who uses it sees it: what a forwarded packet costs and how long it takes, beside Janus in turns; memory; one publisher
/// before thousands; collections; and how the cost grows with the load.
/// </summary>
internal sealed class SystemSuite(SystemSuiteOptions options)
{
    private readonly List<ReportRow> _rows = [];
    private readonly List<LineChart> _charts = [];

    public static async Task<int> RunAsync(string[] arguments)
    {
        if (arguments is ["--help", ..])
        {
            Console.WriteLine(SystemSuiteOptions.Usage);
            return 0;
        }

        var options = SystemSuiteOptions.Parse(arguments);
        if (!options.IsWithin)
        {
            return SystemNetwork.RunWithin(["measure-system", .. arguments, "--within", "yes"]);
        }

        SystemNetwork.SetUp();
        var suite = new SystemSuite(options);
        await suite.MeasureAsync().ConfigureAwait(false);
        suite.Write();
        return 0;
    }

    private async Task MeasureAsync()
    {
        var calls = new SystemCalls(options);
        if (options.Has("forwarding"))
        {
            await AddAsync(new ForwardingMeasurement(options, calls).MeasureAsync()).ConfigureAwait(false);
        }

        if (options.Has("memory"))
        {
            await AddAsync(new MemoryMeasurement(options, calls).MeasureAsync()).ConfigureAwait(false);
        }

        if (options.Has("audience"))
        {
            await AddAsync(new AudienceMeasurement(options, calls).MeasureAsync()).ConfigureAwait(false);
        }

        if (options.Has("collections"))
        {
            await AddAsync(new CollectionMeasurement(options, calls).MeasureAsync()).ConfigureAwait(false);
        }

        if (options.Has("load"))
        {
            var growth = new GrowthMeasurement(options, calls);
            await AddAsync(growth.MeasureAsync()).ConfigureAwait(false);
            _charts.AddRange(growth.Charts);
        }
    }

    private async Task AddAsync(Task<List<ReportRow>> measuring)
    {
        foreach (ReportRow row in await measuring.ConfigureAwait(false))
        {
            _rows.Add(row);
            string reference = row.Reference is { } other ? string.Create(CultureInfo.InvariantCulture, $", {row.ReferenceName} {other.Median:0.00}, ratio {row.Ratio!.Median:0.000}") : "";
            string met = row.IsMet switch { true => ", met", false => ", NOT MET", null => "" };
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{row.FullName}: {row.Value.Median:0.00} {row.Unit}{reference}{met} {row.Remark}"));
        }
    }

    private void Write()
    {
        var versions = new SortedDictionary<string, string>();
        if (options.Janus is not null && RunEnvironment.FirstLineOf(options.Janus, "--version") is { } janus)
        {
            versions["Janus"] = janus;
        }

        string part = options.Part == "all" ? "" : $" {options.Part}";
        new Report
        {
            Title = "V100 as a whole",
            Environments = [RunEnvironment.Read([$"dotnet run build.cs -- bench system{(options.IsQuick ? " --quick" : "")}{part}"], options.Sources, versions)],
            Rows = _rows,
            Charts = _charts,
        }.WriteFolder(options.Folder);
        Console.WriteLine($"{Path.Combine(options.Folder, "report.md")} is written");
    }
}

/// <summary>Runs of <see cref="PublishAndPlay"/> against servers that are started for them.</summary>
internal sealed class SystemCalls(SystemSuiteOptions options)
{
    private static readonly int _lastCore = Environment.ProcessorCount - 1;

    /// <summary>With one worker, on the last core; this program keeps to the first.</summary>
    public MeasuredServer StartPinned()
    {
        KeepTo(1);
        return MeasuredServer.StartV100Calls(options.V100, SystemNetwork.ServerAddress, workers: 1, _lastCore);
    }

    public MeasuredServer StartJanus()
    {
        KeepTo(1);
        return MeasuredServer.StartJanus(options.Janus!, SystemNetwork.Device, _lastCore);
    }

    /// <summary>With a worker for each core, wherever the system puts them.</summary>
    public MeasuredServer StartFree()
    {
        KeepTo((1 << Environment.ProcessorCount) - 1);
        return MeasuredServer.StartV100Calls(options.V100, SystemNetwork.ServerAddress, Environment.ProcessorCount, core: null);
    }

    /// <summary>A bare loop in a server's place.</summary>
    public static BareFanoutResult MeasureFloor(int subscribers, int rate, int size, TimeSpan duration)
    {
        KeepTo(1);
        return BareFanout.Measure(SystemNetwork.Clients, System.Net.IPAddress.Parse(SystemNetwork.ServerAddress), _lastCore, subscribers, rate, size, duration);
    }

    public static Task<PublishAndPlayResult> MeasureAsync(MeasuredServer server, params string[] arguments)
    {
        string[] who = server.Name == "Janus" ? ["--server", "janus"] : ["--key", MeasuredServer.Key, "--secret", MeasuredServer.Secret];
        string[] all =
        [
            .. who, "--url", server.ControlUrl.ToString(),
            "--network", SystemNetwork.Clients, "--server-pid", Text(server.ProcessId), .. arguments,
        ];
        return PublishAndPlay.MeasureAsync(PublishAndPlayOptions.Parse(all), all);
    }

    public static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static void KeepTo(nint cores)
    {
        if (OperatingSystem.IsLinux())
        {
            using Process self = Process.GetCurrentProcess();
            self.ProcessorAffinity = cores;
        }
    }
}
