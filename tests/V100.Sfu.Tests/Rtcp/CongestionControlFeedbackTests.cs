using V100.Net;
using V100.Sfu.Rtcp;
using V100.Sfu.Rtp;
using V100.Sfu.Tests.Rtp;
using Xunit.Abstractions;

namespace V100.Sfu.Tests.Rtcp;

public class CongestionControlFeedbackTests(ITestOutputHelper output)
{
    // RFC 8888, 3.1, by hand: three packets of stream 0x0A from 65,535 on (at 16 ticks with CE, lost, at 0x1FFD), and one of stream 0x0B.
    private const string Vector = "8BCD0009" + "00000001"
        + "0000000A" + "FFFF0003" + "E010" + "0000" + "9FFD" + "0000"
        + "0000000B" + "00050001" + "9FFF" + "0000"
        + "00018000";

    private static readonly CongestionControlFeedback.Report[] _reports =
    [
        new(new Ssrc(10), new SequenceNumber(65_535), true, 3, 16),
        new(new Ssrc(10), new SequenceNumber(0), false, 0, CongestionControlFeedback.NoOffset),
        new(new Ssrc(10), new SequenceNumber(1), true, 0, 0x1FFD),
        new(new Ssrc(11), new SequenceNumber(5), true, 0, CongestionControlFeedback.NoOffset),
    ];

    [Fact]
    public void A_packet_with_two_streams_is_read()
    {
        Assert.True(TryRead(Convert.FromHexString(Vector), out List<CongestionControlFeedback.Report> reports, out uint timestamp));
        Assert.Equal(_reports, reports);
        Assert.Equal(0x18000u, timestamp);
        Assert.Equal([true, false, true, false], reports.ConvertAll(report => report.HasTime));
    }

    [Fact]
    public void The_same_packet_is_written()
    {
        var writer = new SpanWriter(new byte[CongestionControlFeedback.GetLength([3, 1])]);
        Assert.True(CongestionControlFeedback.Write(ref writer, new Ssrc(1), 0x18000, _reports));
        Assert.Equal(Vector, Convert.ToHexString(writer.Written));
        var small = new SpanWriter(new byte[writer.Position - 1]);
        Assert.False(CongestionControlFeedback.Write(ref small, new Ssrc(1), 0x18000, _reports));
        Assert.Equal(0, small.Position);
    }

    [Fact]
    public void A_block_about_no_packet_is_passed_over()
    {
        byte[] bytes = Convert.FromHexString("8BCD0007" + "00000001" + "0000000A" + "00070000" + "0000000B" + "00050001" + "80010000" + "00000002");
        Assert.True(TryRead(bytes, out List<CongestionControlFeedback.Report> reports, out _));
        Assert.Equal([new CongestionControlFeedback.Report(new Ssrc(11), new SequenceNumber(5), true, 0, 1)], reports);
        Assert.True(TryRead(Convert.FromHexString("8BCD0002" + "00000001" + "00000002"), out reports, out _));
        Assert.Empty(reports);
    }

    [Theory]
    [InlineData("8BCD0001" + "00000001")] // no timestamp
    [InlineData("8BCD0003" + "00000001" + "0000000A" + "00000002")] // half a block's header
    [InlineData("8BCD0004" + "00000001" + "0000000A" + "00050001" + "00000002")] // no report of one
    [InlineData("8BCD0005" + "00000001" + "0000000A" + "00050003" + "80018001" + "00000002")] // two reports of three
    [InlineData("8BCD0005" + "00000001" + "0000000A" + "00050001" + "80010000" + "00000002", true)] // another format
    public void What_is_cut_is_refused(string hex, bool isOther = false)
    {
        byte[] bytes = Convert.FromHexString(hex);
        bytes[0] = isOther ? (byte)0x8C : bytes[0];
        Assert.False(CongestionControlFeedback.TryParse(Wire.Single(bytes), out _));
    }

    [Theory]
    [InlineData(CongestionControlFeedback.MaxReports, true)]
    [InlineData(CongestionControlFeedback.MaxReports + 1, false)]
    public void A_block_about_more_packets_than_the_RFC_allows_is_refused(int count, bool isGood)
    {
        byte[] bytes = new byte[CongestionControlFeedback.GetLength([count])];
        var writer = new SpanWriter(bytes);
        RtcpPacket.WriteHeader(ref writer, RtcpPacketType.TransportFeedback, (int)TransportFeedbackFormat.CongestionControl, bytes.Length - 4);
        writer.WriteUInt32(1);
        writer.WriteUInt32(10);
        writer.WriteUInt16(0);
        writer.WriteUInt16((ushort)count);
        Assert.Equal(isGood, CongestionControlFeedback.TryParse(Wire.Single(bytes), out _));
    }

    [Fact]
    public void What_is_written_reads_back()
    {
        Random random = Seeds.NewRandom(output);
        for (int round = Seeds.Scaled(500); round > 0; round--)
        {
            List<CongestionControlFeedback.Report> reports = [];
            for (int stream = random.Next(5); stream > 0; stream--)
            {
                var sequence = new SequenceNumber((ushort)random.Next(65_536));
                for (int count = random.Next(1, 40); count > 0; count--, sequence = sequence.Next)
                {
                    reports.Add(random.Next(4) == 0
                        ? new(new Ssrc((uint)stream), sequence, false, 0, CongestionControlFeedback.NoOffset)
                        : new(new Ssrc((uint)stream), sequence, true, (byte)random.Next(4), random.Next(0x2000)));
                }
            }

            var writer = new SpanWriter(new byte[2_000]);
            uint timestamp = (uint)random.NextInt64(1L << 32);
            Assert.True(CongestionControlFeedback.Write(ref writer, new Ssrc(1), timestamp, reports.ToArray()));
            Assert.True(TryRead(writer.Written.ToArray(), out List<CongestionControlFeedback.Report> read, out uint readTimestamp));
            Assert.Equal(reports, read);
            Assert.Equal(timestamp, readTimestamp);
        }
    }

    private static bool TryRead(byte[] bytes, out List<CongestionControlFeedback.Report> reports, out uint timestamp)
    {
        reports = [];
        timestamp = 0;
        if (!CongestionControlFeedback.TryParse(Wire.Single(bytes), out CongestionControlFeedback feedback))
        {
            return false;
        }

        Assert.Equal(new Ssrc(1), feedback.Sender);
        timestamp = feedback.Timestamp;
        foreach (CongestionControlFeedback.Report report in feedback)
        {
            reports.Add(report);
        }

        return true;
    }
}
