using V100.Sfu.Rtcp;

namespace V100.Sfu.Tests.Rtcp;

internal static class Wire
{
    /// <summary>The only packet of a compound.</summary>
    public static RtcpPacket Single(ReadOnlySpan<byte> bytes)
    {
        Assert.True(RtcpReader.TryParse(bytes, out RtcpReader reader));
        Assert.True(reader.TryRead(out RtcpPacket packet));
        Assert.False(reader.TryRead(out _));
        return packet;
    }
}
