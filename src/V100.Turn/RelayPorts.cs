using System.Numerics;
using V100.Net;

namespace V100.Turn;

/// <summary>One port of one relay address, for one transport, that nobody else gets before it is released.</summary>
/// <param name="AddressIndex">Which of the relay addresses.</param>
/// <param name="Transport">UDP and TCP ports are two spaces.</param>
/// <param name="Port">The port.</param>
internal readonly record struct PortLease(int AddressIndex, RelayTransport Transport, ushort Port)
{
    /// <summary>The upper one of the pair of which this is the lower.</summary>
    public PortLease Upper => this with { Port = (ushort)(Port + 1) };
}

/// <summary>What a client asks of the port (EVEN-PORT; RFC 8656, 18.7).</summary>
internal enum PortParity : byte
{
    Any,
    Even,

    /// <summary>An even one, and the next one with it.</summary>
    Pair,
}

/// <summary>
/// Which relay ports are taken, over all shards: a bit for each. Ports are chosen at random (RFC 8656, 7.2 asks for it, RFC 6056 says
/// why). Any thread may call it; it takes no lock.
/// </summary>
public sealed class RelayPorts
{
    private const ulong EvenBits = 0x5555_5555_5555_5555;

    private readonly RelayAddress[] _addresses;
    private readonly ulong[][] _taken;

    // Bits begin at an even port, so that a pair lies in one word.
    private readonly int _firstPort;
    private readonly int _min;
    private readonly int _max;

    internal RelayPorts(IReadOnlyList<RelayAddress> addresses, int min, int max)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(min, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(max, ushort.MaxValue);
        ArgumentOutOfRangeException.ThrowIfLessThan(max, min);
        _addresses = [.. addresses];
        _min = min;
        _max = max;
        _firstPort = min & ~1;
        _taken = new ulong[_addresses.Length * 2][];
        for (int i = 0; i < _taken.Length; i++)
        {
            _taken[i] = NewBits();
        }
    }

    /// <summary>Ports taken now: open, or reserved for a client.</summary>
    public int TakenCount
    {
        get
        {
            int bits = 0;
            foreach (ulong[] words in _taken)
            {
                for (int i = 0; i < words.Length; i++)
                {
                    bits += BitOperations.PopCount(Volatile.Read(ref words[i]));
                }
            }

            return bits - _taken.Length * BlockedCount;
        }
    }

    /// <summary>Ports of each address and transport.</summary>
    public int PortCount => _max - _min + 1;

    private int BitCount => _max - _firstPort + 1;

    // Bits that are no ports: one before an odd minimum, and those behind the end.
    private int BlockedCount => (_min - _firstPort) + (WordCount * 64 - BitCount);

    private int WordCount => (BitCount + 63) / 64;

    /// <summary>Whether an address can be a relayed one, as peers see it: <see cref="TurnDirectory.TryFindRelay"/> says whether it is.</summary>
    public bool Covers(in TransportAddress address)
    {
        if (address.Port < _min || address.Port > _max)
        {
            return false;
        }

        foreach (ref readonly RelayAddress relay in _addresses.AsSpan())
        {
            if (relay.Shown.Value == address.Value)
            {
                return true;
            }
        }

        return false;
    }

    internal ReadOnlySpan<RelayAddress> Addresses => _addresses;

    internal bool Serves(bool isIPv4)
    {
        foreach (RelayAddress address in _addresses)
        {
            if (address.Local.IsIPv4 == isIPv4)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Takes a port of this parity; of a pair the even one, the other being taken too.</summary>
    internal bool TryTake(int addressIndex, RelayTransport transport, PortParity parity, IEntropy entropy, out PortLease lease)
    {
        ulong[] words = Words(addressIndex, transport);
        uint random = entropy.NextUInt32();
        int start = (int)(random % (uint)BitCount);
        for (int i = 0; i <= words.Length; i++)
        {
            int word = (start / 64 + i) % words.Length;
            // In the first word from the drawn place on; having come around, in all of it.
            int from = i == 0 ? start % 64 : 0;
            if (TryTakeIn(ref words[word], from, parity, out int bit))
            {
                lease = new PortLease(addressIndex, transport, (ushort)(_firstPort + word * 64 + bit));
                return true;
            }
        }

        lease = default;
        return false;
    }

    internal void Release(in PortLease lease)
    {
        int index = lease.Port - _firstPort;
        Interlocked.And(ref Words(lease.AddressIndex, lease.Transport)[index / 64], ~(1UL << index % 64));
    }

    private static bool TryTakeIn(ref ulong word, int from, PortParity parity, out int bit)
    {
        while (true)
        {
            ulong taken = Volatile.Read(ref word);
            ulong free = ~taken & (ulong.MaxValue << from);
            free = parity switch
            {
                PortParity.Any => free,
                PortParity.Even => free & EvenBits,
                _ => free & EvenBits & ~taken >> 1,
            };
            bit = BitOperations.TrailingZeroCount(free);
            if (free == 0)
            {
                return false;
            }

            ulong wanted = (parity == PortParity.Pair ? 3UL : 1UL) << bit;
            if (Interlocked.CompareExchange(ref word, taken | wanted, taken) == taken)
            {
                return true;
            }
        }
    }

    private ulong[] Words(int addressIndex, RelayTransport transport) => _taken[addressIndex * 2 + (int)transport];

    private ulong[] NewBits()
    {
        var words = new ulong[WordCount];
        for (int bit = 0; bit < words.Length * 64; bit++)
        {
            if (bit < _min - _firstPort || bit >= BitCount)
            {
                words[bit / 64] |= 1UL << bit % 64;
            }
        }

        return words;
    }
}
