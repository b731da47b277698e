using V100.Sfu.Rtp;

namespace V100.Sfu.Tests.Rtp;

public class RtpReaderTests
{
    [Fact]
    public void Every_field_is_read()
    {
        // Version 2, padding, extension, two CSRCs; marker, type 96; a one-word block; three bytes of payload, two of padding.
        byte[] packet = Convert.FromHexString(
            "B2E01234" + "89ABCDEF" + "CAFEBABE" + "00000001" + "00000002" + "BEDE0001" + "10AA0000" + "010203" + "0002");
        Assert.True(RtpReader.TryParse(packet, out RtpReader reader));
        Assert.True(reader.Marker);
        Assert.Equal(96, reader.PayloadType);
        Assert.Equal(new SequenceNumber(0x1234), reader.SequenceNumber);
        Assert.Equal(0x89ABCDEFu, reader.Timestamp);
        Assert.Equal(new Ssrc(0xCAFEBABE), reader.Ssrc);
        Assert.Equal(2, reader.ContributorCount);
        Assert.Equal(new Ssrc(2), reader.GetContributor(1));
        Assert.Equal(28, reader.HeaderLength);
        Assert.Equal(2, reader.PaddingLength);
        Assert.Equal(new byte[] { 1, 2, 3 }, reader.Payload.ToArray());
        Assert.True(reader.Extensions.TryGet(1, out ReadOnlySpan<byte> value));
        Assert.Equal(new byte[] { 0xAA }, value.ToArray());
        Assert.False(reader.IsPaddingOnly);
    }

    [Theory]
    [InlineData("8060000100000000000000")] // eleven bytes
    [InlineData("406000010000000000000000")] // version 1
    [InlineData("816000010000000000000000")] // a CSRC that is not there
    [InlineData("906000010000000000000000")] // an extension header that is not there
    [InlineData("906000010000000000000000BEDE0001")] // an extension word that is not there
    [InlineData("A0600001000000000000000000")] // padding of no bytes
    [InlineData("A060000100000000000000000003")] // padding of more than there is
    [InlineData("A06000010000000000000005")] // a padding bit with nothing behind the header
    public void A_malformed_packet_is_refused(string hex) =>
        Assert.False(RtpReader.TryParse(Convert.FromHexString(hex), out _));

    [Fact]
    public void The_header_of_ciphertext_is_read_whatever_its_last_byte()
    {
        byte[] packet = Convert.FromHexString("A0600001000000000000000000FF");
        Assert.False(RtpReader.TryParse(packet, out _));
        Assert.True(RtpReader.TryParseHeader(packet, out RtpReader reader));
        Assert.True(reader.HasPaddingBit);
        Assert.Equal(0, reader.PaddingLength);
        Assert.Equal(2, reader.Payload.Length);
    }

    [Fact]
    public void A_packet_of_padding_alone_is_told()
    {
        byte[] packet = new byte[RtpHeader.FixedLength + 7];
        var header = new RtpHeader(96, false, new SequenceNumber(7), 90, new Ssrc(5), HasPadding: true);
        int length = new RtpHeaderWriter(packet, header).Finish();
        Assert.Equal(7, Padding.Write(packet.AsSpan(length), 7));
        Assert.True(RtpReader.TryParse(packet, out RtpReader reader));
        Assert.True(reader.IsPaddingOnly);
        Assert.True(reader.Payload.IsEmpty);
        Assert.Equal(7, reader.PaddingLength);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(256)]
    [InlineData(21)]
    public void Padding_that_cannot_be_is_not_written(int length) => Assert.Equal(0, Padding.Write(new byte[20], length));
}
