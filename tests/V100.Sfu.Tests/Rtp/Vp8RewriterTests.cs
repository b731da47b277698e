using V100.Sfu.Rtp;
using Xunit.Abstractions;

namespace V100.Sfu.Tests.Rtp;

/// <summary>Picture ids count what is sent, every packet keeps its picture's number, and indexes go on from source to source.</summary>
public class Vp8RewriterTests(ITestOutputHelper output)
{
    private static byte[] Payload(int pictureId, int levelZero = 0, int layer = 0, int key = 0, bool isLong = true)
    {
        byte[] bytes = new byte[Vp8Descriptor.MaxLength + 1];
        Vp8Descriptor descriptor = default(Vp8Descriptor) with
        {
            StartsPartition = true,
            HasPictureId = true,
            HasLongPictureId = isLong,
            PictureId = (ushort)(pictureId & (isLong ? 0x7FFF : 0x7F)),
            HasTemporalLevelZeroIndex = true,
            TemporalLevelZeroIndex = (byte)levelZero,
            HasTemporalLayer = true,
            TemporalLayer = (byte)layer,
            HasKeyIndex = true,
            KeyIndex = (byte)(key & 0x1F),
        };
        return bytes[..(descriptor.Write(bytes) + 1)];
    }

    private static Vp8Descriptor Rewrite(Vp8Rewriter rewriter, byte[] payload, out uint state)
    {
        Span<byte> written = stackalloc byte[Vp8Descriptor.MaxLength + 1];
        Assert.True(rewriter.TryRewrite(payload, written, out int length, out int consumed, out state));
        Assert.Equal(payload.Length - 1, consumed);
        Assert.True(Vp8Descriptor.TryParse(written[..(length + 1)], out Vp8Descriptor read));
        Assert.Equal(length, read.Length);
        Assert.True(read.HasLongPictureId);
        return read;
    }

    [Fact]
    public void From_every_start_a_dropped_picture_closes_and_a_lost_one_does_not()
    {
        for (int start = 0; start < 0x8000; start++)
        {
            var rewriter = new Vp8Rewriter();
            Assert.Equal(start, Rewrite(rewriter, Payload(start), out _).PictureId);
            rewriter.Drop(Payload(start + 1));
            rewriter.Drop(Payload(start + 1));
            Assert.Equal(start + 1 & 0x7FFF, Rewrite(rewriter, Payload(start + 2), out _).PictureId);
            Assert.Equal(start + 3 & 0x7FFF, Rewrite(rewriter, Payload(start + 4), out _).PictureId); // 3 is late
            rewriter.Drop(Payload(start + 5));
            Assert.Equal(start + 2 & 0x7FFF, Rewrite(rewriter, Payload(start + 3), out _).PictureId);
            Assert.Equal(start + 1 & 0x7FFF, Rewrite(rewriter, Payload(start + 2), out _).PictureId); // another packet of it
            Assert.Equal(start + 4 & 0x7FFF, Rewrite(rewriter, Payload(start + 6), out _).PictureId);
        }
    }

    [Fact]
    public void Short_ids_become_long_and_wrap_where_long_ones_do()
    {
        var rewriter = new Vp8Rewriter();
        for (int picture = 100; picture < 100 + 0x8000 + 300; picture++)
        {
            byte[] payload = Payload(picture, picture, key: picture / 7, isLong: false);
            Vp8Descriptor read = Rewrite(rewriter, payload, out _);
            Assert.Equal(payload.Length, read.Length); // one byte more than before, and one byte of payload
            Assert.Equal(picture & 0x7FFF, read.PictureId);
            Assert.Equal(picture & 0xFF, read.TemporalLevelZeroIndex);
            Assert.Equal(picture / 7 & 0x1F, read.KeyIndex);
        }
    }

    /// <summary>RFC 7741, 4.2: "Having sent a 7-bit PictureID with all bits set to 1, the sender may either wrap the PictureID to 0 or extend to 15 bits".</summary>
    [Fact]
    public void Ids_whose_width_changes_go_on_wherever_they_stand()
    {
        Random random = Seeds.NewRandom(output);
        var rewriter = new Vp8Rewriter();
        uint picture = (uint)random.Next(0x8000);
        bool isLong = true;
        ushort expected = (ushort)picture;
        byte[] late = [];
        for (int count = 0; count < 100_000; count++)
        {
            byte[] payload = Payload((int)picture, isLong: isLong);
            Assert.Equal(expected, Rewrite(rewriter, payload, out _).PictureId);
            Assert.True(count == 0 || Rewrite(rewriter, late, out _).PictureId == (expected - 1 & 0x7FFF));
            late = payload;
            expected = (ushort)(expected + 1 & 0x7FFF);
            bool changes = random.Next(200) == 0;
            isLong ^= changes;

            // What becomes short is cut off, what becomes long goes on from the few bits.
            picture = picture + 1 & (isLong && !changes ? 0x7FFFu : 0x7F) | (changes && isLong && (picture & 0x7F) == 0x7F ? 0x80u : 0);
        }
    }

