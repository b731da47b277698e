using V100.Net;

namespace V100.Stun;

/// <summary>
/// The two addresses and two ports from which a server answers a client that wants to learn how its NAT behaves (RFC 5780). A
/// server has all four combinations of them. Immutable.
/// </summary>
public sealed class NatDiscovery
{
    // RFC 5780, 7.2: bits of CHANGE-REQUEST.
    private const uint ChangeAddress = 4;
    private const uint ChangePort = 2;

    private readonly (TransportAddress First, TransportAddress Second)[] _pairs;

    /// <param name="pairs">For each family at most one: two addresses with two ports.</param>
    /// <exception cref="ArgumentException">A pair has one address, one port or two families.</exception>
    public NatDiscovery(params ReadOnlySpan<(TransportAddress First, TransportAddress Second)> pairs)
    {
        foreach ((TransportAddress first, TransportAddress second) in pairs)
        {
            if (first.Value == second.Value || first.Port == second.Port || first.IsIPv4 != second.IsIPv4)
            {
                throw new ArgumentException($"{first} and {second} must differ in address and port and be of one family.", nameof(pairs));
            }
        }

        _pairs = pairs.ToArray();
    }

    /// <summary>What OTHER-ADDRESS says to a request that came to <paramref name="local"/> (RFC 5780, 7.4): the other address and the other port.</summary>
    internal bool TryGetOther(in TransportAddress local, out TransportAddress other)
    {
        foreach ((TransportAddress first, TransportAddress second) in _pairs)
        {
            bool isFirst = local.Value == first.Value;
            if ((isFirst || local.Value == second.Value) && (local.Port == first.Port || local.Port == second.Port))
            {
                ushort port = local.Port == first.Port ? second.Port : first.Port;
                other = (isFirst ? second : first).WithPort(port);
                return true;
            }
        }

        other = default;
        return false;
    }

    /// <summary>Where the answer must come from (RFC 5780, 6.1, table 1).</summary>
    internal static TransportAddress SourceOf(in StunReader request, in TransportAddress local, in TransportAddress other)
    {
        request.TryGetUInt32(StunAttributeType.ChangeRequest, out uint change);
        TransportAddress address = (change & ChangeAddress) != 0 ? other : local;
        return address.WithPort((change & ChangePort) != 0 ? other.Port : local.Port);
    }
}
