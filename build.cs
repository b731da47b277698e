#:property PublishAot=false
// The one entry to build, test, publish and measure: `dotnet run build.cs -- VERB`. Every step of it stands here and nowhere else.
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;
using System.Xml.Linq;

try
{
    return args.FirstOrDefault() switch
    {
        "test" => Tests.Run(args[1..]),
        "publish" => Publishing.Run(),
        "bench" => Measuring.Bench(args[1..]),
        "load" => Measuring.Load(args[1..]),
        _ => Usage(),
    };
}
catch (StepFailedException failure)
{
    Console.Error.WriteLine($"build: {failure.Message}");
    return 1;
}

static int Usage()
{
    Console.Error.WriteLine("""
        usage: dotnet run build.cs -- VERB

          test [FILTER] [--project NAME] [--nightly]
                          install what the tests need, build, publish the native binary, run every test (or those whose
                          full name contains FILTER, or those of one project); --nightly multiplies the random tests
          publish         write the native server to artifacts/v100/v100 with SQLite's library beside it, its debug symbols to artifacts/symbols
          bench [--quick] [--jit] [--libsrtp FILE] [FILTER]
                          run the native performance suite, write report.md, report.json and charts to artifacts/bench; --jit adds
                          BenchmarkDotNet's figures of the same code compiled just in time; --libsrtp measures beside another
                          libsrtp 2 than the system's
          bench turn [--quick]
                          measure the published server beside Debian's coturn, write artifacts/bench/turn.md and turn.json
          bench system [--quick] [PART]
                          measure the published server as a whole, beside Debian's Janus, and write artifacts/bench/system/report.md, report.json and
                          charts; PART is one of forwarding, memory, audience, collections, load; bench all joins this and the suite in one report
          load MODE ...   load a server on this machine with synthetic clients (load --help lists the modes); load soak churns the
                          published server for half an hour, and writes artifacts/bench/soak/report.md
        """);
    return 2;
}

/// <summary>A step that ended the build; the message says which and why.</summary>
internal sealed class StepFailedException(string message) : Exception(message);

/// <summary>Where things are.</summary>
internal static class Places
{
    // The SDK's word for it; a path that the compiler wrote down is mapped to /_/ in a continuous-integration build.
    public static string Root { get; } = AppContext.GetData("EntryPointFileDirectoryPath") as string
        ?? throw new StepFailedException("run this with `dotnet run build.cs -- VERB`");

    public static string Artifacts => Path.Combine(Root, "artifacts");

    public static string NativeBinary => Path.Combine(Artifacts, "v100", "v100");

    /// <summary>The performance suite, compiled as the server is.</summary>
    public static string NativeMicro => Path.Combine(Artifacts, "micro", "V100.Micro");

    /// <summary>The browsers' drivers (npm packages), installed from the lockfile beside the client scripts.</summary>
    public static string ClientModules => Path.Combine(Artifacts, "clients");

    public static string ClientScripts => Path.Combine(Root, "tests", "V100.EndToEnd.Tests", "clients");
}

/// <summary>Runs a child process to its end.</summary>
internal static class Shell
{
    /// <summary>Runs with the console shared; a non-zero exit ends the build.</summary>
    public static void Run(string program, params string[] arguments)
    {
        int exitCode = Try(program, arguments);
        if (exitCode != 0)
        {
            throw new StepFailedException($"`{program} {string.Join(' ', arguments)}` ended with {exitCode}");
        }
    }

    public static int Try(string program, params string[] arguments) => Start(program, arguments, null, null, null);

