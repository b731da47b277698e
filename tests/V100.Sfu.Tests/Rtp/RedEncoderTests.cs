using V100.Sfu.Rtp;
using Xunit.Abstractions;

namespace V100.Sfu.Tests.Rtp;

public class RedEncoderTests(ITestOutputHelper output)
{
    [Fact]
    public void Each_packet_has_the_frames_before_it_and_says_how_old_they_are()
    {
        var encoder = new RedEncoder(2);
        var target = new byte[100];
        int length = encoder.Write(new ExtendedSequence(0x1_0000), uint.MaxValue - 959, [1, 1], target);
        Assert.Equal([0, 1, 1], target[..length]);
        length = encoder.Write(new ExtendedSequence(0x1_0001), 0, [2], target);
        Assert.Equal([0x80, 960 >> 6, 960 << 2 & 0xFF, 2, 0, 1, 1, 2], target[..length]);
        length = encoder.Write(new ExtendedSequence(0x1_0002), 960, [3], target);
        Assert.True(RedPayload.TryRewrite(target.AsSpan(0, length), 111));
        Assert.True(RedReader.TryParse(target.AsSpan(0, length), out RedReader red));
        Assert.Equal((3, 1920, 960), (red.Count, red.FromEnd(2).TimestampOffset, red.FromEnd(1).TimestampOffset));
        Assert.Equal(111, red.FromEnd(2).PayloadType);
        Assert.Equal([1, 1], red.FromEnd(2).Data.ToArray());
        Assert.Equal([2], red.FromEnd(1).Data.ToArray());
        Assert.Equal([3], red.FromEnd(0).Data.ToArray());
    }

    [Fact]
    public void What_does_not_fit_is_left_out_the_oldest_first()
    {
        var encoder = new RedEncoder(2);
        var target = new byte[600];
        encoder.Write(new ExtendedSequence(1), 0, new byte[300], target);
        encoder.Write(new ExtendedSequence(2), 960, new byte[100], target);
        Assert.Equal(1 + 4 + 100 + 200, encoder.Write(new ExtendedSequence(3), 1920, new byte[200], target));
        Assert.Equal(1 + 599, encoder.Write(new ExtendedSequence(4), 2880, new byte[599], target));
        Assert.Equal(0, encoder.Write(new ExtendedSequence(5), 3840, new byte[600], target));
        Assert.Equal(0, encoder.Write(new ExtendedSequence(6), 4800, [], target));
        Assert.Equal(2, encoder.Write(new ExtendedSequence(7), 5760, [9], target));
        encoder.Reset();
        Assert.Equal(2, encoder.Write(new ExtendedSequence(8), 6720, [9], target));
    }

    [Fact]
    public void Whatever_is_lost_or_late_blocks_are_the_frames_directly_before()
    {
        Random random = Seeds.NewRandom(output);
        for (int run = 0; run < Seeds.Scaled(50); run++)
        {
            var encoder = new RedEncoder(1 + run % 2);
            var talk = new OpusTalk(random, 0x1_0000 + random.Next(65_000, 65_536));
            var sent = new Dictionary<long, (uint Timestamp, byte[] Frame)>();
            var target = new byte[4_000];
            (ExtendedSequence Sequence, uint Timestamp, byte[] Frame)? late = null;
            for (int step = 0; step < 1_000; step++)
            {
                talk.Next();
                sent[talk.Sequence.Value] = (talk.Timestamp, talk.Frame);
                if (random.Next(10) == 0)
                {
                    late = random.Next(2) == 0 ? (talk.Sequence, talk.Timestamp, talk.Frame) : late;
                    continue;
                }

                Check(talk.Sequence, talk.Timestamp, talk.Frame);
                if (late is { } waiting && random.Next(3) == 0)
                {
                    Check(waiting.Sequence, waiting.Timestamp, waiting.Frame);
                    late = null;
                }
            }

            void Check(ExtendedSequence sequence, uint timestamp, byte[] frame)
            {
                int length = encoder.Write(sequence, timestamp, frame, target);
                Assert.InRange(length, 1 + frame.Length, frame.Length + encoder.MaxOverhead);
                Assert.True(RedReader.TryParse(target.AsSpan(0, length), out RedReader red));
                Assert.InRange(red.Count, 1, 2 + run % 2);
                Assert.Equal(frame, red.FromEnd(0).Data);
                for (int back = 1; back < red.Count; back++)
                {
                    Assert.Equal(sent[sequence.Value - back].Frame, red.FromEnd(back).Data);
                    Assert.Equal(sent[sequence.Value - back].Timestamp, timestamp - (uint)red.FromEnd(back).TimestampOffset);
                }
            }
        }
    }

    [Fact]
    public void Encoding_allocates_nothing()
    {
        var encoder = new RedEncoder(2);
        var frame = new byte[100];
        var target = new byte[1_000];
        long sequence = 0;
        Allocations.AssertNone(() => encoder.Write(new ExtendedSequence(++sequence), (uint)sequence * 960, frame, target));
    }
}
