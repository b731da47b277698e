using System.Diagnostics;
using System.Globalization;
using System.Reflection;

namespace V100.Micro.Tests;

/// <summary>The native performance suite as `build.cs -- test` and `build.cs -- bench` publish it.</summary>
internal static class NativeSuite
{
    private static readonly TimeSpan _timeout = TimeSpan.FromMinutes(3);

    public static string Binary
    {
        get
        {
            string root = typeof(NativeSuite).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(item => item.Key == "RepositoryRoot").Value!;
            string path = Path.GetFullPath(Path.Combine(root, "artifacts", "micro", "V100.Micro"));
            Assert.True(File.Exists(path), $"{path} is not there: dotnet run build.cs -- test --project Micro publishes it");
            return path;
        }
    }

    /// <summary>Nanoseconds of processor time of the same functions and references, by name.</summary>
    public static IReadOnlyDictionary<string, (double Subject, double Reference)> Time()
        => Run(Binary, ["time"], []).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split('\t'))
            .ToDictionary(parts => parts[0], parts => (double.Parse(parts[1], CultureInfo.InvariantCulture), double.Parse(parts[2], CultureInfo.InvariantCulture)));

    /// <summary>What a program prints; one that fails, or does not end, fails the test.</summary>
    public static string Run(string program, string[] arguments, (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach ((string name, string value) in environment)
        {
            start.Environment[name] = value;
        }

        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        Task<string> text = process.StandardOutput.ReadToEndAsync();
        if (!process.WaitForExit(_timeout))
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"{program} did not end within {_timeout.TotalMinutes} minutes");
        }

        Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', arguments)} ended with {process.ExitCode}\n{errors.Result}");
        return text.Result;
    }
}
