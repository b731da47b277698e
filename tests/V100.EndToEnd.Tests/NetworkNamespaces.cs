using System.Net;

namespace V100.EndToEnd.Tests;

/// <summary>
/// Two network namespaces joined by a veth pair, as Firefox and GStreamer want it (they never pair a loopback address): the server's and
/// the clients'. A second pair joins this process to the server's namespace, for the control API alone; it carries no media.
/// Names and addresses come from the process id; everything is gone after <see cref="Dispose"/>.
/// </summary>
internal sealed class NetworkNamespaces : IDisposable
{
    private static int s_made;
    private readonly string _id;

    public NetworkNamespaces()
    {
        int number = Interlocked.Increment(ref s_made);
        _id = $"{Environment.ProcessId}x{number}";
        int subnet = (Environment.ProcessId + number) % 120;
        string control = $"10.203.{2 * subnet}";
        string media = $"10.203.{(2 * subnet) + 1}";
        string unique = $"fd31:{Environment.ProcessId & 0xffff:x}:{number:x}";
        ServerAddress = IPAddress.Parse($"{media}.1");
        ServerAddress6 = IPAddress.Parse($"{unique}::1");
        ControlAddress = IPAddress.Parse($"{control}.2");
        try
        {
            // No question for a name may leave: the default route leads nowhere, and Firefox does not start before its resolver gives up.
            InstallFile("resolv.conf", "nameserver 127.0.0.1\n");
            foreach (string name in (string[])[Server, Clients])
            {
                Privilege.Run("ip", "netns", "add", name);
                Privilege.Run("ip", "-n", name, "link", "set", "lo", "up");
            }

            // Interface names hold 15 characters.
            Privilege.Run("ip", "link", "add", $"vh{_id}", "type", "veth", "peer", "name", "control0", "netns", Server);
            Privilege.Run("ip", "link", "add", "media0", "netns", Server, "type", "veth", "peer", "name", "media0", "netns", Clients);
            Privilege.Run("ip", "addr", "add", $"{control}.1/24", "dev", $"vh{_id}");
            Privilege.Run("ip", "link", "set", $"vh{_id}", "up");
            Address(Server, "control0", $"{control}.2/24");
            Address(Server, "media0", $"{media}.1/24", $"{unique}::1/64");
            Address(Clients, "media0", $"{media}.2/24", $"{unique}::2/64");

            // Firefox gathers no candidate on a machine without a default route. The server's namespace forwards nothing.
            Privilege.Run("ip", "-n", Clients, "route", "add", "default", "via", $"{media}.1");
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public string Server => $"v100s-{_id}";

    public string Clients => $"v100c-{_id}";

    /// <summary>Where the clients reach the server.</summary>
    public IPAddress ServerAddress { get; }

    public IPAddress ServerAddress6 { get; }

    /// <summary>Where this process reaches the server.</summary>
    public IPAddress ControlAddress { get; }

    /// <summary>A command that runs inside one of the namespaces.</summary>
    public static string[] Inside(string name, params string[] command) => Privilege.Command(["ip", "netns", "exec", name, .. command]);

    /// <summary>What the clients' namespace resolves a name to: the server's address.</summary>
    public void Name(string host) => InstallFile("hosts", $"127.0.0.1 localhost\n{ServerAddress} {host}\n");

    /// <summary>A bottleneck towards the clients: what waits longer than 300 ms for it is dropped.</summary>
    public void Limit(int kilobitsPerSecond) => Privilege.Run(
        "ip", "netns", "exec", Server, "tc", "qdisc", "add", "dev", "media0", "root", "tbf",
        "rate", $"{kilobitsPerSecond}kbit", "burst", "4kb", "latency", "300ms");

    public void Dispose()
    {
        Privilege.TryRun("rm", "-rf", $"/etc/netns/{Clients}");

        // A namespace takes its interfaces and their other ends with it, but some time later: a server that starts meanwhile would
        // offer an address that is about to go.
        Privilege.TryRun("ip", "link", "del", $"vh{_id}");
        Privilege.TryRun("ip", "netns", "del", Clients);
        Privilege.TryRun("ip", "netns", "del", Server);
    }

    /// <summary>A file that `ip netns exec` lays over the one in /etc for the clients.</summary>
    private void InstallFile(string name, string content)
    {
        string file = Path.GetTempFileName();
        File.WriteAllText(file, content);
        Privilege.Run("mkdir", "-p", $"/etc/netns/{Clients}");
        Privilege.Run("install", "-m", "644", file, $"/etc/netns/{Clients}/{name}");
        File.Delete(file);
    }

    private static void Address(string name, string device, params string[] addresses)
    {
        foreach (string address in addresses)
        {
            // Without duplicate address detection an IPv6 address serves at once.
            string[] at = address.Contains(':', StringComparison.Ordinal) ? ["nodad"] : [];
            Privilege.Run(["ip", "-n", name, "addr", "add", address, "dev", device, .. at]);
        }

        Privilege.Run("ip", "-n", name, "link", "set", device, "up");
    }
}
