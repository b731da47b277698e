using V100.Net;
using V100.Sfu.Rtcp;
using V100.Sfu.Rtp;
using V100.Sfu.Tests.Rtp;
using Xunit.Abstractions;

namespace V100.Sfu.Tests.Rtcp;

/// <summary>Each packet type: what is written reads back, in the bytes that the RFC draws, and what is cut is refused.</summary>
public class RtcpPacketsTests(ITestOutputHelper output)
{
    private static readonly ReportBlock Block = new(new Ssrc(0x11223344), 0x55, -2, 0x00018001, 77, 0xAABBCCDD, 0x10000);

    private const string BlockHex = "11223344" + "55FFFFFE" + "00018001" + "0000004D" + "AABBCCDD" + "00010000";

    [Fact]
    public void Sender_report()
    {
        var writer = new SpanWriter(new byte[200]);
        SenderReport.Write(ref writer, new SenderReport.Fields(new Ssrc(1), 0x0203040506070809, 0x0A0B0C0D, 14, 15), [Block]);
        Assert.Equal(
            "81C8000C" + "00000001" + "0203040506070809" + "0A0B0C0D" + "0000000E" + "0000000F" + BlockHex, Convert.ToHexString(writer.Written));
        Assert.True(SenderReport.TryParse(Wire.Single(writer.Written), out SenderReport report));
        Assert.Equal(new Ssrc(1), report.Sender);
        Assert.Equal(0x0203040506070809ul, report.NtpTime);
        Assert.Equal(0x0A0B0C0Du, report.RtpTimestamp);
        Assert.Equal(14u, report.PacketCount);
        Assert.Equal(15u, report.OctetCount);
        Assert.Equal(1, report.Reports.Count);
        Assert.Equal(Block, report.Reports[0]);
    }

    [Fact]
    public void Receiver_report()
    {
        var writer = new SpanWriter(new byte[200]);
        ReceiverReport.Write(ref writer, new Ssrc(1), [Block, Block with { CumulativeLost = 0x123456 }]);
        Assert.True(ReceiverReport.TryParse(Wire.Single(writer.Written), out ReceiverReport report));
        var blocks = new List<ReportBlock>();
        foreach (ReportBlock block in report.Reports)
        {
            blocks.Add(block);
        }

        Assert.Equal([Block, Block with { CumulativeLost = 0x123456 }], blocks);
        Assert.Equal("82C9000D00000001" + BlockHex, Convert.ToHexString(writer.Written)[..(16 + BlockHex.Length)]);
    }

    [Theory]
    [InlineData("81C80006" + "00000001" + "0203040506070809" + "0A0B0C0D" + "0000000E" + "0000000F")] // a block that is not there
    [InlineData("80C80001" + "00000001")]
    [InlineData("81C90001" + "00000001")]
    [InlineData("80C90000")]
    [InlineData("81CA0001" + "00000001")] // a chunk without items
    [InlineData("81CA0002" + "00000001" + "01FF4100")] // an item longer than the packet
    [InlineData("81CA0002" + "00000001" + "01024142")] // a chunk without end
    [InlineData("82CB0001" + "00000001")] // one source of two
    [InlineData("81CD0002" + "00000001" + "00000002")] // a NACK of nothing
    [InlineData("81CE0001" + "00000001")]
    [InlineData("84CE0002" + "00000001" + "00000002")] // a FIR of nothing
    [InlineData("8FCE0003" + "00000001" + "00000000" + "52454D42")]
    [InlineData("8FCE0004" + "00000001" + "00000000" + "52454D42" + "01000001")] // REMB: a source that is not there
    [InlineData("8FCE0004" + "00000001" + "00000000" + "52454D43" + "00000001")] // not REMB
    [InlineData("8FCD0003" + "00000001" + "00000002" + "00010001")]
    [InlineData("8FCD0004" + "00000001" + "00000002" + "00010001" + "00000000")] // feedback without its chunk
    [InlineData("8FCD0005" + "00000001" + "00000002" + "00010002" + "00000000" + "40020000")] // two large deltas, one there
    [InlineData("8FCD0005" + "00000001" + "00000002" + "00010001" + "00000000" + "60010000")] // the reserved symbol
    [InlineData("8FCD0005" + "00000001" + "00000002" + "00010001" + "00000000" + "00000000")] // a run of none
    public void What_is_cut_is_refused(string hex)
    {
        RtcpPacket packet = Wire.Single(Convert.FromHexString(hex));
        bool accepted = SenderReport.TryParse(packet, out _) || ReceiverReport.TryParse(packet, out _)
            || SourceDescription.TryParse(packet, out _) || Goodbye.TryParse(packet, out _)
            || GenericNack.TryParse(packet, out _) || PictureLossIndication.TryParse(packet, out _)
            || FullIntraRequest.TryParse(packet, out _) || ReceiverEstimatedMaxBitrate.TryParse(packet, out _)
            || TransportFeedback.TryParse(packet, out _);
        Assert.False(accepted);
    }

    [Theory]
    [InlineData("", "81CA0002" + "00000001" + "01000000")]
    [InlineData("a", "81CA0002" + "00000001" + "01016100")]
    [InlineData("ab", "81CA0003" + "00000001" + "01026162" + "00000000")]
    [InlineData("abc", "81CA0003" + "00000001" + "01036162" + "63000000")]
    public void Source_description(string name, string hex)
    {
        var writer = new SpanWriter(new byte[200]);
        SourceDescription.Write(ref writer, new Ssrc(1), System.Text.Encoding.UTF8.GetBytes(name));
        Assert.Equal(hex, Convert.ToHexString(writer.Written));
        Assert.True(SourceDescription.TryParse(Wire.Single(writer.Written), out SourceDescription description));
        int chunks = 0;
        foreach (SourceDescription.Chunk chunk in description)
        {
            Assert.Equal(new Ssrc(1), chunk.Source);
            Assert.Equal(name, System.Text.Encoding.UTF8.GetString(chunk.CanonicalName));
            chunks++;
        }

        Assert.Equal(1, chunks);
    }

