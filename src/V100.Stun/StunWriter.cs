using System.Buffers.Binary;
using V100.Net;
using V100.Net.Crypto;

namespace V100.Stun;

/// <summary>
/// Writes one STUN message into the caller's bytes: the constructor writes the header, then come the attributes, then the
/// integrity, then the fingerprint, then <see cref="Finish"/>. Padding is zeros.
/// </summary>
/// <remarks>
/// An attribute that does not fit sets <see cref="Overflowed"/> and writes nothing from then on; <see cref="Finish"/>
/// then returns 0, so a message is checked once, at its end.
/// </remarks>
public ref struct StunWriter
{
    private readonly Span<byte> _bytes;
    private int _position;

    /// <param name="bytes">Room for the whole message.</param>
    /// <param name="type">Method and class.</param>
    /// <param name="transactionId">12 bytes: those of the request, in an answer.</param>
    public StunWriter(Span<byte> bytes, StunMessageType type, scoped ReadOnlySpan<byte> transactionId)
    {
        _bytes = bytes;
        if (bytes.Length < StunHeader.Length)
        {
            Overflowed = true;
            return;
        }

        BinaryPrimitives.WriteUInt32BigEndian(bytes, (uint)type.Value << 16);
        BinaryPrimitives.WriteUInt32BigEndian(bytes[StunHeader.CookieOffset..], StunHeader.MagicCookie);
        transactionId[..StunHeader.TransactionIdLength].CopyTo(bytes[StunHeader.TransactionIdOffset..]);
        _position = StunHeader.Length;
    }

    /// <summary>The answer to <paramref name="request"/>: its method and transaction id.</summary>
    public static StunWriter Answer(Span<byte> bytes, scoped in StunReader request, StunClass @class) =>
        new(bytes, new StunMessageType(request.Type.Method, @class), request.TransactionId);

    public bool Overflowed { get; private set; }

    public void Write(StunAttributeType type, scoped ReadOnlySpan<byte> value)
    {
        if (TryReserve(type, value.Length, out Span<byte> target))
        {
            value.CopyTo(target);
        }
    }

    /// <summary>An attribute without a value (USE-CANDIDATE, DONT-FRAGMENT).</summary>
    public void WriteFlag(StunAttributeType type) => TryReserve(type, 0, out _);

    public void WriteUInt32(StunAttributeType type, uint value)
    {
        if (TryReserve(type, sizeof(uint), out Span<byte> target))
        {
            BinaryPrimitives.WriteUInt32BigEndian(target, value);
        }
    }

    public void WriteUInt64(StunAttributeType type, ulong value)
    {
        if (TryReserve(type, sizeof(ulong), out Span<byte> target))
        {
            BinaryPrimitives.WriteUInt64BigEndian(target, value);
        }
    }

    /// <summary>A plain address: MAPPED-ADDRESS, ALTERNATE-SERVER.</summary>
    public void WriteAddress(StunAttributeType type, in TransportAddress address)
    {
        if (TryReserve(type, StunAddress.LengthOf(address), out Span<byte> target))
        {
            StunAddress.Write(target, address);
        }
    }

    /// <summary>XOR-MAPPED-, XOR-PEER- or XOR-RELAYED-ADDRESS.</summary>
    public void WriteXorAddress(StunAttributeType type, in TransportAddress address)
    {
        if (TryReserve(type, StunAddress.LengthOf(address), out Span<byte> target))
        {
            StunAddress.WriteXor(target, address, _bytes.Slice(StunHeader.TransactionIdOffset, StunHeader.TransactionIdLength));
        }
    }

    public void WriteErrorCode(StunErrorCode code)
    {
        if (TryReserve(StunAttributeType.ErrorCode, StunErrorCodeValue.Length, out Span<byte> target))
        {
            StunErrorCodeValue.Write(target, code);
        }
    }

    /// <summary>UNKNOWN-ATTRIBUTES, the list that belongs to a 420 (RFC 8489, 14.13).</summary>
    /// <param name="types">What the reader did not know.</param>
    /// <param name="refused">A type that is known but not served here, or 0.</param>
    public void WriteUnknownAttributes(scoped ReadOnlySpan<ushort> types, StunAttributeType refused = 0)
    {
        int count = types.Length + (refused != 0 ? 1 : 0);
        if (TryReserve(StunAttributeType.UnknownAttributes, count * sizeof(ushort), out Span<byte> target))
        {
            for (int i = 0; i < types.Length; i++)
            {
                BinaryPrimitives.WriteUInt16BigEndian(target[(i * sizeof(ushort))..], types[i]);
            }

            if (refused != 0)
            {
                BinaryPrimitives.WriteUInt16BigEndian(target[^sizeof(ushort)..], (ushort)refused);
            }
        }
    }

    /// <summary>MESSAGE-INTEGRITY over all that is written so far (RFC 8489, 14.5).</summary>
    public void WriteIntegrity(HmacSha1Key key)
    {
        int sealedLength = _position;
        if (TryReserve(StunAttributeType.MessageIntegrity, HmacSha1Key.MacLength, out Span<byte> target))
        {
            // The header's length counts this attribute already.
            WriteLength();
            key.Compute(_bytes[..sealedLength], default, target);
        }
    }

    /// <summary>MESSAGE-INTEGRITY-SHA256 over all that is written so far (RFC 8489, 14.6).</summary>
    public void WriteIntegrity(HmacSha256Key key)
    {
        int sealedLength = _position;
        if (TryReserve(StunAttributeType.MessageIntegritySha256, HmacSha256Key.MacLength, out Span<byte> target))
        {
            WriteLength();
            key.Compute(_bytes[..sealedLength], default, target);
        }
    }

    /// <summary>FINGERPRINT over all that is written so far (RFC 8489, 14.7); nothing may follow.</summary>
    public void WriteFingerprint()
    {
        int sealedLength = _position;
        if (TryReserve(StunAttributeType.Fingerprint, sizeof(uint), out Span<byte> target))
        {
            WriteLength();
            BinaryPrimitives.WriteUInt32BigEndian(target, StunFingerprint.Compute(_bytes[..sealedLength]));
        }
    }

    /// <summary>The message's length, or 0 when it did not fit.</summary>
    public int Finish()
    {
        if (Overflowed)
        {
            return 0;
        }

        WriteLength();
        return _position;
    }

    private readonly void WriteLength() =>
        BinaryPrimitives.WriteUInt16BigEndian(_bytes[StunHeader.LengthOffset..], (ushort)(_position - StunHeader.Length));

    private bool TryReserve(StunAttributeType type, int length, out Span<byte> target)
    {
        int whole = StunHeader.AttributeHeaderLength + StunHeader.Padded(length);
        // The length field holds multiples of four up to 65,532.
        if (Overflowed || whole > _bytes.Length - _position || _position + whole - StunHeader.Length > ushort.MaxValue)
        {
            Overflowed = true;
            target = default;
            return false;
        }

        Span<byte> attribute = _bytes.Slice(_position, whole);
        if ((length & 3) != 0)
        {
            attribute[^4..].Clear();
        }

        BinaryPrimitives.WriteUInt32BigEndian(attribute, (uint)type << 16 | (uint)length);
        target = attribute.Slice(StunHeader.AttributeHeaderLength, length);
        _position += whole;
        return true;
    }
}
