using System.ComponentModel;
using System.Diagnostics;
using System.Reflection;

namespace V100.Load;

/// <summary>
/// A network namespace of a measurement's own: peers that do not offer loopback addresses get a device, whose addresses are all this
/// machine's, and no packet can leave. It ends with the process.
/// </summary>
internal static class SystemNetwork
{
    public const string Device = "media0";
    public const string ServerAddress = "10.88.255.1";
    public const string Clients = "10.88";

    private static readonly string[][] _setUp =
    [
        ["link", "set", "lo", "up"],
        ["link", "add", Device, "type", "veth", "peer", "name", "media1"],
        ["link", "set", Device, "up"],
        ["link", "set", "media1", "up"],
        ["addr", "add", $"{ServerAddress}/32", "dev", Device],
        ["route", "add", "local", $"{Clients}.0.0/16", "dev", Device],
    ];

    /// <summary>Runs this program once more, within. Returns its exit code.</summary>
    public static int RunWithin(string[] arguments)
    {
        string program = Environment.ProcessPath!;
        string[] self = Path.GetFileNameWithoutExtension(program) == "dotnet" ? [program, Assembly.GetExecutingAssembly().Location] : [program];
        string[] root = Environment.UserName == "root" ? [] : ["sudo", "-n"];
        string[] command = [.. root, "unshare", "--net", "--", .. self, .. arguments];
        return Run(command[0], command[1..]);
    }

    public static void SetUp()
    {
        foreach (string[] arguments in _setUp)
        {
            if (Run("ip", arguments) != 0)
            {
                throw new LoadFailedException($"ip {string.Join(' ', arguments)} failed");
            }
        }
    }

    private static int Run(string program, string[] arguments)
    {
        try
        {
            using Process process = Process.Start(new ProcessStartInfo(program, arguments))!;
            process.WaitForExit();
            return process.ExitCode;
        }
        catch (Win32Exception failure)
        {
            throw new LoadFailedException($"{program}: {failure.Message}");
        }
    }
}
