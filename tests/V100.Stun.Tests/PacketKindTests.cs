namespace V100.Stun.Tests;

public class PacketKindTests
{
    [Fact]
    public void The_first_byte_decides_as_RFC_7983_and_5761_say()
    {
        for (int first = 0; first < 256; first++)
        {
            for (int second = 0; second < 256; second++)
            {
                PacketKind expected = first switch
                {
                    <= 3 => PacketKind.Stun,
                    >= 20 and <= 63 => PacketKind.Dtls,
                    >= 64 and <= 79 => PacketKind.ChannelData,
                    >= 128 and <= 191 => second is >= 192 and <= 223 ? PacketKind.Rtcp : PacketKind.Rtp,
                    _ => PacketKind.Unknown,
                };
                Assert.Equal(expected, PacketDemux.Classify([(byte)first, (byte)second, 0, 0]));
            }
        }
    }

    [Fact]
    public void Less_than_two_bytes_are_nothing()
    {
        Assert.Equal(PacketKind.Unknown, PacketDemux.Classify([]));
        Assert.Equal(PacketKind.Unknown, PacketDemux.Classify([0x80]));
    }
}
