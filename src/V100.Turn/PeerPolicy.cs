using System.Net;
using V100.Net;

namespace V100.Turn;

/// <summary>What <see cref="PeerPolicy"/> is made of.</summary>
public sealed record PeerRules
{
    /// <summary>The operator's exceptions; they win over everything but <see cref="PeerVerdict.OwnMedia"/>.</summary>
    public IReadOnlyList<IPNetwork> Allowed { get; init; } = [];

    /// <summary>The operator's own denials, besides the built-in ones.</summary>
    public IReadOnlyList<IPNetwork> Denied { get; init; } = [];

    /// <summary>Every address of this machine, and those that it is known as outside; ports do not matter.</summary>
    public IReadOnlyList<TransportAddress> OwnAddresses { get; init; } = [];

    /// <summary>Where this server's media listens, as clients know it and as it is bound: address and port.</summary>
    public IReadOnlyList<TransportAddress> MediaAddresses { get; init; } = [];

    /// <summary>Relayed addresses, as peers see them: two clients of this server reach each other there.</summary>
    public IReadOnlyList<TransportAddress> RelayAddresses { get; init; } = [];

    public int RelayPortMin { get; init; } = 49152;

    /// <summary>Inclusive.</summary>
    public int RelayPortMax { get; init; } = 65535;
}

/// <summary>
/// Says which peers a client may reach (RFC 8656, 5 and 21): the one place that CreatePermission, ChannelBind, Send and Connect ask.
/// Immutable: any thread may ask, and nothing is allocated.
/// </summary>
/// <remarks>
/// Addresses are compared as 128-bit numbers over sorted intervals. An IPv6 address that stands for an IPv4 address in any form
/// (<see cref="EmbeddedIPv4"/>) must pass in both. Denied by default: all that is not a host of the public internet, and this
/// machine's own addresses except its media and its relayed addresses.
/// </remarks>
public sealed class PeerPolicy
{
    private static readonly (string Network, PeerVerdict Verdict)[] s_builtIn =
    [
        ("0.0.0.0/8", PeerVerdict.DeniedUnspecified),
        ("10.0.0.0/8", PeerVerdict.DeniedPrivate),
        ("100.64.0.0/10", PeerVerdict.DeniedSharedAddressSpace),
        ("127.0.0.0/8", PeerVerdict.DeniedLoopback),
        ("169.254.0.0/16", PeerVerdict.DeniedLinkLocal),
        ("172.16.0.0/12", PeerVerdict.DeniedPrivate),
        ("192.0.0.0/24", PeerVerdict.DeniedReserved),
        ("192.88.99.0/24", PeerVerdict.DeniedReserved),
        ("192.168.0.0/16", PeerVerdict.DeniedPrivate),
        ("198.18.0.0/15", PeerVerdict.DeniedReserved),
        ("224.0.0.0/4", PeerVerdict.DeniedMulticast),
        ("240.0.0.0/4", PeerVerdict.DeniedReserved),
        ("::/128", PeerVerdict.DeniedUnspecified),
        ("::1/128", PeerVerdict.DeniedLoopback),
        // IPv4-compatible and IPv4-translated: no host of today has such an address.
        ("::/96", PeerVerdict.DeniedReserved),
        ("::ffff:0:0:0/96", PeerVerdict.DeniedReserved),
        // RFC 8215: translated inside of a network, to whatever that network likes.
        ("64:ff9b:1::/48", PeerVerdict.DeniedPrivate),
        ("100::/64", PeerVerdict.DeniedReserved),
        ("fc00::/7", PeerVerdict.DeniedUniqueLocal),
        ("fe80::/10", PeerVerdict.DeniedLinkLocal),
        ("fec0::/10", PeerVerdict.DeniedPrivate),
        ("ff00::/8", PeerVerdict.DeniedMulticast),
    ];

    // The verdict of an address holds from its interval's start to the next one's.
    private readonly UInt128[] _starts;
    private readonly PeerVerdict[] _verdicts;
    private readonly HashSet<UInt128> _own = [];
    private readonly HashSet<UInt128> _media = [];
    private readonly HashSet<TransportAddress> _mediaAddresses = [];
    private readonly HashSet<UInt128> _relays = [];
    private readonly int _relayPortMin;
    private readonly int _relayPortMax;

    // Tells in the interval table what the operator allowed from what nothing speaks against.
    private const PeerVerdict AllowedByRule = (PeerVerdict)byte.MaxValue;

    public PeerPolicy(PeerRules rules)
    {
        (_starts, _verdicts) = Paint(rules);
        _relayPortMin = rules.RelayPortMin;
        _relayPortMax = rules.RelayPortMax;
        foreach (TransportAddress address in rules.OwnAddresses)
        {
            _own.Add(address.Value);
        }

        foreach (TransportAddress address in rules.MediaAddresses)
        {
            _media.Add(address.Value);
            _mediaAddresses.Add(WithoutScope(address));
        }

        foreach (TransportAddress address in rules.RelayAddresses)
        {
            _relays.Add(address.Value);
        }
    }

    /// <summary>The verdict of a peer with its port: ChannelBind, Send, Connect.</summary>
    public PeerVerdict Check(in TransportAddress peer)
    {
        UInt128 address = peer.Value;
        PeerVerdict verdict = CheckNumber(address);
        if (verdict == PeerVerdict.DeniedByRule)
        {
            return verdict;
        }

        if (_media.Contains(address) && _mediaAddresses.Contains(WithoutScope(peer)))
        {
            return PeerVerdict.OwnMedia;
        }

        if (verdict == AllowedByRule)
        {
            return PeerVerdict.Allowed;
        }

        if (_relays.Contains(address) && peer.Port >= _relayPortMin && peer.Port <= _relayPortMax)
        {
            return PeerVerdict.Allowed;
        }

        return IsOwn(address) ? PeerVerdict.DeniedOwnAddress : verdict;
    }