    [Fact]
    public void An_encoder_that_begins_anew_with_far_older_ids_goes_on_continuously()
    {
        var rewriter = new Vp8Rewriter();
        Assert.Equal(20_000, Rewrite(rewriter, Payload(20_000), out _).PictureId);
        Assert.Equal(20_001, Rewrite(rewriter, Payload(10_000), out _).PictureId);
        Assert.Equal(20_002, Rewrite(rewriter, Payload(10_001), out _).PictureId);
    }

    [Fact]
    public void What_has_no_numbers_passes_unchanged()
    {
        byte[] payload = [0x10, 0xAA];
        Span<byte> written = stackalloc byte[Vp8Descriptor.MaxLength];
        Assert.True(new Vp8Rewriter().TryRewrite(payload, written, out int length, out int consumed, out _));
        Assert.Equal((1, 1, 0x10), (length, consumed, (int)written[0]));
        Assert.False(new Vp8Rewriter().TryRewrite([], written, out _, out _, out _));
        Assert.False(new Vp8Rewriter().TryRewrite(payload, default, out _, out _, out _));
    }

    [Fact]
    public void Random_switches_losses_and_shuffles_agree_with_the_model()
    {
        Random random = Seeds.NewRandom(output);
        byte[] again = new byte[Vp8Descriptor.MaxLength];
        for (int round = 0; round < Seeds.Scaled(30); round++)
        {
            var rewriter = new Vp8Rewriter();
            List<(byte[] Payload, uint State, byte[] Written)> sent = [];
            long next = -1;
            int nextLevelZero = 0;
            for (int source = 0; source < 20; source++)
            {
                RunSource(rewriter, random, sent, ref next, ref nextLevelZero);
            }

            // Whatever came since, each can be written again as it was.
            foreach ((byte[] payload, uint state, byte[] written) in sent)
            {
                Assert.True(state < 1 << 28);
                Assert.True(Vp8Rewriter.Reapply(state, payload, again, out int length, out _));
                Assert.Equal(written, again[..length]);
            }
        }
    }

    /// <summary>One source: pictures of one to three packets, some dropped as a whole, some packets late; numbers by plain bookkeeping.</summary>
    private static void RunSource(
        Vp8Rewriter rewriter, Random random, List<(byte[] Payload, uint State, byte[] Written)> sent, ref long next, ref int nextLevelZero)
    {
        bool isLong = random.Next(3) > 0;
        long first = random.Next(0x8000);
        int levelZero = random.Next(256);
        List<(long Picture, bool Drop, int LevelZero, double Order)> packets = [];
        for (int picture = 0; picture < 60; picture++)
        {
            bool drop = picture > 0 && random.Next(3) == 0;
            levelZero += drop || picture == 0 ? 0 : 1;
            for (int packet = random.Next(1, 4); packet > 0; packet--)
            {
                double late = picture > 0 && random.Next(10) == 0 ? random.Next(1, 12) : 0;
                if (picture == 0 || random.Next(30) > 0)
                {
                    packets.Add((first + picture, drop, levelZero, picture + late));
                }
            }
        }

        rewriter.SwitchTo();
        next = next < 0 ? first & (isLong ? 0x7FFF : 0x7F) : next;
        int levelZeroOffset = sent.Count == 0 ? 0 : nextLevelZero - packets[0].LevelZero;
        Dictionary<long, long> numbers = [];
        long newest = first - 1;
        foreach ((long picture, bool drop, int index, _) in packets.OrderBy(packet => packet.Order).ToArray())
        {
            byte[] payload = Payload((int)(picture & 0x7FFF), index, isLong: isLong);
            for (; newest < picture; newest++)
            {
                bool closes = newest + 1 == picture && drop;
                numbers[newest + 1] = closes ? -1 : next++;
            }

            if (drop)
            {
                rewriter.Drop(payload);
                continue;
            }

            Vp8Descriptor read = Rewrite(rewriter, payload, out uint state);
            Assert.Equal(numbers[picture] & 0x7FFF, read.PictureId);
            Assert.Equal(index + levelZeroOffset & 0xFF, read.TemporalLevelZeroIndex);
            byte[] written = new byte[read.Length];
            Vp8Rewriter.Reapply(state, payload, written, out _, out _);
            Assert.Equal(read.Length, Vp8Descriptor.TryParse([.. written, 0], out Vp8Descriptor same) ? same.Length : 0);
            sent.Add((payload, state, written));
            nextLevelZero = Math.Max(nextLevelZero, index + levelZeroOffset + 1);
        }
    }

    [Fact]
    public void Rewriting_allocates_nothing()
    {
        var rewriter = new Vp8Rewriter();
        byte[] sentPayload = Payload(5);
        byte[] dropped = Payload(6);
        byte[] written = new byte[Vp8Descriptor.MaxLength];
        Allocations.AssertNone(() =>
        {
            rewriter.SwitchTo();
            rewriter.TryRewrite(sentPayload, written, out _, out _, out _);
            rewriter.Drop(dropped);
        });
    }
}