    /// <summary>Runs in a folder, every output line given to <paramref name="line"/>; killed with its children after the timeout.</summary>
    public static int Start(string program, string[] arguments, string? folder, Action<string>? line, TimeSpan? timeout)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = folder ?? Places.Root,
            RedirectStandardOutput = line is not null,
            RedirectStandardError = line is not null,
        };
        start.Environment["DOTNET_NOLOGO"] = "1";
        start.Environment["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1";
        using Process process = Process.Start(start) ?? throw new StepFailedException($"cannot start {program}");
        if (line is not null)
        {
            object gate = new();
            void OnLine(object sender, DataReceivedEventArgs received)
            {
                lock (gate)
                {
                    if (received.Data is not null)
                    {
                        line(received.Data);
                    }
                }
            }

            process.OutputDataReceived += OnLine;
            process.ErrorDataReceived += OnLine;
            process.BeginOutputReadLine();
            process.BeginErrorReadLine();
        }

        if (timeout is { } limit && !process.WaitForExit(limit))
        {
            process.Kill(entireProcessTree: true);
            throw new StepFailedException($"`{program} {string.Join(' ', arguments)}` did not end within {limit.TotalMinutes:0} minutes");
        }

        process.WaitForExit();
        return process.ExitCode;
    }

    public static string Output(string program, params string[] arguments)
    {
        var text = new StringBuilder();
        int exitCode = Start(program, arguments, null, received => text.AppendLine(received), null);
        return exitCode == 0
            ? text.ToString().Trim()
            : throw new StepFailedException($"`{program} {string.Join(' ', arguments)}` ended with {exitCode}: {text}");
    }

    public static bool IsOnPath(string program)
        => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries)
            .Concat(["/usr/sbin", "/sbin"])
            .Any(folder => File.Exists(Path.Combine(folder, program)));
}

/// <summary>What a step needs of the machine, as Debian packages, and their installation.</summary>
internal static class Prerequisites
{
    // A program that is there from elsewhere (another Node, say) counts; a package without a program is asked for by name.
    private static readonly (string? Program, string Package)[] _forNative =
    [
        ("clang", "clang"), (null, "zlib1g-dev"),
    ];

    private static readonly (string? Program, string Package)[] _forClients =
    [
        ("turnutils_uclient", "coturn"), ("node", "nodejs"), ("npm", "npm"), ("ip", "iproute2"), ("chromium", "chromium"), ("firefox-esr", "firefox-esr"),
        ("certutil", "libnss3-tools"), (null, "python3"), (null, "python3-aiortc"), (null, "python3-numpy"), (null, "python3-gst-1.0"),
        (null, "gir1.2-gst-plugins-base-1.0"), (null, "gir1.2-gst-plugins-bad-1.0"), (null, "gstreamer1.0-nice"),
        (null, "gstreamer1.0-plugins-base"), (null, "gstreamer1.0-plugins-good"), (null, "gstreamer1.0-plugins-bad"),
    ];

    private static readonly (string? Program, string Package)[] _forDecoders = [("ffmpeg", "ffmpeg")];

    private static readonly (string? Program, string Package)[] _forTurnComparison = [("turnserver", "coturn")];

    private static readonly (string? Program, string Package)[] _forCounting = [("valgrind", "valgrind")];

    public static void ForCounting() => Install(_forCounting, "the tests count instructions with it");

    private static readonly (string? Program, string Package)[] _forSystemComparison = [("janus", "janus"), ("ip", "iproute2"), ("unshare", "util-linux")];

    public static void ForSystemComparison() => Install(_forSystemComparison, "`bench system` measures V100 beside it");

    public static void ForTurnComparison() => Install(_forTurnComparison, "`bench turn` measures V100 beside it");

    public static void ForDecoders() => Install(_forDecoders, "the tests of layer switches decode what a subscriber gets");

    public static void ForNative() => Install(_forNative, "the native compiler links with them");

    public static void ForClients()
    {
        Install(_forClients, "the end-to-end tests drive real WebRTC clients in network namespaces");
        InstallClientModules();
    }

    private static void Install((string? Program, string Package)[] wanted, string reason)
    {
        string[] missing = [.. wanted.Where(item => !IsThere(item.Program, item.Package)).Select(item => item.Package)];
        if (missing.Length == 0)
        {
            return;
        }

        string names = string.Join(' ', missing);
        Console.WriteLine($"installing {names}: {reason}");
        bool isRoot = Environment.UserName == "root";
        if (!Shell.IsOnPath("apt-get") || (!isRoot && Shell.Try("sudo", "-n", "true") != 0))
        {
            throw new StepFailedException($"this needs apt-get as root (or sudo without a password); install these yourself: {names}");
        }

        string[] prefix = isRoot ? ["env"] : ["sudo", "-n", "env"];
        // RUNLEVEL=1: of what is installed no service starts; coturn's would take the port.
        string[] apt = [.. prefix, "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1", "apt-get", "-qq", "-o", "Dpkg::Use-Pty=0"];
        Shell.Run(apt[0], [.. apt[1..], "update"]);
        Shell.Run(apt[0], [.. apt[1..], "install", "-y", "--no-install-recommends", .. missing]);
    }

