using System.Buffers.Binary;
using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using V100.Net;

namespace V100.Stun;

/// <summary>
/// A received STUN message, as a view of the datagram. <see cref="TryParse"/> validates the framing of the whole message
/// once: the two zero bits, a length that is the datagram's own, the cookie, and the bounds of every attribute. After that
/// each known attribute is found in constant time. Nothing is copied.
/// </summary>
/// <remarks>
/// Only attributes that count are visible: of a repeated one the first (RFC 8489, 14), after MESSAGE-INTEGRITY only
/// MESSAGE-INTEGRITY-SHA256 and FINGERPRINT (14.5), after that only FINGERPRINT (14.6), which must be the last (14.7).
/// The integrity and the fingerprint are not checked here: see <see cref="StunIntegrity"/> and <see cref="StunFingerprint"/>.
/// </remarks>
public ref struct StunReader
{
    /// <summary>How many unknown comprehension-required types are kept; further ones are not listed in a 420.</summary>
    public const int MaxUnknownRequired = 8;

    private const ulong KnownBits = (1UL << StunAttributeSlot.Count) - 1;
    private const ulong IntegritySha256Bit = 1UL << StunAttributeSlot.MessageIntegritySha256;
    private const ulong FingerprintBit = 1UL << StunAttributeSlot.Fingerprint;

    private ReadOnlySpan<byte> _message;
    private ulong _present;
    private int _unknownCount;
    private ValueOffsets _offsets;
    private UnknownTypes _unknown;

    /// <summary>False for everything that is not exactly one well-formed STUN message; the caller drops it without an answer.</summary>
    public static bool TryParse(ReadOnlySpan<byte> datagram, out StunReader message)
    {
        // RFC 8489, 5: two zero bits, a length without the header and a multiple of four, the cookie.
        if (datagram.Length < StunHeader.Length)
        {
            message = default;
            return false;
        }

        uint typeAndLength = BinaryPrimitives.ReadUInt32BigEndian(datagram);
        if ((typeAndLength & 0xC000_0003) != 0
            || (ushort)typeAndLength != datagram.Length - StunHeader.Length
            || BinaryPrimitives.ReadUInt32BigEndian(datagram[StunHeader.CookieOffset..]) != StunHeader.MagicCookie)
        {
            message = default;
            return false;
        }

        // The tables are read only where _present and _unknownCount say that they were written.
        Unsafe.SkipInit(out message);
        message._message = datagram;
        message._present = 0;
        message._unknownCount = 0;
        return message.TryReadAttributes(datagram);
    }

    public readonly StunMessageType Type => new(BinaryPrimitives.ReadUInt16BigEndian(_message));

    /// <summary>12 bytes.</summary>
    public readonly ReadOnlySpan<byte> TransactionId =>
        _message.Slice(StunHeader.TransactionIdOffset, StunHeader.TransactionIdLength);

    /// <summary>The whole message.</summary>
    public readonly ReadOnlySpan<byte> Bytes => _message;

    /// <summary>
    /// Comprehension-required types (below 0x8000) that are no <see cref="StunAttributeType"/>, each once, in their order,
    /// at most <see cref="MaxUnknownRequired"/>.
    /// </summary>
    [UnscopedRef]
    public readonly ReadOnlySpan<ushort> UnknownRequired => ((ReadOnlySpan<ushort>)_unknown)[.._unknownCount];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly bool Has(StunAttributeType type) => (_present >> StunAttributeSlot.Of(type) & 1) != 0;

    /// <summary>The value without its padding.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly bool TryGet(StunAttributeType type, out ReadOnlySpan<byte> value)
    {
        // Inlined, so that the type's place is a constant.
        bool found = TryGetRange(type, out int offset, out int length);
        value = _message.Slice(offset, length);
        return found;
    }

    /// <summary>Where the value, without its padding, lies in <see cref="Bytes"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly bool TryGetRange(StunAttributeType type, out int offset, out int length)
    {
        bool found = TryGetOffset(type, out offset);
        length = found ? BinaryPrimitives.ReadUInt16BigEndian(_message[(offset - 2)..]) : 0;
        return found;
    }

    /// <summary>False also when the value has another length than 4 bytes.</summary>
    public readonly bool TryGetUInt32(StunAttributeType type, out uint value)
    {
        value = 0;
        return TryGet(type, out ReadOnlySpan<byte> bytes)
            && bytes.Length == sizeof(uint)
            && BinaryPrimitives.TryReadUInt32BigEndian(bytes, out value);
    }

    /// <summary>False also when the value has another length than 8 bytes.</summary>
    public readonly bool TryGetUInt64(StunAttributeType type, out ulong value)
    {
        value = 0;
        return TryGet(type, out ReadOnlySpan<byte> bytes)
            && bytes.Length == sizeof(ulong)
            && BinaryPrimitives.TryReadUInt64BigEndian(bytes, out value);
    }

    /// <summary>XOR-MAPPED-, XOR-PEER- or XOR-RELAYED-ADDRESS. False also when the value is no address.</summary>
    public readonly bool TryGetXorAddress(StunAttributeType type, out TransportAddress address)
    {
        address = default;
        return TryGet(type, out ReadOnlySpan<byte> value) && StunAddress.TryReadXor(value, TransactionId, out address);
    }

    /// <summary>False also when the value is no error code.</summary>
    public readonly bool TryGetErrorCode(out StunErrorCode code)
    {
        code = default;
        return TryGet(StunAttributeType.ErrorCode, out ReadOnlySpan<byte> value) && StunErrorCodeValue.TryRead(value, out code);
    }

    /// <summary>
    /// Walks all attributes before the integrity, known or not and with repetitions: for the attributes that a message may
    /// hold several times (XOR-PEER-ADDRESS in CreatePermission; RFC 8656, 10.1).
    /// </summary>
    public readonly StunAttributeEnumerator GetEnumerator() => new(_message);

    /// <summary>Where the value of an attribute starts in <see cref="Bytes"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal readonly bool TryGetOffset(StunAttributeType type, out int offset)
    {
        int slot = StunAttributeSlot.Of(type);
        if ((_present >> slot & 1) == 0)
        {
            offset = 0;
            return false;
        }

        offset = _offsets[slot];
        return true;
    }

    /// <summary>
    /// The length is a multiple of four and so is every step: an attribute's header is one of the message's 32-bit words, whose bounds
    /// the loop's own condition checks, and no other word is read.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryReadAttributes(ReadOnlySpan<byte> message)
    {
        ref byte start = ref MemoryMarshal.GetReference(message);
        ref ushort offsets = ref Unsafe.As<ValueOffsets, ushort>(ref _offsets);
        uint end = (uint)message.Length;
        ulong present = 0;
        bool hasUnknown = false;

        // What still counts where it comes next.
        ulong open = KnownBits;
        uint position = StunHeader.Length;
        while (position < end)
        {
            uint header = Unsafe.ReadUnaligned<uint>(ref Unsafe.Add(ref start, position));
            header = BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(header) : header;
            uint value = position + StunHeader.AttributeHeaderLength;
            position = value + (ushort)header + 3u & ~3u;
            if (position > end)
            {
                return false;
            }

            int slot = StunAttributeSlot.OfHeader(header);
            ulong bit = 1UL << slot;
            if ((bit & open) != 0)
            {
                present |= bit;
                open ^= bit;
                Debug.Assert(slot < StunAttributeSlot.Count);
                Unsafe.Add(ref offsets, (uint)slot) = (ushort)value;
                if (slot < StunAttributeSlot.MessageIntegrity)
                {
                    continue;
                }

                if (slot != StunAttributeSlot.Fingerprint)
                {
                    // RFC 8489, 14.5 and 14.6.
                    open &= slot == StunAttributeSlot.MessageIntegrity ? IntegritySha256Bit | FingerprintBit : FingerprintBit;
                }
                else if (position != end || (ushort)header != sizeof(uint))
                {
                    // RFC 8489, 14.7: 32 bits, the last attribute.
                    return false;
                }
            }
            else
            {
                // RFC 8489, 14: types below 0x8000 must be comprehended.
                hasUnknown |= slot == StunAttributeSlot.Unknown && header < 0x8000_0000;
            }
        }

        _present = present;
        if (hasUnknown)
        {
            // Not in the loop, where a call would have its variables go through memory.
            ListUnknownSlow();
        }

        return true;
    }

    /// <summary>RFC 8489, 14.5: what stands after the integrity is ignored, and the walk ends before it.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void ListUnknownSlow()
    {
        foreach (StunAttribute attribute in this)
        {
            var type = (ushort)attribute.Type;
            bool isUnknown = type < 0x8000 && StunAttributeSlot.Of(attribute.Type) == StunAttributeSlot.Unknown;
            if (isUnknown && _unknownCount < MaxUnknownRequired && !UnknownRequired.Contains(type))
            {
                _unknown[_unknownCount++] = type;
            }
        }
    }

    // Of each known type's value: 16 bits reach every place in a datagram.
    [InlineArray(StunAttributeSlot.Count)]
    private struct ValueOffsets
    {
        private ushort _first;
    }

    [InlineArray(MaxUnknownRequired)]
    private struct UnknownTypes
    {
        private ushort _first;
    }
}
