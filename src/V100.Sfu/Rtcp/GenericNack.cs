using System.Buffers.Binary;
using V100.Net;
using V100.Sfu.Rtp;

namespace V100.Sfu.Rtcp;

/// <summary>Generic NACK (RFC 4585, 6.2.1): the lost sequence numbers by enumeration, and a writer.</summary>
public readonly ref struct GenericNack
{
    private const int FixedLength = 8;
    private const int EntryLength = 4;

    private readonly ReadOnlySpan<byte> _body;

    private GenericNack(ReadOnlySpan<byte> body) => _body = body;

    public Ssrc Sender => new(BinaryPrimitives.ReadUInt32BigEndian(_body));

    /// <summary>The stream whose packets are missed.</summary>
    public Ssrc Media => new(BinaryPrimitives.ReadUInt32BigEndian(_body[4..]));

    public static bool TryParse(in RtcpPacket packet, out GenericNack nack)
    {
        // RFC 4585, 6.2.1: a length of 2 + n words, n at least 1.
        bool valid = packet.IsTransportFeedback(TransportFeedbackFormat.GenericNack) && packet.Body.Length >= FixedLength + EntryLength;
        nack = valid ? new GenericNack(packet.Body) : default;
        return valid;
    }

    public Enumerator GetEnumerator() => new(_body[FixedLength..]);

    /// <summary>Bytes that a packet with this many entries takes.</summary>
    public static int GetLength(int entryCount) => RtcpPacket.HeaderLength + FixedLength + EntryLength * entryCount;

    /// <summary>
    /// Writes one packet. <paramref name="lost"/> is in the order of the sequence (each newer than the one before it); as many as fit are
    /// written, and nothing when none does.
    /// </summary>
    /// <returns>How many of <paramref name="lost"/> stand in the packet.</returns>
    public static int Write(ref SpanWriter writer, Ssrc sender, Ssrc media, scoped ReadOnlySpan<SequenceNumber> lost)
    {
        int maxEntries = (writer.Remaining - GetLength(0)) / EntryLength;
        int written = 0;
        int entries = 0;
        for (; written < lost.Length && entries < maxEntries; entries++)
        {
            written += CountInEntry(lost[written..], out _);
        }

        if (entries == 0)
        {
            return 0;
        }

        RtcpPacket.WriteHeader(
            ref writer, RtcpPacketType.TransportFeedback, (int)TransportFeedbackFormat.GenericNack, FixedLength + EntryLength * entries);
        writer.WriteUInt32(sender.Value);
        writer.WriteUInt32(media.Value);
        for (ReadOnlySpan<SequenceNumber> rest = lost[..written]; !rest.IsEmpty;)
        {
            SequenceNumber first = rest[0];
            rest = rest[CountInEntry(rest, out ushort mask)..];
            writer.WriteUInt16(first.Value);
            writer.WriteUInt16(mask);
        }

        return written;
    }

    // PID is the first; BLP has a bit for each of the 16 that follow it.
    private static int CountInEntry(ReadOnlySpan<SequenceNumber> lost, out ushort mask)
    {
        mask = 0;
        int count = 1;
        for (; count < lost.Length; count++)
        {
            int distance = lost[count].DistanceFrom(lost[0]);
            if (distance is < 1 or > 16)
            {
                break;
            }

            mask |= (ushort)(1 << (distance - 1));
        }

        return count;
    }

    public ref struct Enumerator
    {
        private readonly ReadOnlySpan<byte> _entries;
        private int _position;
        private ushort _first;
        private uint _pending;

        internal Enumerator(ReadOnlySpan<byte> entries) => _entries = entries;

        public SequenceNumber Current { readonly get; private set; }

        public bool MoveNext()
        {
            if (_pending == 0)
            {
                if (_position + EntryLength > _entries.Length)
                {
                    return false;
                }

                _first = BinaryPrimitives.ReadUInt16BigEndian(_entries[_position..]);
                _pending = 1u | (uint)BinaryPrimitives.ReadUInt16BigEndian(_entries[(_position + 2)..]) << 1;
                _position += EntryLength;
            }

            Current = new SequenceNumber(_first) + System.Numerics.BitOperations.TrailingZeroCount(_pending);
            _pending &= _pending - 1;
            return true;
        }
    }
}