    private static bool IsThere(string? program, string package)
    {
        if (program is not null)
        {
            return Shell.IsOnPath(program);
        }

        bool installed = false;
        if (Shell.IsOnPath("dpkg-query"))
        {
            Shell.Start("dpkg-query", ["-W", "-f", "${Status}\n", package], null,
                line => installed |= line.EndsWith(" installed", StringComparison.Ordinal), null);
        }

        return installed;
    }

    /// <summary>`npm ci` of the committed lockfile, in artifacts; done again only when the lockfile changes.</summary>
    private static void InstallClientModules()
    {
        string stamp = Path.Combine(Places.ClientModules, "installed.json");
        string lockFile = File.ReadAllText(Path.Combine(Places.ClientScripts, "package-lock.json"));
        if (File.Exists(stamp) && File.ReadAllText(stamp) == lockFile)
        {
            return;
        }

        Console.WriteLine("installing the browser drivers of tests/V100.EndToEnd.Tests/clients/package.json into artifacts/clients");
        Directory.CreateDirectory(Places.ClientModules);
        foreach (string name in (string[])["package.json", "package-lock.json"])
        {
            File.Copy(Path.Combine(Places.ClientScripts, name), Path.Combine(Places.ClientModules, name), overwrite: true);
        }

        string[] arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
        int exitCode = Shell.Start("npm", arguments, Places.ClientModules, Console.WriteLine, TimeSpan.FromMinutes(10));
        if (exitCode != 0)
        {
            throw new StepFailedException($"`npm ci` in {Places.ClientModules} ended with {exitCode}");
        }

        File.WriteAllText(stamp, lockFile);
    }
}

/// <summary>The native binaries.</summary>
internal static class Publishing
{
    private const string SqliteLibrary = "libe_sqlite3.so";

    public static int Run()
    {
        Place(Compile(Path.Combine("src", "V100.Server"), "publish"));
        return 0;
    }

    /// <summary>The performance suite.</summary>
    public static void Micro()
    {
        string published = Compile(Path.Combine("perf", "V100.Micro"), "publish-micro");
        Directory.CreateDirectory(Path.GetDirectoryName(Places.NativeMicro)!);
        Replace(Path.Combine(published, "V100.Micro"), Places.NativeMicro);
    }

    /// <summary>Compiles a project ahead of time. Returns the folder that holds what came of it.</summary>
    private static string Compile(string project, string folder)
    {
        Prerequisites.ForNative();
        string framework = Shell.Output("dotnet", "msbuild", project, "-getProperty:V100NativeFramework");
        string architecture = RuntimeInformation.OSArchitecture.ToString().ToLowerInvariant();
        string published = Path.Combine(Places.Artifacts, $"{folder}-{framework}");
        bool warned = false;
        int exitCode = Shell.Start(
            "dotnet",
            ["publish", project, "-c", "Release", "-r", $"linux-{architecture}", $"-p:V100Framework={framework}", "-o", published, "-v", "minimal"],
            null,
            line =>
            {
                Console.WriteLine(line);
                warned |= line.Contains("warning IL", StringComparison.Ordinal);
            },
            TimeSpan.FromMinutes(15));
        return exitCode == 0 && !warned
            ? published
            : throw new StepFailedException(warned ? "publishing gave a trim or AOT warning" : $"publishing ended with {exitCode}");
    }

