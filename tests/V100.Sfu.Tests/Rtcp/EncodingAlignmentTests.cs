using V100.Net;
using V100.Sfu.Rtcp;
using V100.Sfu.Rtp;
using V100.Sfu.Tests.Rtp;
using Xunit.Abstractions;

namespace V100.Sfu.Tests.Rtcp;

/// <summary>A publisher with encodings of one clock and random origins, an uplink with jitter and loss of reports, a subscriber that is switched about.</summary>
public class EncodingAlignmentTests(ITestOutputHelper output)
{
    private const int ClockRateHz = 90_000;
    private const int Encodings = 3;
    private const int FrameMs = 33;
    private const long ToleranceMs = 20;

    private static Instant Ms(long milliseconds) => new(milliseconds * 1_000_000);

    private sealed class Publisher(Random random, double reportLoss)
    {
        public readonly SenderReportMap[] Clocks = new SenderReportMap[Encodings];
        private readonly uint[] _origins = [.. Enumerable.Range(0, Encodings).Select(_ => (uint)random.NextInt64(1L << 32))];
        private readonly ulong _ntpOrigin = (ulong)random.NextInt64();

        public uint TimestampAt(int encoding, long captureMs) => _origins[encoding] + (uint)(captureMs * 90);

        public bool Report(int encoding, long ms)
        {
            bool arrives = random.NextDouble() >= reportLoss;
            if (arrives)
            {
                Clocks[encoding].OnSenderReport(_ntpOrigin + ((ulong)ms << 32) / 1000, TimestampAt(encoding, ms), Ms(ms + 40));
            }

            return arrives;
        }

        /// <summary>When by the subscriber's own reports an output was captured.</summary>
        public double CapturedMs(ulong ntp, uint reportTimestamp, uint frame) =>
            (ntp - _ntpOrigin) * 1000.0 / (1UL << 32) + (int)(frame - reportTimestamp) / 90.0;
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0.5)]
    [InlineData(0.9)]
    public void After_many_switches_lips_are_where_the_voice_is(double reportLoss)
    {
        Random random = Seeds.NewRandom(output);
        var publisher = new Publisher(random, reportLoss);
        var rewriter = new TimestampRewriter((uint)random.NextInt64(1L << 32), ClockRateHz);
        var alignment = new EncodingAlignment();
        int current = 0;
        long settlingSinceMs = 0;
        long? baseline = null;
        uint last = 0;
        int checkedFrames = 0;

        // Where reports are missing, what several switches missed by adds up, to half a second at most; it is put right by an eighth of the time.
        long settlingMs = reportLoss == 0 ? 1_500 : 4_500;
        for (long ms = 0; ms < Seeds.Scaled(10) * 60_000L; ms += FrameMs)
        {
            for (int encoding = 0; encoding < Encodings; encoding++)
            {
                if (ms / FrameMs % 30 == encoding * 7 && publisher.Report(encoding, ms) && encoding == current)
                {
                    // What began without a report is put right from here on.
                    uint before = rewriter.AlignedOffset;
                    alignment.OnSenderReport(in publisher.Clocks[current], rewriter);
                    settlingSinceMs = before == rewriter.AlignedOffset ? settlingSinceMs : ms;
                }
            }

            // A keyframe is large: it comes late, up to three frames after the former encoding's.
            long captured = ms;
            long arrival = ms + 40 + random.Next(10);
            if (ms > 0 && random.Next(200) == 0)
            {
                alignment.Leave(in publisher.Clocks[current], rewriter);
                current = (current + random.Next(1, Encodings)) % Encodings;
                captured = ms - FrameMs * random.Next(0, 4);
                uint first = publisher.TimestampAt(current, captured);
                rewriter.SwitchTo(first, Ms(arrival), alignment.AlignedOutput(in publisher.Clocks[current], first, ClockRateHz));
                settlingSinceMs = ms;
                ms = captured;
            }

            uint timestamp = publisher.TimestampAt(current, captured);
            uint frame = rewriter.Rewrite(timestamp, Ms(arrival));
            Assert.Equal(frame, rewriter.Rewrite(timestamp, Ms(arrival + 1))); // its other packets
            Assert.True(ms == 0 || (int)(frame - last) > 0, "goes back");
            last = frame;
            if (!publisher.Clocks[current].TryMap(Ms(arrival), ClockRateHz, rewriter.AlignedOffset, out ulong ntp, out uint reported))
            {
                continue;
            }

            // As a receiver has it: by the reports of this stream, and then against the place where it was in the beginning.
            if (ms - settlingSinceMs > settlingMs)
            {
                Assert.InRange(publisher.CapturedMs(ntp, reported, frame), captured - ToleranceMs, captured + ToleranceMs);
                long place = (int)(frame - (uint)(captured * 90)) / 90;
                baseline ??= place;
                Assert.InRange(place, baseline.Value - ToleranceMs, baseline.Value + ToleranceMs);
                checkedFrames++;
            }
        }

        Assert.True(checkedFrames > 1_000);
    }

    [Fact]
    public void An_encoding_that_has_gone_is_still_the_measure_for_the_next_but_one()
    {
        var clocks = new SenderReportMap[3];
        clocks[0].OnSenderReport(1UL << 40, 1_000, Ms(0));
        clocks[2].OnSenderReport(1UL << 40, 500_000, Ms(0));
        var rewriter = new TimestampRewriter(0, ClockRateHz);
        var alignment = new EncodingAlignment();
        rewriter.Rewrite(1_000, Ms(0));
        alignment.Leave(in clocks[0], rewriter);
        Assert.Null(alignment.AlignedOutput(in clocks[1], 77, ClockRateHz)); // no report of it ever comes
        rewriter.SwitchTo(77, Ms(100));
        alignment.Leave(in clocks[1], rewriter);
        Assert.Equal(18_000u, alignment.AlignedOutput(in clocks[2], 518_000, ClockRateHz));
    }
}
