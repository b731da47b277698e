using V100.Net;
using V100.Sfu.Rtcp;
using V100.Sfu.Rtp;
using V100.Sfu.Tests.Rtp;

namespace V100.Sfu.Tests.Rtcp;

public class RtcpReaderTests
{
    private static string Walk(string hex)
    {
        if (!RtcpReader.TryParse(Convert.FromHexString(hex), out RtcpReader reader))
        {
            return "refused";
        }

        var found = new List<string>();
        while (reader.TryRead(out RtcpPacket packet))
        {
            found.Add($"{(int)packet.Type}/{packet.Count}:{Convert.ToHexString(packet.Body)}");
        }

        return string.Join(' ', found);
    }

    [Theory]
    [InlineData("80C90001AABBCCDD", "201/0:AABBCCDD")]
    [InlineData("80C90001AABBCCDD81CE000200000001" + "00000002", "201/0:AABBCCDD 206/1:0000000100000002")]
    [InlineData("81CE00020000000100000002", "206/1:0000000100000002")] // reduced size
    [InlineData("80C90001AABBCCDD" + "A0F300020000000100000004", "201/0:AABBCCDD 243/0:00000001")] // an unknown type, padded
    [InlineData("A0F30002000000010000AA01", "243/0:000000010000AA")] // padded by one byte, as browsers do
    [InlineData("80CB0000", "203/0:")]
    [InlineData("", "refused")]
    [InlineData("80C900", "refused")]
    [InlineData("40C90001AABBCCDD", "refused")] // version 1
    [InlineData("80C90002AABBCCDD", "refused")] // longer than there is
    [InlineData("80C90001AABBCCDDFF", "refused")] // a byte more
    [InlineData("A0C90001AABBCC00", "refused")] // padding of none
    [InlineData("A0C90001AABBCC05", "refused")] // padding into the header
    [InlineData("A0C90001AABBCC0480C90001AABBCCDD", "refused")] // padding before the last
    public void A_compound_is_walked_or_refused_whole(string hex, string expected) => Assert.Equal(expected, Walk(hex));

    [Theory]
    [InlineData(191, false)]
    [InlineData(192, true)]
    [InlineData(200, true)]
    [InlineData(223, true)]
    [InlineData(224, false)]
    public void The_second_byte_tells_rtcp_from_rtp(int type, bool expected) =>
        Assert.Equal(expected, RtcpReader.IsRtcp([0x80, (byte)type]));

    [Fact]
    public void A_whole_compound_is_written_read_and_costs_no_memory()
    {
        byte[] bytes = new byte[1_500];
        var reports = new ReportBlock[] { new(new Ssrc(7), 1, 2, 3, 4, 5, 6) };
        Allocations.AssertNone(() =>
        {
            var writer = new SpanWriter(bytes);
            SenderReport.Write(ref writer, new SenderReport.Fields(new Ssrc(1), 2, 3, 4, 5), reports);
            SourceDescription.Write(ref writer, new Ssrc(1), "v100"u8);
            GenericNack.Write(ref writer, new Ssrc(1), new Ssrc(2), [new SequenceNumber(1), new SequenceNumber(40)]);
            new PictureLossIndication(new Ssrc(1), new Ssrc(2)).Write(ref writer);
            int count = 0;
            Assert.True(RtcpReader.TryParse(writer.Written, out RtcpReader reader));
            while (reader.TryRead(out RtcpPacket packet))
            {
                count += SenderReport.TryParse(packet, out _) || SourceDescription.TryParse(packet, out _)
                    || GenericNack.TryParse(packet, out _) || PictureLossIndication.TryParse(packet, out _) ? 1 : 0;
            }

            Assert.True(count == 4);
        });
    }
}
