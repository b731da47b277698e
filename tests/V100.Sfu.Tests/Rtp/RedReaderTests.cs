using V100.Sfu.Rtp;
using Xunit.Abstractions;

namespace V100.Sfu.Tests.Rtp;

public class RedReaderTests(ITestOutputHelper output)
{
    // RFC 2198, 4, in small: a redundant block of 2 bytes 960 units old, one of none, and the primary one.
    private static readonly byte[] _payload = [0x80 | 111, 960 >> 6, 960 << 2 & 0xFF, 2, 0x80 | 5, 0, 4, 0, 111, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE];

    [Fact]
    public void Blocks_are_found_from_the_end()
    {
        Assert.True(RedReader.TryParse(_payload, out RedReader red));
        Assert.Equal(3, red.Count);
        RedBlock primary = red.FromEnd(0);
        Assert.Equal((111, 0), (primary.PayloadType, primary.TimestampOffset));
        Assert.Equal([0xCC, 0xDD, 0xEE], primary.Data.ToArray());
        RedBlock empty = red.FromEnd(1);
        Assert.Equal((5, 1, 0), (empty.PayloadType, empty.TimestampOffset, empty.Data.Length));
        RedBlock oldest = red.FromEnd(2);
        Assert.Equal((111, 960), (oldest.PayloadType, oldest.TimestampOffset));
        Assert.Equal([0xAA, 0xBB], oldest.Data.ToArray());
    }

    [Fact]
    public void A_payload_that_ends_too_early_is_refused()
    {
        for (int length = 0; length < 11; length++)
        {
            Assert.False(RedReader.TryParse(_payload.AsSpan(0, length), out _));
        }

        Assert.True(RedReader.TryParse(_payload.AsSpan(0, 11), out RedReader red));
        Assert.True(red.FromEnd(0).Data.IsEmpty);
        byte[] endless = new byte[1_200];
        endless.AsSpan().Fill(0x80);
        Assert.False(RedReader.TryParse(endless, out _));
    }

    [Fact]
    public void Whatever_comes_blocks_lie_within_the_payload_and_fill_it()
    {
        Random random = Seeds.NewRandom(output);
        int parsed = 0;
        for (int run = 0; run < Seeds.Scaled(20_000); run++)
        {
            byte[] payload = new byte[random.Next(60)];
            random.NextBytes(payload);
            for (int index = 3; index < payload.Length; index += 4)
            {
                payload[index] = (byte)random.Next(8);
                payload[index - 1] &= 0xFC;
            }

            if (!RedReader.TryParse(payload, out RedReader red))
            {
                continue;
            }

            parsed++;
            int bytes = (red.Count - 1) * 4 + 1;
            for (int back = 0; back < red.Count; back++)
            {
                bytes += red.FromEnd(back).Data.Length;
            }

            Assert.Equal(payload.Length, bytes);
        }

        Assert.True(parsed > 1_000);
    }
}
