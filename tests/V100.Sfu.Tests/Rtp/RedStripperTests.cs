using V100.Net;
using V100.Sfu.Rtp;
using Xunit.Abstractions;

namespace V100.Sfu.Tests.Rtp;

public class RedStripperTests(ITestOutputHelper output)
{
    // Not 111: a payload type comes from SDP.
    private const byte Opus = 97;

    private readonly RedFrame[] _frames = new RedFrame[RedStripper.MaxFrames];

    private static byte[] Red(byte primary, params (int Offset, byte Frame)[] older)
    {
        List<byte> payload = [];
        foreach ((int offset, _) in older)
        {
            payload.AddRange([0x80 | Opus, (byte)(offset >> 6), (byte)(offset << 2), 1]);
        }

        return [.. payload, Opus, .. older.Select(block => block.Frame), primary];
    }

    private string Strip(RedStripper stripper, long sequence, uint timestamp, byte[] payload)
    {
        int count = stripper.Strip(new ExtendedSequence(sequence), timestamp, payload, _frames);
        return string.Join(' ', _frames[..count].Select(frame => $"{frame.Sequence}@{frame.Timestamp}={payload[frame.Start]}{(frame.IsRecovered ? "r" : "")}"));
    }

    [Fact]
    public void What_is_lost_comes_out_of_later_packets_in_order_and_never_twice()
    {
        var stripper = new RedStripper(Opus);
        Assert.Equal("10@1000=10", Strip(stripper, 10, 1_000, Red(10, (1920, 8), (960, 9)))); // nothing before the first
        Assert.Equal("11@1960=11", Strip(stripper, 11, 1_960, Red(11, (1920, 9), (960, 10))));
        Assert.Equal("12@2920=12r 13@3880=13r 14@4840=14", Strip(stripper, 14, 4_840, Red(14, (1920, 12), (960, 13))));
        Assert.Equal("", Strip(stripper, 13, 3_880, Red(13, (1920, 11), (960, 12)))); // the originals, late
        Assert.Equal("", Strip(stripper, 14, 4_840, Red(14)));
        Assert.Equal(2, stripper.RecoveredCount);

        // Three lost: one stays so, until its own packet comes.
        Assert.Equal("16@6760=16r 17@7720=17r 18@8680=18", Strip(stripper, 18, 8_680, Red(18, (1920, 16), (960, 17))));
        Assert.Equal("15@5800=15", Strip(stripper, 15, 5_800, Red(15, (1920, 13), (960, 14))));
    }

    [Fact]
    public void A_block_whose_time_or_type_cannot_be_is_not_believed()
    {
        var stripper = new RedStripper(Opus);
        Strip(stripper, 10, 10_000, Red(10));
        Assert.Equal("12@11920=12", Strip(stripper, 12, 11_920, Red(12, (1920, 11)))); // as old as its elder
        Assert.Equal("14@13840=14", Strip(stripper, 14, 13_840, Red(14, (960, 12), (1920, 13)))); // the list goes back and forth
        byte[] foreign = Red(16, (960, 15));
        foreign[0] = 0x80 | 111;
        Assert.Equal("16@15760=16", Strip(stripper, 16, 15_760, foreign));
        foreign = Red(18, (960, 17));
        foreign[4] = 111;
        Assert.Equal("", Strip(stripper, 18, 17_680, foreign));
        Assert.Equal("", Strip(stripper, 19, 18_640, [0x80, 1]));
    }

    [Fact]
    public void Plain_packets_and_padding_in_between_are_not_missing()
    {
        var stripper = new RedStripper(Opus);
        Assert.True(stripper.TryNote(new ExtendedSequence(10), 1_000));
        Assert.True(stripper.TryNote(new ExtendedSequence(11), null));
        Assert.Equal("12@1960=12", Strip(stripper, 12, 1_960, Red(12, (960, 10))));
        Assert.Equal("13@2920=13r 14@3880=14", Strip(stripper, 14, 3_880, Red(14, (960, 13))));
        Assert.False(stripper.TryNote(new ExtendedSequence(13), 2_920));
        Assert.True(stripper.TryNote(new ExtendedSequence(14 + 64), null));
        Assert.False(stripper.TryNote(new ExtendedSequence(14), 3_880));
        stripper.Reset();
        Assert.True(stripper.TryNote(new ExtendedSequence(5), 3_880));
    }

