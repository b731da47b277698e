using V100.Net;
using V100.Sfu.Rtcp;
using V100.Sfu.Rtp;
using V100.Sfu.Tests.Rtp;
using Xunit.Abstractions;

namespace V100.Sfu.Tests.Rtcp;

public class TransportFeedbackTests(ITestOutputHelper output)
{
    private const long Lost = TransportFeedbackWriter.NotReceived;

    private static long[] Read(ReadOnlySpan<byte> bytes, out SequenceNumber first)
    {
        Assert.True(TransportFeedback.TryParse(Wire.Single(bytes), out TransportFeedback feedback));
        first = feedback.BaseSequence;
        var found = new List<long>();
        foreach (TransportFeedback.Status status in feedback)
        {
            Assert.Equal(first + found.Count, status.Sequence);
            found.Add(status.IsReceived ? status.ArrivalTicks : Lost);
        }

        Assert.Equal(feedback.StatusCount, found.Count);
        return [.. found];
    }

    private static int Write(long[] ticks, out byte[] bytes, int room = 1_200)
    {
        var writer = new SpanWriter(new byte[room]);
        var fields = new TransportFeedbackWriter.Fields(new Ssrc(1), new Ssrc(2), new SequenceNumber(65_530), 7);
        int count = TransportFeedbackWriter.Write(ref writer, fields, ticks);
        Assert.False(writer.Overflowed);
        bytes = writer.Written.ToArray();
        return count;
    }

    [Fact]
    public void A_packet_of_the_drafts_kinds_of_chunks_is_read()
    {
        // Base 5, 24 packets: a run of 3 small deltas, a one-bit vector of 14 and a two-bit vector of 7; reference 1 (256 ticks).
        string chunks = "2003" // 0 01 0000000000011
            + "A001" // 1 0 10000000000001
            + "D280"; // 1 1 01 00 10 10 00 00 00
        string deltas = "010203" + "0405" + "06" + "FFFE" + "0100";
        byte[] bytes = Convert.FromHexString("8FCD0008" + "00000001" + "00000002" + "00050018" + "00000107" + chunks + deltas);
        long[] expected = new long[24];
        Array.Fill(expected, Lost);
        expected[0] = 257;
        expected[1] = 259;
        expected[2] = 262;
        expected[3] = 266;
        expected[16] = 271;
        expected[17] = 277;
        expected[19] = 275;
        expected[20] = 531;
        Assert.Equal(expected, Read(bytes, out SequenceNumber first));
        Assert.Equal(new SequenceNumber(5), first);
    }

    [Fact]
    public void A_reference_before_zero_is_a_negative_time()
    {
        byte[] bytes = Convert.FromHexString("8FCD0005" + "00000001" + "00000002" + "00050001" + "FFFFFF07" + "200108" + "00");
        Assert.Equal([-256 + 8], Read(bytes, out _));
    }

    [Fact]
    public void What_is_written_reads_back()
    {
        Random random = Seeds.NewRandom(output);
        for (int round = 0; round < 3_000; round++)
        {
            int kind = random.Next(5);
            long now = random.Next(0, 1 << 30);
            long[] ticks = new long[random.Next(1, kind == 0 ? 1_500 : 80)];
            for (int index = 0; index < ticks.Length; index++)
            {
                now += kind switch
                {
                    0 => random.Next(0, 4),
                    1 => random.Next(-300, 300),
                    2 => random.Next(0, 400),
                    3 => random.Next(-40_000, 40_000),
                    _ => random.Next(0, 255),
                };
                ticks[index] = random.Next(kind == 2 ? 2 : 30) == 0 ? Lost : now;
            }

            int room = random.Next(24, 1_300);
            int count = Write(ticks, out byte[] bytes, room);
            if (count == 0)
            {
                Assert.Empty(bytes);
                continue;
            }

            Assert.Equal(0, bytes.Length % 4);
            Assert.Equal(ticks[..count], Read(bytes, out _));
            long step = count < ticks.Length && ticks[count] != Lost ? ticks[count] - Array.FindLast(ticks[..count], tick => tick != Lost) : 0;
            bool stoppedForReason = count == ticks.Length || count == TransportFeedbackWriter.MaxStatusCount
                || step is < short.MinValue or > short.MaxValue || room - bytes.Length < 12 + 2 * count / 7;
            Assert.True(stoppedForReason, $"{count} of {ticks.Length}, {bytes.Length} of {room}");
        }
    }

    [Fact]
    public void A_run_is_one_chunk_and_sparse_loss_is_a_bit_a_packet()
    {
        long[] all = new long[700];
        Write(all, out byte[] run);
        Assert.Equal(20 + 2 + 700 + 2, run.Length);
        for (int index = 0; index < all.Length; index += 10)
        {
            all[index] = Lost;
        }

        Write(all, out byte[] sparse);
        Assert.Equal(20 + 2 * 50 + 630 + 2, sparse.Length);
    }

    [Fact]
    public void Without_an_arrival_or_room_nothing_is_written()
    {
        Assert.Equal(0, Write([Lost, Lost], out _));
        Assert.Equal(0, Write([5], out _, room: 22));
        Assert.Equal(0, Write([], out _));
    }
}