    /// <summary>The binary and SQLite's library alone in their folder, replaced by rename so that a running one is not disturbed.</summary>
    private static void Place(string published)
    {
        string folder = Path.GetDirectoryName(Places.NativeBinary)!;
        string symbols = Path.Combine(Places.Artifacts, "symbols");
        Directory.CreateDirectory(folder);
        Directory.CreateDirectory(symbols);
        Replace(Path.Combine(published, SqliteLibrary), Path.Combine(folder, SqliteLibrary));
        Replace(Path.Combine(published, "V100.Server"), Places.NativeBinary);
        foreach (string other in Directory.GetFileSystemEntries(folder).Where(entry => entry != Places.NativeBinary && Path.GetFileName(entry) != SqliteLibrary))
        {
            throw new StepFailedException($"{other} is beside the binary; artifacts/v100 holds it and {SqliteLibrary}");
        }

        foreach (string file in Directory.GetFiles(published, "V100.Server.dbg"))
        {
            File.Copy(file, Path.Combine(symbols, Path.GetFileName(file)), overwrite: true);
        }

        Console.WriteLine($"artifacts/v100/v100: {new FileInfo(Places.NativeBinary).Length / 1e6:0.0} MB");
    }

    private static void Replace(string from, string to)
    {
        string fresh = Path.Combine(Places.Artifacts, Path.GetFileName(to) + ".new");
        File.Copy(from, fresh, overwrite: true);
        File.Move(fresh, to, overwrite: true);
    }
}

/// <summary>The whole test command.</summary>
internal static class Tests
{
    private static readonly TimeSpan _projectTimeout = TimeSpan.FromMinutes(20);

    private sealed record Options(string? Filter, string? Project, bool Nightly);

    private sealed record Totals(int Passed, int Failed, int Skipped)
    {
        public static Totals operator +(Totals a, Totals b) => new(a.Passed + b.Passed, a.Failed + b.Failed, a.Skipped + b.Skipped);
    }

    public static int Run(string[] arguments)
    {
        Options options = Parse(arguments);
        string[] projects = Projects(options.Project);
        bool endToEnd = projects.Any(IsEndToEnd);
        if (endToEnd)
        {
            Prerequisites.ForClients();
        }

        if (projects.Any(project => NameOf(project) == "V100.Simulation.Tests"))
        {
            Prerequisites.ForDecoders();
        }

        // One project asks for its own build only; everything asks for the solution, so that no project goes unbuilt.
        string target = options.Project is null ? "V100.slnx" : projects[0];
        Shell.Run("dotnet", "build", target, "-c", "Release", "-v", "quiet", "-clp:NoSummary", "-nologo");
        if (endToEnd)
        {
            Publishing.Run();
        }

        if (projects.Any(project => NameOf(project) == "V100.Micro.Tests"))
        {
            Prerequisites.ForCounting();
            Publishing.Micro();
        }

        if (options.Nightly)
        {
            // What the random tests multiply their counts by.
            Environment.SetEnvironmentVariable("V100_TEST_SCALE", "20");
        }

        var totals = new Totals(0, 0, 0);
        var lines = new ConformanceLines();
        foreach (string project in projects)
        {
            totals += RunProject(project, options, lines);
        }

        Console.WriteLine();
        if (options is { Filter: null, Project: null })
        {
            lines.Print();
        }

        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{totals.Passed} passed, {totals.Failed} failed, {totals.Skipped} skipped"));
        return totals is { Failed: 0, Passed: > 0 } ? 0 : 1;
    }

    private static Options Parse(string[] arguments)
    {
        var options = new Options(null, null, false);
        for (int i = 0; i < arguments.Length; i++)
        {
            options = arguments[i] switch
            {
                "--nightly" => options with { Nightly = true },
                "--project" when i + 1 < arguments.Length => options with { Project = arguments[++i] },
                ['-', ..] => throw new StepFailedException($"test does not know {arguments[i]}"),
                _ => options with { Filter = arguments[i] },
            };
        }

        return options;
    }

    /// <summary>All test projects, the longest and least local last; or the one named.</summary>
    private static string[] Projects(string? name)
    {
        string[] all =
        [
            .. Directory.GetFiles(Path.Combine(Places.Root, "tests"), "*.csproj", SearchOption.AllDirectories)
                .OrderBy(IsEndToEnd).ThenBy(path => path, StringComparer.Ordinal),
        ];
        if (name is null)
        {
            return all;
        }

        string[] named = [.. all.Where(path => NameOf(path) == name || NameOf(path) == $"V100.{name}.Tests")];
        return named.Length == 1
            ? named
            : throw new StepFailedException($"no test project {name}; there are {string.Join(", ", all.Select(NameOf))}");
    }

