using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace V100.Reporting;

/// <summary>Where, when and of what a report was measured.</summary>
public sealed record RunEnvironment
{
    /// <summary>What the machine calls itself: vendor and product, or a virtual machine's kind.</summary>
    public required string Machine { get; init; }

    public required string Processor { get; init; }
    public required int Cores { get; init; }
    public required long MemoryBytes { get; init; }
    public required string Kernel { get; init; }

    /// <summary>The runtime, and whether the code was compiled ahead of time.</summary>
    public required string DotNet { get; init; }

    /// <summary>Commit of the sources; null outside a repository.</summary>
    public string? Commit { get; init; }

    /// <summary>Whether the sources had changes that no commit has.</summary>
    public bool IsDirty { get; init; }

    public required DateTimeOffset Date { get; init; }

    public required IReadOnlyList<string> CommandLine { get; init; }

    /// <summary>Of libraries and peers that took part, by name: OpenSSL, libsrtp, coturn, Janus.</summary>
    public IReadOnlyDictionary<string, string> Versions { get; init; } = new SortedDictionary<string, string>();

    /// <param name="commandLine">The command that a reader repeats.</param>
    /// <param name="sources">A folder of the repository.</param>
    /// <param name="versions">Of what took part, by name.</param>
    public static RunEnvironment Read(IReadOnlyList<string> commandLine, string sources, IReadOnlyDictionary<string, string> versions)
    {
        string? commit = Git(sources, "rev-parse", "HEAD");
        return new RunEnvironment
        {
            Machine = $"{FirstLine("/sys/class/dmi/id/sys_vendor")} {FirstLine("/sys/class/dmi/id/product_name")}".Trim() is { Length: > 0 } name ? name : "unknown machine",
            Processor = Field("/proc/cpuinfo", "model name") ?? "unknown",
            Cores = Environment.ProcessorCount,
            MemoryBytes = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes,
            Kernel = $"Linux {FirstLine("/proc/sys/kernel/osrelease")}, {RuntimeInformation.OSDescription}",
            DotNet = RuntimeInformation.FrameworkDescription + (RuntimeFeature.IsDynamicCodeCompiled ? ", compiled just in time" : ", compiled ahead of time"),
            Commit = commit,
            IsDirty = commit is not null && Git(sources, "status", "--porcelain", "--untracked-files=no") is { Length: > 0 },
            Date = DateTimeOffset.UtcNow,
            CommandLine = commandLine,
            Versions = versions,
        };
    }

    /// <summary>The first line that a program prints, of either stream; null where the program is not there or prints nothing.</summary>
    public static string? FirstLineOf(string program, params string[] arguments) => Output(program, arguments)?.Split('\n')[0].Trim() is { Length: > 0 } line ? line : null;

    private static string? Git(string folder, params string[] arguments) => Output("git", ["-C", folder, .. arguments])?.Trim();

    private static string? Output(string program, string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        try
        {
            using Process process = Process.Start(start)!;
            Task<string> errors = process.StandardError.ReadToEndAsync();
            string output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode != 0 ? null : output.Length > 0 ? output : errors.Result;
        }
        catch (Win32Exception)
        {
            return null;
        }
    }

    private static string FirstLine(string path) => File.Exists(path) ? File.ReadLines(path).FirstOrDefault("").Trim() : "";

    private static string? Field(string path, string name) => !File.Exists(path)
        ? null
        : File.ReadLines(path).FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal))?.Split(':', 2)[^1].Trim();

    /// <summary>In one sentence.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture, $"{Date:yyyy-MM-dd HH:mm} UTC, {Machine}, {Processor}, {Cores} cores, {MemoryBytes / (double)(1 << 30):0.0} GiB, {Kernel}, {DotNet}");
}
