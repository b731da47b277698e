using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace V100.Server.Configuration;

/// <summary>The addresses of this machine that clients can reach: what <c>V100:PublicAddresses</c> is without a value.</summary>
internal static class LocalAddresses
{
    /// <summary>The most that are shown: each costs every client a candidate pair.</summary>
    public const int MaxCount = 8;

    /// <param name="options">Its addresses win where it has some; loopback counts only while HTTP is on loopback.</param>
    public static IReadOnlyList<IPAddress> For(ServerOptions options)
    {
        if (options.PublicAddresses.Count > 0)
        {
            return options.PublicAddresses;
        }

        List<IPAddress> addresses = options.HttpUrl.IsLoopback && IsListening(options, IPAddress.Loopback) ? [IPAddress.Loopback] : [];
        AddOthers(addresses, address => IsListening(options, address));
        return addresses.Count > 0 ? addresses : [IPAddress.Loopback];
    }

    /// <summary>What this machine has now, loopback first; at most <see cref="MaxCount"/>.</summary>
    public static IReadOnlyList<IPAddress> Now()
    {
        List<IPAddress> addresses = [IPAddress.Loopback];
        AddOthers(addresses, _ => true);
        return addresses;
    }

    private static void AddOthers(List<IPAddress> addresses, Func<IPAddress, bool> isWanted)
    {
        foreach (NetworkInterface network in NetworkInterface.GetAllNetworkInterfaces())
        {
            if (network.OperationalStatus == OperationalStatus.Down || network.NetworkInterfaceType == NetworkInterfaceType.Loopback)
            {
                continue;
            }

            foreach (UnicastIPAddressInformation unicast in network.GetIPProperties().UnicastAddresses)
            {
                IPAddress address = unicast.Address;
                bool usable = !IPAddress.IsLoopback(address) && !address.IsIPv6LinkLocal && !address.IsIPv6Multicast && !IsIPv4LinkLocal(address);
                if (usable && addresses.Count < MaxCount && isWanted(address))
                {
                    addresses.Add(new IPAddress(address.GetAddressBytes()));
                }
            }
        }
    }

    private static bool IsListening(ServerOptions options, IPAddress address) =>
        options.UdpAddresses.Count == 0 || options.UdpAddresses.Contains(address)
        || options.UdpAddresses.Contains(address.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any);

    // RFC 3927.
    private static bool IsIPv4LinkLocal(IPAddress address) =>
        address.AddressFamily == AddressFamily.InterNetwork && address.GetAddressBytes() is [169, 254, ..];
}