    [Fact]
    public void Random_loss_and_order_lose_only_what_no_packet_brought()
    {
        Random random = Seeds.NewRandom(output);
        for (int run = 0; run < Seeds.Scaled(60); run++)
        {
            var encoder = new RedEncoder(2);
            var stripper = new RedStripper(Opus);
            var talk = new OpusTalk(random, 0x1_0000 + random.Next(65_000, 65_536));
            long first = talk.Sequence.Value + 1;
            var sent = new Dictionary<long, (uint Timestamp, byte[] Frame)>();
            var got = new Dictionary<long, uint>();
            var brought = new HashSet<long>();
            List<(ExtendedSequence Sequence, uint Timestamp, byte[] Payload)> flight = [];
            for (int step = 0; step < 2_000; step++)
            {
                talk.Next();
                sent[talk.Sequence.Value] = (talk.Timestamp, talk.Frame);
                byte[] payload = new byte[4_000];
                payload = payload[..encoder.Write(talk.Sequence, talk.Timestamp, talk.Frame, payload)];
                RedPayload.TryRewrite(payload, Opus);
                if (step == 0 || random.Next(4) != 0)
                {
                    flight.Insert(random.Next(8) == 0 ? random.Next(flight.Count + 1) : flight.Count, (talk.Sequence, talk.Timestamp, payload));
                }

                while (flight.Count > (step == 0 ? 0 : random.Next(4)))
                {
                    (ExtendedSequence sequence, uint timestamp, byte[] arrived) = flight[0];
                    flight.RemoveAt(0);
                    int count = stripper.Strip(sequence, timestamp, arrived, _frames);
                    NoteBrought(sequence.Value, arrived);
                    for (int index = 0; index < count; index++)
                    {
                        RedFrame frame = _frames[index];
                        Assert.True(got.TryAdd(frame.Sequence.Value, frame.Timestamp), "given twice");
                        Assert.True(index == 0 || _frames[index - 1].Sequence < frame.Sequence);
                        Assert.Equal(sent[frame.Sequence.Value].Timestamp, frame.Timestamp);
                        Assert.Equal(sent[frame.Sequence.Value].Frame, arrived.AsSpan(frame.Start, frame.Length));
                    }
                }
            }

            Assert.Equal(brought.Order(), got.Keys.Order());
            Assert.InRange(stripper.RecoveredCount, 1, got.Count);

            void NoteBrought(long sequence, byte[] payload)
            {
                Assert.True(RedReader.TryParse(payload, out RedReader red));
                for (int back = 0; back < red.Count; back++)
                {
                    if (sequence - back >= first)
                    {
                        brought.Add(sequence - back);
                    }
                }
            }
        }
    }

    [Fact]
    public void A_frame_that_was_sent_is_found_again_in_its_own_packet_or_in_a_later_one()
    {
        using var pool = new PacketPool(256);
        var cache = new RetransmissionCache(16, TimeSpan.FromSeconds(1));
        foreach ((int sequence, byte[] payload) in new[] { (10, Red(10)), (13, Red(13, (1920, 11), (960, 12))) })
        {
            Assert.True(pool.TryRent(out PacketBuffer buffer));
            int length = new RtpHeaderWriter(buffer.Room, new RtpHeader(63, false, new SequenceNumber((ushort)sequence), 0, new Ssrc(1))).Finish();
            payload.CopyTo(buffer.Room[length..]);
            buffer.Length = length + payload.Length;
            cache.TryAdd(new ExtendedSequence(sequence), buffer, new Instant(0));
            buffer.Release();
        }

        for (int sequence = 10; sequence <= 13; sequence++)
        {
            Assert.True(RedStripper.TryFind(cache, new ExtendedSequence(sequence), Opus, new Instant(0), out _, out ReadOnlySpan<byte> frame, out bool isRecovered));
            Assert.Equal([(byte)sequence], frame);
            Assert.Equal(sequence is 11 or 12, isRecovered);
        }

        Assert.False(RedStripper.TryFind(cache, new ExtendedSequence(14), Opus, new Instant(0), out _, out _, out _));
        Assert.False(RedStripper.TryFind(cache, new ExtendedSequence(9), Opus, new Instant(0), out _, out _, out _));
        cache.Clear();
    }

    [Fact]
    public void Stripping_allocates_nothing()
    {
        var stripper = new RedStripper(Opus);
        byte[] payload = Red(3, (1920, 1), (960, 2));
        long sequence = 0;
        Allocations.AssertNone(() => stripper.Strip(new ExtendedSequence(sequence += 2), (uint)sequence * 960, payload, _frames));
        Assert.True(stripper.RecoveredCount > 1_000);
    }
}
