using System.Buffers.Binary;
using System.Buffers.Text;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using V100.Net;

namespace V100.Turn;

internal enum NonceState : byte
{
    Valid,

    /// <summary>Of this server and for this client, but too old.</summary>
    Stale,

    /// <summary>Made for another client, under a key of long ago, or by somebody else.</summary>
    Foreign,
}

/// <summary>
/// Nonces without state (RFC 8489, 9.2): each holds its time and a MAC over that time and the client's address and port, under a key
/// that changes; the key before is still good for checks. Any thread may call it; no lock.
/// </summary>
/// <remarks>
/// <c>obMatJos2</c>, four characters of security features (RFC 8489, 9.2 and 18.1), then the base64 of a 32-bit time and the 64-bit MAC.
/// The time is coarse, so that the answer to a retransmission is the same as the first one.
/// </remarks>
public sealed class TurnNonces
{
    /// <summary>Characters of every nonce.</summary>
    public const int Length = 29;

    private const int PrefixLength = 13;
    private const int SealLength = sizeof(uint) + sizeof(ulong);
    private const long GrainNanoseconds = 16_000_000_000;

    private readonly IEntropy _entropy;
    private readonly TimeSpan _lifetime;
    private readonly long _lifetimeGrains;
    private Keys _keys;

    private sealed record Keys(SipHash Current, SipHash Previous, Instant RotateAt);

    public TurnNonces(IEntropy entropy, TimeSpan lifetime, Instant now)
    {
        _entropy = entropy;
        _lifetime = lifetime;
        // Rounded up, so that none ends before its lifetime.
        _lifetimeGrains = (lifetime.Ticks * 100 + GrainNanoseconds - 1) / GrainNanoseconds;
        SipHash first = NewKey();
        _keys = new Keys(first, first, now + lifetime);
    }

    // RFC 8489, 18.1: bit 0, the leftmost, is "Password algorithms", bit 1 "Username anonymity".
    private static ReadOnlySpan<byte> Prefix(bool anonymity) => anonymity ? "obMatJos2wAAA"u8 : "obMatJos2gAAA"u8;

    /// <summary>Writes the nonce of this client into the first <see cref="Length"/> bytes.</summary>
    internal void Write(in ClientFlow flow, bool anonymity, Span<byte> nonce, Instant now)
    {
        Prefix(anonymity).CopyTo(nonce);
        uint time = (uint)(now.Nanoseconds / GrainNanoseconds);
        Span<byte> seal = stackalloc byte[SealLength];
        BinaryPrimitives.WriteUInt32BigEndian(seal, time);
        BinaryPrimitives.WriteUInt64BigEndian(seal[sizeof(uint)..], Mac(CurrentKeys(now).Current, flow, anonymity, time));
        Base64.EncodeToUtf8(seal, nonce[PrefixLength..], out _, out _);
    }

    internal NonceState Check(ReadOnlySpan<byte> nonce, in ClientFlow flow, Instant now)
    {
        if (nonce.Length != Length)
        {
            return NonceState.Foreign;
        }

        bool anonymity = nonce[9] == 'w';
        if (!HasPrefix(nonce, anonymity) || !TryDecode(nonce[PrefixLength..], out uint time, out ulong mac))
        {
            return NonceState.Foreign;
        }

        Keys keys = CurrentKeys(now);
        // Integers compare in constant time.
        if (mac != Mac(keys.Current, flow, anonymity, time) && mac != Mac(keys.Previous, flow, anonymity, time))
        {
            return NonceState.Foreign;
        }

        return now.Nanoseconds / GrainNanoseconds - time <= _lifetimeGrains ? NonceState.Valid : NonceState.Stale;
    }

    // Against constants: the comparison is then a few loads.
    private static bool HasPrefix(ReadOnlySpan<byte> nonce, bool anonymity) =>
        anonymity ? nonce[..PrefixLength].SequenceEqual("obMatJos2wAAA"u8) : nonce[..PrefixLength].SequenceEqual("obMatJos2gAAA"u8);

    /// <summary>Reads 16 characters of base64 (RFC 4648, 4), all at once: a request pays for this before it has proven anything.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool TryDecode(ReadOnlySpan<byte> text, out uint time, out ulong mac)
    {
        Vector128<byte> characters = Vector128.Create(text);
        Vector128<byte> upper = IsBetween(characters, (byte)'A', (byte)'Z');
        Vector128<byte> lower = IsBetween(characters, (byte)'a', (byte)'z');
        Vector128<byte> digit = IsBetween(characters, (byte)'0', (byte)'9');
        Vector128<byte> plus = Vector128.Equals(characters, Vector128.Create((byte)'+'));
        Vector128<byte> slash = Vector128.Equals(characters, Vector128.Create((byte)'/'));
        Vector128<byte> offset = (upper & Vector128.Create(unchecked((byte)(0 - 'A')))) | (lower & Vector128.Create(unchecked((byte)(26 - 'a'))))
            | (digit & Vector128.Create(unchecked((byte)(52 - '0')))) | (plus & Vector128.Create((byte)(62 - '+'))) | (slash & Vector128.Create((byte)(63 - '/')));
        Vector128<ulong> sixes = (characters + offset).AsUInt64();
        ulong head = Join(sixes[0]);
        ulong tail = Join(sixes[1]);
        time = (uint)(head >> 16);
        mac = head << 48 | tail;
        return (upper | lower | digit | plus | slash) == Vector128<byte>.AllBitsSet;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> IsBetween(Vector128<byte> values, byte first, byte last) =>
        Vector128.LessThanOrEqual(values - Vector128.Create(first), Vector128.Create((byte)(last - first)));

    /// <summary>48 bits of eight bytes that have six each, the first byte's on top.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Join(ulong sixes)
    {
        sixes = BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(sixes) : sixes;
        ulong twelves = (sixes & 0x3F00_3F00_3F00_3F00) >> 2 | (sixes & 0x003F_003F_003F_003F);
        ulong pairs = (twelves & 0x0FFF_0000_0FFF_0000) >> 4 | (twelves & 0x0000_0FFF_0000_0FFF);
        return pairs >> 32 << 24 | (uint)pairs;
    }

    // A key makes nonces for one lifetime and checks them for one more, so that no nonce loses its key before its time.
    private Keys CurrentKeys(Instant now)
    {
        Keys keys = Volatile.Read(ref _keys);
        return now < keys.RotateAt ? keys : RotateSlow(keys, now);
    }

    private Keys RotateSlow(Keys keys, Instant now)
    {
        // After a long silence the current key, too, is older than any nonce that may still be valid.
        SipHash next = NewKey();
        SipHash previous = now < keys.RotateAt + _lifetime ? keys.Current : next;
        var rotated = new Keys(next, previous, now + _lifetime);
        Keys seen = Interlocked.CompareExchange(ref _keys, rotated, keys);
        return seen == keys ? rotated : seen;
    }

    private SipHash NewKey() => new(_entropy.NextUInt64(), _entropy.NextUInt64());

    private static ulong Mac(SipHash key, in ClientFlow flow, bool anonymity, uint time)
    {
        UInt128 address = flow.Client.Value;
        ulong rest = (ulong)time << 32 | (uint)flow.Client.Port << 16 | (uint)flow.Transport << 1 | (anonymity ? 1u : 0u);
        return key.Compute((ulong)(address >> 64), (ulong)address, rest);
    }
}