    [Fact]
    public void Source_description_of_several_chunks_and_items()
    {
        byte[] bytes = Convert.FromHexString("82CA0005" + "00000001" + "02017800" + "00000002" + "030179" + "01017A" + "0000");
        Assert.True(SourceDescription.TryParse(Wire.Single(bytes), out SourceDescription description));
        var found = new List<string>();
        foreach (SourceDescription.Chunk chunk in description)
        {
            found.Add($"{chunk.Source.Value}:{System.Text.Encoding.UTF8.GetString(chunk.CanonicalName)}");
        }

        Assert.Equal(["1:", "2:z"], found);
    }

    [Fact]
    public void Goodbye_of_two()
    {
        var writer = new SpanWriter(new byte[200]);
        Goodbye.Write(ref writer, [new Ssrc(1), new Ssrc(2)]);
        Assert.Equal("82CB0002" + "00000001" + "00000002", Convert.ToHexString(writer.Written));
        Assert.True(Goodbye.TryParse(Wire.Single(writer.Written), out Goodbye goodbye));
        Assert.Equal(2, goodbye.Count);
        Assert.Equal(new Ssrc(2), goodbye[1]);
    }

    [Fact]
    public void Picture_loss_indication_and_full_intra_request()
    {
        var writer = new SpanWriter(new byte[200]);
        new PictureLossIndication(new Ssrc(1), new Ssrc(2)).Write(ref writer);
        Assert.Equal("81CE0002" + "00000001" + "00000002", Convert.ToHexString(writer.Written));
        Assert.True(PictureLossIndication.TryParse(Wire.Single(writer.Written), out PictureLossIndication indication));
        Assert.Equal(new PictureLossIndication(new Ssrc(1), new Ssrc(2)), indication);

        writer = new SpanWriter(new byte[200]);
        FullIntraRequest.Write(ref writer, new Ssrc(1), new Ssrc(2), 9);
        Assert.Equal("84CE0004" + "00000001" + "00000000" + "00000002" + "09000000", Convert.ToHexString(writer.Written));
        Assert.True(FullIntraRequest.TryParse(Wire.Single(writer.Written), out FullIntraRequest request));
        Assert.Equal(1, request.Count);
        Assert.Equal((new Ssrc(2), (byte)9), request[0]);
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(262_143, 262_143)]
    [InlineData(262_145, 262_144)]
    [InlineData(2_500_000, 2_500_000)]
    [InlineData(long.MaxValue, 0x7FFF_E000_0000_0000)]
    public void Receiver_estimated_max_bitrate(long bitrateBps, long expected)
    {
        var writer = new SpanWriter(new byte[200]);
        ReceiverEstimatedMaxBitrate.Write(ref writer, new Ssrc(1), bitrateBps, [new Ssrc(2), new Ssrc(3)]);
        Assert.True(ReceiverEstimatedMaxBitrate.TryParse(Wire.Single(writer.Written), out ReceiverEstimatedMaxBitrate estimate));
        Assert.Equal(expected, estimate.BitrateBps);
        Assert.Equal(2, estimate.Count);
        Assert.Equal(new Ssrc(3), estimate[1]);
    }

    [Fact]
    public void Receiver_estimated_max_bitrate_beyond_all_numbers()
    {
        byte[] bytes = Convert.FromHexString("8FCE0004" + "00000001" + "00000000" + "52454D42" + "00FFFFFF");
        Assert.True(ReceiverEstimatedMaxBitrate.TryParse(Wire.Single(bytes), out ReceiverEstimatedMaxBitrate estimate));
        Assert.Equal(long.MaxValue, estimate.BitrateBps);
    }

    [Fact]
    public void Generic_nack_in_as_few_entries_as_there_can_be()
    {
        var writer = new SpanWriter(new byte[200]);
        SequenceNumber[] lost = [new(65_535), new(0), new(15), new(16), new(40)];
        Assert.Equal(5, GenericNack.Write(ref writer, new Ssrc(1), new Ssrc(2), lost));
        Assert.Equal("81CD0005" + "00000001" + "00000002" + "FFFF8001" + "00100000" + "00280000", Convert.ToHexString(writer.Written));
        Assert.True(GenericNack.TryParse(Wire.Single(writer.Written), out GenericNack nack));
        Assert.Equal(lost, Collect(nack));
    }

    [Fact]
    public void Generic_nack_of_random_losses_reads_back()
    {
        Random random = Seeds.NewRandom(output);
        for (int round = 0; round < 1_000; round++)
        {
            var lost = new List<SequenceNumber>();
            var next = new SequenceNumber((ushort)random.Next(65_536));
            for (int count = random.Next(1, 60); count > 0; count--)
            {
                lost.Add(next);
                next += random.Next(1, 25);
            }

            var writer = new SpanWriter(new byte[random.Next(16, 300)]);
            int written = GenericNack.Write(ref writer, new Ssrc(1), new Ssrc(2), lost.ToArray());
            Assert.False(writer.Overflowed);
            Assert.True(GenericNack.TryParse(Wire.Single(writer.Written), out GenericNack nack));
            Assert.Equal(lost.GetRange(0, written), Collect(nack));
            Assert.True(written == lost.Count || writer.Remaining < 4);
        }
    }

    private static List<SequenceNumber> Collect(GenericNack nack)
    {
        var found = new List<SequenceNumber>();
        foreach (SequenceNumber sequence in nack)
        {
            found.Add(sequence);
        }

        return found;
    }
}
