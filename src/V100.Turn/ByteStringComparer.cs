using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Numerics;

namespace V100.Turn;

/// <summary>Compares names as bytes, so that a table is asked with a view of a message; seeded anew in each process.</summary>
internal sealed class ByteStringComparer : IEqualityComparer<byte[]>, IAlternateEqualityComparer<ReadOnlySpan<byte>, byte[]>
{
    public static readonly ByteStringComparer Instance = new();

    // The framework's own hash is keyed by a random number of the process.
    private readonly ulong _seed = (ulong)(uint)HashCode.Combine(1) << 32 | (uint)HashCode.Combine(2);
    private readonly ulong _secret = (ulong)(uint)HashCode.Combine(3) << 32 | (uint)HashCode.Combine(4);

    public bool Equals(byte[]? x, byte[]? y) => x.AsSpan().SequenceEqual(y);

    public int GetHashCode([DisallowNull] byte[] obj) => GetHashCode((ReadOnlySpan<byte>)obj);

    public byte[] Create(ReadOnlySpan<byte> alternate) => alternate.ToArray();

    public bool Equals(ReadOnlySpan<byte> alternate, byte[] other) => alternate.SequenceEqual(other);

    /// <summary>Each word is mixed with a secret, and its halves with each other by a multiplication.</summary>
    public int GetHashCode(ReadOnlySpan<byte> alternate)
    {
        ulong hash = _seed ^ (uint)alternate.Length;
        for (; alternate.Length >= sizeof(ulong); alternate = alternate[sizeof(ulong)..])
        {
            hash = Mix(hash ^ BinaryPrimitives.ReadUInt64LittleEndian(alternate));
        }

        ulong rest = 0;
        foreach (byte value in alternate)
        {
            rest = rest << 8 | value;
        }

        hash = Mix(hash ^ rest);
        return (int)(hash ^ hash >> 32);
    }

    // A product of 128 bits is made of four multiplications in the native binary.
    private ulong Mix(ulong word)
    {
        word ^= _secret;
        return (uint)word * (word >> 32) ^ BitOperations.RotateLeft(word, 32);
    }
}