    private static string NameOf(string project) => Path.GetFileNameWithoutExtension(project);

    private static bool IsEndToEnd(string project) => NameOf(project) == "V100.EndToEnd.Tests";

    private static Totals RunProject(string project, Options options, ConformanceLines lines)
    {
        string name = NameOf(project);
        string results = Path.Combine(Places.Artifacts, "tests", $"{name}.trx");
        Directory.CreateDirectory(Path.GetDirectoryName(results)!);
        File.Delete(results);
        List<string> arguments =
        [
            "test", project, "-c", "Release", "--no-build", "--nologo", "--logger", $"trx;LogFileName={results}",
            .. options.Filter is null ? Array.Empty<string>() : ["--filter", $"FullyQualifiedName~{options.Filter}"],
        ];
        var log = new StringBuilder();
        long began = Stopwatch.GetTimestamp();
        int exitCode = Shell.Start("dotnet", [.. arguments], null, line => log.AppendLine(line), _projectTimeout);
        if (!File.Exists(results))
        {
            bool empty = exitCode == 0;
            Console.WriteLine(empty ? $"{name}: no test" : $"{name}: the test host failed ({exitCode})\n{log}");
            return new Totals(0, empty ? 0 : 1, 0);
        }

        Totals totals = Report(XDocument.Load(results), name, lines);
        // A host that crashed after its last result has no failed test to show for it.
        bool crashed = exitCode != 0 && totals.Failed == 0;
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{name}: {totals.Passed} passed, {totals.Failed} failed, {totals.Skipped} skipped in {Stopwatch.GetElapsedTime(began).TotalSeconds:0} s"));
        if (crashed)
        {
            Console.WriteLine($"{name}: the test host failed ({exitCode})\n{log}");
        }

        return crashed ? totals with { Failed = 1 } : totals;
    }

    /// <summary>Prints each failure with its message, stack and output, and every line of output that begins with "figure:".</summary>
    private static Totals Report(XDocument document, string project, ConformanceLines lines)
    {
        XNamespace ns = "http://microsoft.com/schemas/VisualStudio/TeamTest/2010";
        var totals = new Totals(0, 0, 0);
        foreach (XElement result in document.Descendants(ns + "UnitTestResult"))
        {
            string outcome = (string?)result.Attribute("outcome") ?? "";
            string test = (string?)result.Attribute("testName") ?? "";
            string output = (string?)result.Element(ns + "Output")?.Element(ns + "StdOut") ?? "";
            totals += outcome switch
            {
                "Passed" => new Totals(1, 0, 0),
                "NotExecuted" => new Totals(0, 0, 1),
                _ => new Totals(0, 1, 0),
            };
            lines.Add(project, test, passed: outcome == "Passed");
            if (outcome == "NotExecuted")
            {
                Console.WriteLine($"  skipped {test}: {Message(result, "Message")}");
            }
            else if (outcome != "Passed")
            {
                Console.WriteLine($"\nFAILED {project} {test}\n{Indent(Message(result, "Message"))}\n{Indent(Message(result, "StackTrace"))}");
                Console.WriteLine(output.Length == 0 ? "" : $"  output:\n{Indent(output)}\n");
            }

            foreach (string line in output.Split('\n').Where(line => line.StartsWith("figure:", StringComparison.Ordinal)))
            {
                Console.WriteLine($"  {line.TrimEnd()}");
            }
        }

        return totals;
    }

    private static string Message(XElement result, string part)
        => result.Descendants().FirstOrDefault(element => element.Name.LocalName == part)?.Value.Trim() ?? "";

    private static string Indent(string text) => string.Join('\n', text.TrimEnd().Split('\n').Select(line => $"    {line.TrimEnd()}"));
}

/// <summary>
/// How many lines of each conformance document have a test by their number (`Line_07_…`) that passed, and none that did not. A project's
/// tests are of one document: of sfu where they simulate calls, else of stun-turn.
/// </summary>
internal sealed class ConformanceLines
{
    private static readonly (string Document, int Lines, Func<string, bool> Covers)[] _documents =
    [
        ("stun-turn", 69, project => project != "V100.Simulation.Tests"), ("sfu", 24, project => project == "V100.Simulation.Tests"),
    ];

