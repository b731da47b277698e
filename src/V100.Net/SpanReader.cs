using System.Buffers.Binary;

namespace V100.Net;

/// <summary>
/// A cursor over received bytes in network order. Every read says whether it succeeded; a failed read moves nothing,
/// so a parser reads without a length check of its own.
/// </summary>
public ref struct SpanReader(ReadOnlySpan<byte> bytes)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;
    private int _position;

    public readonly int Position => _position;
    public readonly int Remaining => _bytes.Length - _position;
    public readonly ReadOnlySpan<byte> Rest => _bytes[_position..];

    public bool TryReadByte(out byte value)
    {
        bool fits = Remaining >= 1;
        value = fits ? _bytes[_position++] : (byte)0;
        return fits;
    }

    public bool TryReadUInt16(out ushort value)
    {
        if (!BinaryPrimitives.TryReadUInt16BigEndian(Rest, out value))
        {
            return false;
        }

        _position += 2;
        return true;
    }

    public bool TryReadUInt24(out uint value)
    {
        if (Remaining < 3)
        {
            value = 0;
            return false;
        }

        value = (uint)(_bytes[_position] << 16 | _bytes[_position + 1] << 8 | _bytes[_position + 2]);
        _position += 3;
        return true;
    }

    public bool TryReadUInt32(out uint value)
    {
        if (!BinaryPrimitives.TryReadUInt32BigEndian(Rest, out value))
        {
            return false;
        }

        _position += 4;
        return true;
    }

    public bool TryReadUInt64(out ulong value)
    {
        if (!BinaryPrimitives.TryReadUInt64BigEndian(Rest, out value))
        {
            return false;
        }

        _position += 8;
        return true;
    }

    public bool TryRead(int length, out ReadOnlySpan<byte> value)
    {
        if ((uint)length > (uint)Remaining)
        {
            value = default;
            return false;
        }

        value = _bytes.Slice(_position, length);
        _position += length;
        return true;
    }

    public bool TrySkip(int length) => TryRead(length, out _);
}
