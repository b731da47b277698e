using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using V100.Net;
using V100.Server.Configuration;
using V100.Stun;
using V100.Turn;

namespace V100.Server.Media;

/// <summary>Makes the relay's settings of the configuration, at the start and at each reload.</summary>
/// <param name="addresses">What clients know this server as.</param>
/// <param name="mediaPort">Where its media listens.</param>
/// <param name="maxAllocations">What the process has room for, whatever is configured: beyond it allocations are refused, and the rest of the server goes on.</param>
internal sealed class TurnSetup(IReadOnlyList<IPAddress> addresses, ushort mediaPort, int maxAllocations)
{
    /// <summary>A NAT with many clients behind it starts them all at once after an outage.</summary>
    private const int BurstSeconds = 5;

    public TurnSettings Settings(ServerOptions options)
    {
        IPAddress[] local = LocalNow();
        RelayAddress[] relays = Array.ConvertAll(RelayAddresses(options), address => Bindable(address, local));
        IEnumerable<IPAddress> own = local.Concat(addresses).Concat(options.TurnRelayAddresses).Distinct();
        return new TurnSettings
        {
            Credentials = new TurnCredentials(options.TurnRealm, options.TurnUsers, [.. options.TurnSecrets]),
            Peers = new PeerPolicy(new PeerRules
            {
                Allowed = options.TurnAllowedPeers,
                Denied = options.TurnDeniedPeers,
                OwnAddresses = TransportAddress.From(own, 0),
                MediaAddresses = TransportAddress.From(local.Concat(addresses).Distinct(), mediaPort),
                RelayAddresses = Array.ConvertAll(relays, relay => relay.Shown),
                RelayPortMin = options.TurnRelayPortMin,
                RelayPortMax = options.TurnRelayPortMax,
            }),
            RelayAddresses = relays,
            RelayPortMin = options.TurnRelayPortMin,
            RelayPortMax = options.TurnRelayPortMax,
            MaxAllocations = Math.Min(options.TurnMaxAllocations, maxAllocations),
            MaxAllocationsPerUser = options.TurnMaxAllocationsPerUser,
            MaxBitsPerSecondPerUser = options.TurnMaxBitsPerSecondPerUser,
            MaxPermissionsPerAllocation = options.TurnMaxPermissionsPerAllocation,
            AlternateServers = options.TurnAlternateServers.ConvertAll(TransportAddress.From),
            Discovery = Discovery(options),
            LastChannelNumber = options.TurnLastChannelNumber,
            Mobility = options.TurnMobility,
            TcpRelays = options.TurnTcpRelays,
            UnauthenticatedAnswersPerSecond = options.TurnUnauthenticatedPerSecond,
            UnauthenticatedBurst = BurstSeconds * options.TurnUnauthenticatedPerSecond,
            MaxLifetime = TimeSpan.FromSeconds(options.TurnMaxLifetimeSeconds),
        };
    }

    /// <summary>RFC 5780: of each family the first two addresses, with the two ports.</summary>
    private NatDiscovery? Discovery(ServerOptions options)
    {
        if (options.StunDiscoveryPort == 0)
        {
            return null;
        }

        List<(TransportAddress, TransportAddress)> pairs = [];
        foreach (AddressFamily family in (ReadOnlySpan<AddressFamily>)[AddressFamily.InterNetwork, AddressFamily.InterNetworkV6])
        {
            IPAddress[] pair = [.. addresses.Where(address => address.AddressFamily == family).Take(2)];
            if (pair.Length == 2)
            {
                pairs.Add((TransportAddress.From(pair[0], mediaPort), TransportAddress.From(pair[1], (ushort)options.StunDiscoveryPort)));
            }
        }

        return new NatDiscovery([.. pairs]);
    }

    /// <summary>Loopback reaches no peer but this machine: it is a relay address only where there is no other.</summary>
    private IPAddress[] RelayAddresses(ServerOptions options)
    {
        if (options.TurnRelayAddresses.Count > 0)
        {
            return [.. options.TurnRelayAddresses];
        }

        IPAddress[] beyond = [.. addresses.Where(address => !IPAddress.IsLoopback(address))];
        return beyond.Length > 0 ? beyond : [.. addresses];
    }

    /// <summary>Behind a one-to-one NAT the address that peers see is not this machine's: then all of its family are bound.</summary>
    private static RelayAddress Bindable(IPAddress address, IPAddress[] local)
    {
        var shown = TransportAddress.From(address, 0);
        bool isLocal = local.Contains(address);
        return new RelayAddress(isLocal ? shown : TransportAddress.From(shown.IsIPv4 ? IPAddress.Any : IPAddress.IPv6Any, 0), shown);
    }

    private static IPAddress[] LocalNow() =>
    [
        .. NetworkInterface.GetAllNetworkInterfaces()
            .SelectMany(network => network.GetIPProperties().UnicastAddresses)
            .Select(unicast => new IPAddress(unicast.Address.GetAddressBytes()))
            .Distinct(),
    ];
}