    /// <summary>The verdict of a peer's address, whatever the port (CreatePermission; RFC 8656, 10.2).</summary>
    public PeerVerdict CheckAddress(in TransportAddress peer)
    {
        UInt128 address = peer.Value;
        PeerVerdict verdict = CheckNumber(address);
        if (verdict == PeerVerdict.DeniedByRule)
        {
            return verdict;
        }

        if (_media.Contains(address) || (_relays.Contains(address) && verdict != AllowedByRule))
        {
            return PeerVerdict.AllowedByPort;
        }

        if (verdict == AllowedByRule)
        {
            return PeerVerdict.Allowed;
        }

        return IsOwn(address) ? PeerVerdict.DeniedOwnAddress : verdict;
    }

    /// <summary>In both forms where there are two; a denial by either wins, unless the operator allowed one of them.</summary>
    private PeerVerdict CheckNumber(UInt128 address)
    {
        PeerVerdict verdict = Find(address);
        if (!EmbeddedIPv4.TryFind(address, out UInt128 plain, out UInt128 second))
        {
            return verdict;
        }

        return Stricter(verdict, Stricter(Find(plain), Find(second)));
    }

    private static PeerVerdict Stricter(PeerVerdict left, PeerVerdict right)
    {
        if (left == PeerVerdict.DeniedByRule || right == PeerVerdict.DeniedByRule)
        {
            return PeerVerdict.DeniedByRule;
        }

        // The operator's exception for 10.0.0.0/8, say, holds for all forms of those addresses.
        return left == AllowedByRule || right == AllowedByRule ? AllowedByRule
            : left.IsDenied() ? left
            : right;
    }

    private bool IsOwn(UInt128 address) =>
        _own.Contains(address) || _relays.Contains(address) || _media.Contains(address)
        || (EmbeddedIPv4.TryFind(address, out UInt128 plain, out UInt128 second) && (IsOwn(plain) || IsOwn(second)));

    private PeerVerdict Find(UInt128 address)
    {
        int low = 0;
        int high = _starts.Length;
        while (high - low > 1)
        {
            int middle = (low + high) >>> 1;
            if (_starts[middle] <= address)
            {
                low = middle;
            }
            else
            {
                high = middle;
            }
        }

        return _verdicts[low];
    }

    /// <summary>Lays the networks over one another, the later over the earlier, and keeps what is seen from above.</summary>
    private static (UInt128[] Starts, PeerVerdict[] Verdicts) Paint(PeerRules rules)
    {
        var layers = new List<(UInt128 First, UInt128 Last, PeerVerdict Verdict)>();
        // The unspecified and the loopback address lie inside of ::/96: the narrow ones go on top.
        foreach ((string network, PeerVerdict verdict) in s_builtIn)
        {
            AddLayer(layers, IPNetwork.Parse(network), verdict);
        }

        layers.Sort((left, right) => (right.Last - right.First).CompareTo(left.Last - left.First));
        foreach (IPNetwork network in rules.Denied)
        {
            AddLayer(layers, network, PeerVerdict.DeniedByRule);
        }

        foreach (IPNetwork network in rules.Allowed)
        {
            AddLayer(layers, network, AllowedByRule);
        }

        var borders = new SortedSet<UInt128> { UInt128.Zero };
        foreach ((UInt128 first, UInt128 last, _) in layers)
        {
            borders.Add(first);
            if (last != UInt128.MaxValue)
            {
                borders.Add(last + 1);
            }
        }

        var starts = new List<UInt128>();
        var verdicts = new List<PeerVerdict>();
        foreach (UInt128 border in borders)
        {
            int top = layers.FindLastIndex(layer => layer.First <= border && border <= layer.Last);
            PeerVerdict verdict = top < 0 ? PeerVerdict.Allowed : layers[top].Verdict;
            if (verdicts.Count == 0 || verdicts[^1] != verdict)
            {
                starts.Add(border);
                verdicts.Add(verdict);
            }
        }

        return ([.. starts], [.. verdicts]);
    }

    private static void AddLayer(List<(UInt128 First, UInt128 Last, PeerVerdict Verdict)> layers, IPNetwork network, PeerVerdict verdict)
    {
        Span<byte> bytes = stackalloc byte[16];
        network.BaseAddress.TryWriteBytes(bytes, out int length);
        int hostBits = length * 8 - network.PrefixLength;
        UInt128 first = TransportAddress.From(network.BaseAddress, 0).Value;
        UInt128 last = hostBits == 128 ? UInt128.MaxValue : first | (UInt128.One << hostBits) - 1;

        // Who writes ::/0 means IPv6, and not the IPv4 addresses that are numbers in its middle.
        UInt128 firstIPv4 = TransportAddress.FromIPv4(0, 0).Value;
        UInt128 lastIPv4 = TransportAddress.FromIPv4(uint.MaxValue, 0).Value;
        if (length == 16 && first < firstIPv4 && last > lastIPv4)
        {
            layers.Add((first, firstIPv4 - 1, verdict));
            layers.Add((lastIPv4 + 1, last, verdict));
            return;
        }

        layers.Add((first, last, verdict));
    }

    // A client cannot name a scope.
    private static TransportAddress WithoutScope(in TransportAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.WriteIPv6(bytes);
        return TransportAddress.FromIPv6(bytes, address.Port);
    }
}
