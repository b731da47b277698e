using System.Buffers.Binary;

namespace V100.Fuzz;

/// <summary>Damages packets as parsers fear it: wrong bits, lengths that lie, pieces that are missing, doubled or another packet's.</summary>
internal sealed class Mutator(Random random)
{
    /// <summary>Longer than a packet buffer, so that what does not fit one is met too.</summary>
    private const int MaxLength = 2600;

    private static readonly uint[] _borders =
        [0, 1, 2, 3, 4, 7, 8, 12, 15, 16, 127, 128, 255, 256, 0x7FFE, 0x7FFF, 0x8000, 0x8001, 0xFFFE, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF];

    /// <summary>A new array: the source with one to four kinds of damage.</summary>
    /// <param name="source">What is damaged.</param>
    /// <param name="other">Where foreign pieces come from.</param>
    public byte[] Mutate(ReadOnlySpan<byte> source, ReadOnlySpan<byte> other)
    {
        byte[] bytes = source.ToArray();
        for (int count = random.Next(1, 5); count > 0; count--)
        {
            bytes = bytes.Length == 0 ? Noise(random.Next(1, 40)) : MutateOnce(bytes, other);
        }

        return bytes.Length <= MaxLength ? bytes : bytes[..MaxLength];
    }

    public byte[] Noise(int length)
    {
        byte[] bytes = new byte[length];
        random.NextBytes(bytes);
        return bytes;
    }

    private byte[] MutateOnce(byte[] bytes, ReadOnlySpan<byte> other)
    {
        int at = random.Next(bytes.Length);
        int length = random.Next(1, Math.Min(bytes.Length - at, 64) + 1);
        switch (random.Next(10))
        {
            case 0:
                bytes[at] ^= (byte)(1 << random.Next(8));
                return bytes;
            case 1:
                random.NextBytes(bytes.AsSpan(at, Math.Min(length, 8)));
                return bytes;
            case 2:
                return bytes[..at];
            case 3:
                return [.. bytes, .. Noise(random.Next(8) == 0 ? random.Next(MaxLength) : random.Next(1, 40))];
            case 4:
                WriteLength(bytes);
                return bytes;
            case 5:
                WriteBorder(bytes.AsSpan(at));
                return bytes;
            case 6:
                return [.. bytes[..at], .. Piece(other)];
            case 7:
                return [.. bytes[..at], .. bytes.AsSpan(at, length), .. bytes[at..]];
            case 8:
                return [.. bytes[..at], .. bytes[(at + length)..]];
            default:
                bytes.AsSpan(at, length).Fill(random.Next(2) == 0 ? (byte)0 : (byte)0xFF);
                return bytes;
        }
    }

    private ReadOnlySpan<byte> Piece(ReadOnlySpan<byte> other)
    {
        int start = random.Next(other.Length + 1);
        return other[start..random.Next(start, other.Length + 1)];
    }

    /// <summary>Where headers have their lengths, one near the true one, or at a border of what a parser may add to it.</summary>
    private void WriteLength(byte[] bytes)
    {
        int at = 2 * random.Next(Math.Min(bytes.Length, 64) / 2);
        if (at + 2 <= bytes.Length)
        {
            int value = random.Next(3) switch
            {
                0 => bytes.Length - at + random.Next(-24, 5),
                1 => (bytes.Length - at) / 4 + random.Next(-4, 3),
                _ => (int)_borders[random.Next(_borders.Length)],
            };
            BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(at), (ushort)value);
        }
    }

    private void WriteBorder(Span<byte> target)
    {
        uint value = _borders[random.Next(_borders.Length)];
        if (target.Length >= 4 && random.Next(3) == 0)
        {
            BinaryPrimitives.WriteUInt32BigEndian(target, value);
        }
        else if (target.Length >= 2 && random.Next(2) == 0)
        {
            BinaryPrimitives.WriteUInt16BigEndian(target, (ushort)value);
        }
        else
        {
            target[0] = (byte)value;
        }
    }
}