    private static readonly Regex _name = new(@"\.Line_(\d+)_", RegexOptions.CultureInvariant);

    private readonly Dictionary<(string Document, int Line), bool> _passed = [];

    /// <param name="project">The test project.</param>
    /// <param name="test">The test's full name.</param>
    /// <param name="passed">Whether it ran and passed.</param>
    public void Add(string project, string test, bool passed)
    {
        if (_name.Match(test) is { Success: true } match)
        {
            string document = _documents.First(item => item.Covers(project)).Document;
            (string, int) line = (document, int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture));
            _passed[line] = passed && _passed.GetValueOrDefault(line, true);
        }
    }

    public void Print()
    {
        foreach ((string document, int lines, _) in _documents)
        {
            int[] missing = [.. Enumerable.Range(1, lines).Where(line => !_passed.GetValueOrDefault((document, line)))];
            string names = missing.Length == 0 ? "" : $", without {string.Join(", ", missing)}";
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{document}: {lines - missing.Length} of {lines} lines{names}"));
        }
    }
}

/// <summary>The performance suite and the load generator.</summary>
internal static class Measuring
{
    /// <summary>Each program that measures writes a report of its own, a part; the native suite joins them.</summary>
    public static int Bench(string[] arguments)
    {
        string quick = arguments.Contains("--quick") ? "yes" : "no";
        switch (arguments.FirstOrDefault(argument => argument is "turn" or "system"))
        {
            case "turn":
                Prerequisites.ForTurnComparison();
                return Server("compare-turn", "", ["--coturn", "turnserver", "--quick", quick]);
            case "system":
                Prerequisites.ForSystemComparison();
                string part = arguments.FirstOrDefault(argument => argument is not ("system" or "--quick")) ?? "all";
                return Server("measure-system", "system", ["--janus", "janus", "--quick", quick, "--part", part]);
        }

        string[] whole = arguments.Contains("all") ? [Part(Path.Combine("..", "system", "report"), _ => Bench(["system", .. arguments.Where(argument => argument == "--quick")]))] : [];
        string[] options = [.. arguments.Where(argument => argument is not ("--jit" or "all")), "--command", $"dotnet run build.cs -- bench {string.Join(' ', arguments)}".TrimEnd()];
        Publishing.Micro();
        string micro = Part("micro", json => Shell.Try(Places.NativeMicro, ["bench", .. options, "--json", json]));
        string[] jit = arguments.Contains("--jit") ? ["--jit", Part("jit", json => Project("V100.Jit", [.. options, "--json", json]))] : [];
        return Shell.Try(Places.NativeMicro, ["report", Path.Combine(Places.Artifacts, "bench"), .. jit, micro, .. whole]);
    }

    /// <summary>Why there is no part, its program has said.</summary>
    private static string Part(string name, Func<string, int> measure)
    {
        string json = Path.Combine(Places.Artifacts, "bench", "parts", $"{name}.json");
        Directory.CreateDirectory(Path.GetDirectoryName(json)!);
        File.Delete(json);
        return measure(json) == 0 && File.Exists(json) ? json : throw new StepFailedException($"nothing was measured for {json}");
    }

    /// <summary>perf/V100.Load starts the published server, and others beside it, and writes its report into a folder.</summary>
    private static int Server(string mode, string folder, string[] options)
    {
        Publishing.Run();
        string path = Path.Combine(Places.Artifacts, "bench", folder);
        Directory.CreateDirectory(path);
        return Project("V100.Load", [mode, "--v100", Places.NativeBinary, "--out", path, .. options]);
    }

    /// <summary>The options may hold a secret, so no message of this build repeats them.</summary>
    public static int Load(string[] arguments) =>
        arguments is ["soak", .. var options] && !options.Contains("--help") ? Server("soak", "soak", options) : Project("V100.Load", arguments);

    private static int Project(string name, string[] arguments)
        => Shell.Try("dotnet", ["run", "-c", "Release", "--project", Path.Combine("perf", name), "--", .. arguments]);
}
