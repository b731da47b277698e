using V100.Sfu.Rtp;

namespace V100.Sfu.Tests.Rtp;

/// <summary>RTP packets with a dependency descriptor, or without.</summary>
internal static class LayeredPacket
{
    public static byte[] Create(ushort sequence, uint timestamp, bool marker, byte[] payload, byte extensionId = 0, byte[]? descriptor = null)
    {
        byte[] packet = new byte[payload.Length + 300];
        var writer = new RtpHeaderWriter(packet, new RtpHeader(96, marker, new SequenceNumber(sequence), timestamp, new Ssrc(1)));
        Assert.True(descriptor is null || writer.TryAdd(extensionId, descriptor));
        int length = writer.Finish();
        payload.CopyTo(packet.AsSpan(length));
        return packet[..(length + payload.Length)];
    }
}
