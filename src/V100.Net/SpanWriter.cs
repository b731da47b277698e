using System.Buffers.Binary;

namespace V100.Net;

/// <summary>
/// A cursor that writes in network order into the caller's bytes. A write that does not fit sets
/// <see cref="Overflowed"/> and writes nothing from then on, so a message is checked once, at its end.
/// </summary>
public ref struct SpanWriter(Span<byte> bytes)
{
    private readonly Span<byte> _bytes = bytes;
    private int _position;

    public bool Overflowed { get; private set; }
    public readonly int Position => _position;
    public readonly int Remaining => _bytes.Length - _position;
    public readonly Span<byte> Written => _bytes[.._position];

    public void WriteByte(byte value)
    {
        if (Reserve(1, out Span<byte> target))
        {
            target[0] = value;
        }
    }

    public void WriteUInt16(ushort value)
    {
        if (Reserve(2, out Span<byte> target))
        {
            BinaryPrimitives.WriteUInt16BigEndian(target, value);
        }
    }

    public void WriteUInt24(uint value)
    {
        if (Reserve(3, out Span<byte> target))
        {
            target[0] = (byte)(value >> 16);
            target[1] = (byte)(value >> 8);
            target[2] = (byte)value;
        }
    }

    public void WriteUInt32(uint value)
    {
        if (Reserve(4, out Span<byte> target))
        {
            BinaryPrimitives.WriteUInt32BigEndian(target, value);
        }
    }

    public void WriteUInt64(ulong value)
    {
        if (Reserve(8, out Span<byte> target))
        {
            BinaryPrimitives.WriteUInt64BigEndian(target, value);
        }
    }

    public void Write(scoped ReadOnlySpan<byte> value)
    {
        if (Reserve(value.Length, out Span<byte> target))
        {
            value.CopyTo(target);
        }
    }

    public void WriteZeros(int count)
    {
        if (Reserve(count, out Span<byte> target))
        {
            target.Clear();
        }
    }

    /// <summary>Takes the next <paramref name="length"/> bytes for the caller to fill.</summary>
    public bool Reserve(int length, out Span<byte> target)
    {
        if (Overflowed || (uint)length > (uint)Remaining)
        {
            Overflowed = true;
            target = default;
            return false;
        }

        target = _bytes.Slice(_position, length);
        _position += length;
        return true;
    }
}
