using V100.Sfu.Rtp;
using Xunit.Abstractions;

namespace V100.Sfu.Tests.Rtp;

public class BitStreamTests(ITestOutputHelper output)
{
    [Fact]
    public void What_is_written_reads_back_at_any_position()
    {
        Random random = Seeds.NewRandom(output);
        byte[] bytes = new byte[400];
        for (int round = 0; round < 2_000; round++)
        {
            random.NextBytes(bytes);
            (uint Value, int Count)[] fields = [.. Enumerable.Range(0, 60).Select(_ => random.Next(33)).Select(count => ((uint)(random.NextInt64() & ((1L << count) - 1)), count))];
            var writer = new BitWriter(bytes);
            foreach ((uint value, int count) in fields)
            {
                writer.Write(value, count);
            }

            Assert.False(writer.Overflowed);
            var reader = new BitReader(bytes);
            foreach ((uint value, int count) in fields)
            {
                Assert.Equal(value, reader.Read(count));
            }

            Assert.Equal(writer.Position, reader.Position);
            byte[] copy = new byte[400];
            int start = random.Next(writer.Position);
            var copier = new BitWriter(copy);
            copier.Copy(bytes, start, writer.Position - start);
            var original = new BitReader(bytes, start);
            var copied = new BitReader(copy);
            while (copied.Position < copier.Position)
            {
                Assert.Equal(original.Read(1), copied.Read(1));
            }
        }
    }

    [Fact]
    public void Beyond_the_end_there_are_zeros_and_a_mark()
    {
        var reader = new BitReader([0xFF]);
        Assert.Equal(0x7Fu, reader.Read(7));
        Assert.Equal(0u, reader.Read(2));
        Assert.True(reader.Overflowed);
        Assert.Equal(0u, reader.Read(1));
        var writer = new BitWriter(new byte[1]);
        writer.Write(1, 9);
        Assert.True(writer.Overflowed);
    }

    /// <summary>The example of the AV1 bitstream specification (4.10.7): five values in two or three bits.</summary>
    [Theory]
    [InlineData("00", 0, 2)]
    [InlineData("40", 1, 2)]
    [InlineData("80", 2, 2)]
    [InlineData("C0", 3, 3)]
    [InlineData("E0", 4, 3)]
    public void Values_below_a_limit_take_no_more_bits_than_they_need(string hex, int value, int bits)
    {
        var reader = new BitReader(Convert.FromHexString(hex));
        Assert.Equal((uint)value, reader.ReadBelow(5));
        Assert.Equal(bits, reader.Position);
    }

    [Theory]
    [InlineData("80", 0)]
    [InlineData("40", 1)]
    [InlineData("60", 2)]
    [InlineData("20", 3)]
    [InlineData("38", 6)]
    public void Exponential_codes_are_read(string hex, int value)
    {
        var reader = new BitReader(Convert.FromHexString(hex));
        Assert.Equal((uint)value, reader.ReadExponential());
    }
}
