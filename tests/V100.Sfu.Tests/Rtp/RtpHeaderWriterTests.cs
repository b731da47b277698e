using V100.Sfu.Rtp;
using Xunit.Abstractions;

namespace V100.Sfu.Tests.Rtp;

public class RtpHeaderWriterTests(ITestOutputHelper output)
{
    private static readonly RtpHeader Header = new(111, true, new SequenceNumber(65_535), 0x01020304, new Ssrc(0xA1A2A3A4));

    [Fact]
    public void Without_extensions_it_is_the_fixed_header()
    {
        byte[] bytes = new byte[12];
        Assert.Equal(12, new RtpHeaderWriter(bytes, Header).Finish());
        Assert.Equal("80EFFFFF01020304A1A2A3A4", Convert.ToHexString(bytes));
    }

    [Theory]
    [InlineData(14, 16, 0xBEDE)]
    [InlineData(15, 1, 0x1000)]
    [InlineData(1, 17, 0x1000)]
    [InlineData(1, 0, 0x1000)]
    public void The_form_is_the_narrowest_that_holds_all(int id, int length, int profile)
    {
        byte[] bytes = new byte[64];
        var writer = new RtpHeaderWriter(bytes, Header);
        Assert.True(writer.TryAdd(3, [9, 8]));
        Assert.True(writer.TryAdd((byte)id, new byte[length]));
        int headerLength = writer.Finish();
        Assert.Equal(profile, bytes[12] << 8 | bytes[13]);
        Assert.True(RtpReader.TryParse(bytes.AsSpan(0, headerLength), out RtpReader reader));
        Assert.True(reader.Extensions.TryGet(3, out ReadOnlySpan<byte> value));
        Assert.Equal(new byte[] { 9, 8 }, value.ToArray());
        Assert.True(reader.Extensions.TryGet((byte)id, out value));
        Assert.Equal(length, value.Length);
    }

    [Fact]
    public void Random_elements_read_back_in_order_whatever_room_there_is()
    {
        Random random = Seeds.NewRandom(output);
        for (int round = 0; round < 5_000; round++)
        {
            byte[] bytes = new byte[random.Next(12, 200)];
            var written = new List<string>();
            var writer = new RtpHeaderWriter(bytes, Header);
            for (int count = random.Next(12); count > 0; count--)
            {
                byte id = (byte)random.Next(1, random.Next(4) == 0 ? 256 : 15);
                byte[] value = new byte[random.Next(random.Next(4) == 0 ? 0 : 1, random.Next(4) == 0 ? 40 : 17)];
                random.NextBytes(value);
                if (writer.TryAdd(id, value))
                {
                    written.Add($"{id}={Convert.ToHexString(value)}");
                }
            }

            int length = writer.Finish();
            Assert.True(RtpReader.TryParse(bytes.AsSpan(0, length), out RtpReader reader));
            Assert.Equal(length, reader.HeaderLength);
            var read = new List<string>();
            foreach (RtpExtension element in reader.Extensions)
            {
                read.Add($"{element.Id}={Convert.ToHexString(element.Value)}");
            }

            Assert.Equal(written, read);
        }
    }

    [Fact]
    public void Too_little_room_for_the_fixed_header_writes_nothing()
    {
        var writer = new RtpHeaderWriter(new byte[11], Header);
        Assert.True(writer.Overflowed);
        Assert.False(writer.TryAdd(1, [1]));
        Assert.Equal(0, writer.Finish());
    }
}
