using V100.Sfu.Rtp;

namespace V100.Sfu.Tests.Rtp;

public class RetransmissionTests
{
    private static byte[] Packet(byte payloadType, ushort sequence, uint ssrc, ReadOnlySpan<byte> payload, int padding = 0)
    {
        byte[] bytes = new byte[300];
        var header = new RtpHeader(payloadType, true, new SequenceNumber(sequence), 777, new Ssrc(ssrc), padding > 0);
        var writer = new RtpHeaderWriter(bytes, header);
        writer.TryAdd(5, [1, 2, 3]);
        int length = writer.Finish();
        payload.CopyTo(bytes.AsSpan(length));
        length += payload.Length;
        length += Padding.Write(bytes.AsSpan(length), padding);
        return bytes[..length];
    }

    [Theory]
    [InlineData(0)]
    [InlineData(5)]
    public void The_restored_packet_is_the_original_to_the_byte(int padding)
    {
        byte[] original = Packet(96, 0xFFFE, 0x1111, "picture"u8);
        byte[] payload = new byte[9];
        Retransmission.WriteOriginalSequence(payload, new SequenceNumber(0xFFFE));
        "picture"u8.CopyTo(payload.AsSpan(Retransmission.OriginalSequenceLength));
        byte[] sent = Packet(97, 42, 0x2222, payload, padding);
        Assert.True(Retransmission.TryRestore(sent, 96, new Ssrc(0x1111), out Span<byte> restored));
        Assert.Equal(original, restored.ToArray());
    }

    [Fact]
    public void Bandwidth_probes_and_fragments_restore_nothing()
    {
        Assert.False(Retransmission.TryRestore(Packet(97, 1, 2, default, 255), 96, new Ssrc(1), out _));
        Assert.False(Retransmission.TryRestore(Packet(97, 1, 2, [1]), 96, new Ssrc(1), out _));
        Assert.False(Retransmission.TryRestore(new byte[5], 96, new Ssrc(1), out _));
    }
}
