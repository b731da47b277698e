using System.Buffers.Binary;
using V100.Net;

namespace V100.Turn;

/// <summary>
/// What a client shows when it comes back from another address (RFC 8016): the shard of its allocation, and a random number that
/// finds it there. Only its user can use it, so it needs no seal.
/// </summary>
internal readonly record struct MobilityTicket(int Shard, UInt128 Number)
{
    public const int Length = sizeof(ushort) + 16;

    public bool IsNone => Number == 0;

    public static MobilityTicket Create(int shard, IEntropy entropy) => new(shard, new UInt128(entropy.NextUInt64(), entropy.NextUInt64() | 1));

    public static bool TryRead(ReadOnlySpan<byte> value, out MobilityTicket ticket)
    {
        bool whole = value.Length == Length;
        ticket = whole
            ? new MobilityTicket(BinaryPrimitives.ReadUInt16BigEndian(value), BinaryPrimitives.ReadUInt128BigEndian(value[sizeof(ushort)..]))
            : default;
        return whole;
    }

    public void Write(Span<byte> value)
    {
        BinaryPrimitives.WriteUInt16BigEndian(value, (ushort)Shard);
        BinaryPrimitives.WriteUInt128BigEndian(value[sizeof(ushort)..], Number);
    }
}
