using System.Buffers.Binary;
using System.Buffers.Text;
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
        Span<byte> seal = stackalloc byte[SealLength];
        if (!nonce[..PrefixLength].SequenceEqual(Prefix(anonymity))
            || Base64.DecodeFromUtf8(nonce[PrefixLength..], seal, out _, out int written) != System.Buffers.OperationStatus.Done
            || written != SealLength)
        {
            return NonceState.Foreign;
        }

        uint time = BinaryPrimitives.ReadUInt32BigEndian(seal);
        ulong mac = BinaryPrimitives.ReadUInt64BigEndian(seal[sizeof(uint)..]);
        Keys keys = CurrentKeys(now);
        // Integers compare in constant time.
        if (mac != Mac(keys.Current, flow, anonymity, time) && mac != Mac(keys.Previous, flow, anonymity, time))
        {
            return NonceState.Foreign;
        }

        return now.Nanoseconds / GrainNanoseconds - time <= _lifetimeGrains ? NonceState.Valid : NonceState.Stale;
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
