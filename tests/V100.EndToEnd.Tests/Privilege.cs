using System.Diagnostics;

namespace V100.EndToEnd.Tests;

/// <summary>Commands that need root: as they are for root, else by <c>sudo -n</c>.</summary>
internal static class Privilege
{
    private static readonly string[] _prefix = Environment.UserName == "root" ? [] : ["sudo", "-n"];

    /// <summary>The command line with what gives it root in front.</summary>
    public static string[] Command(params string[] command) => [.. _prefix, .. command];

    /// <summary>Runs to the end; the failure carries what the command said.</summary>
    public static void Run(params string[] command)
    {
        (int exitCode, string output) = TryRun(command);
        if (exitCode != 0)
        {
            throw new InvalidOperationException($"`{string.Join(' ', command)}` ended with {exitCode}: {output}");
        }
    }

    public static (int ExitCode, string Output) TryRun(params string[] command)
    {
        string[] full = Command(command);
        using Process process = Process.Start(new ProcessStartInfo(full[0], full[1..]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output + errors.Result);
    }
}
