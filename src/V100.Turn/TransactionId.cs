using System.Buffers.Binary;
using V100.Stun;

namespace V100.Turn;

/// <summary>The 96 bits of a transaction that is remembered: a retransmission gets the same answer (RFC 8489, 6.3.1).</summary>
internal readonly record struct TransactionId(ulong High, uint Low)
{
    public static TransactionId Of(in StunReader message)
    {
        ReadOnlySpan<byte> id = message.TransactionId;
        return new TransactionId(BinaryPrimitives.ReadUInt64BigEndian(id), BinaryPrimitives.ReadUInt32BigEndian(id[sizeof(ulong)..]));
    }

    public void Write(Span<byte> id)
    {
        BinaryPrimitives.WriteUInt64BigEndian(id, High);
        BinaryPrimitives.WriteUInt32BigEndian(id[sizeof(ulong)..], Low);
    }
}
