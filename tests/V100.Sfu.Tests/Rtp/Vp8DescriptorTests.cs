using V100.Sfu.Rtp;
using Xunit.Abstractions;

namespace V100.Sfu.Tests.Rtp;

public class Vp8DescriptorTests(ITestOutputHelper output)
{
    [Fact]
    public void Every_field_is_read()
    {
        Assert.True(Vp8Descriptor.TryParse(Convert.FromHexString("B3F0923477E5AA"), out Vp8Descriptor descriptor));
        Assert.Equal(6, descriptor.Length);
        Assert.True(descriptor.IsDiscardable);
        Assert.True(descriptor.StartsPartition);
        Assert.Equal(3, descriptor.PartitionIndex);
        Assert.True(descriptor.HasLongPictureId);
        Assert.Equal(0x1234, descriptor.PictureId);
        Assert.Equal(0x77, descriptor.TemporalLevelZeroIndex);
        Assert.Equal(3, descriptor.TemporalLayer);
        Assert.True(descriptor.IsLayerSync);
        Assert.Equal(5, descriptor.KeyIndex);
    }

    [Theory]
    [InlineData("90")]
    [InlineData("9080")]
    [InlineData("908081")]
    [InlineData("90C001")]
    [InlineData("90E00102")]
    [InlineData("90800A")] // no payload behind it
    public void A_cut_descriptor_is_refused(string hex) =>
        Assert.False(Vp8Descriptor.TryParse(Convert.FromHexString(hex), out _));

    [Fact]
    public void A_descriptor_with_its_picture_id_moved_reads_back_and_grows_when_it_must()
    {
        Random random = Seeds.NewRandom(output);
        byte[] written = new byte[Vp8Descriptor.MaxLength + 1];
        byte[] payload = new byte[12];
        for (int round = 0; round < 20_000; round++)
        {
            random.NextBytes(payload);
            Assert.True(Vp8Descriptor.TryParse(payload, out Vp8Descriptor source));
            ushort pictureId = (ushort)random.Next(0x8000);
            byte levelZero = (byte)random.Next(256);
            Vp8Descriptor changed = source with { PictureId = pictureId, TemporalLevelZeroIndex = levelZero };
            int length = changed.Write(written);
            Assert.True(Vp8Descriptor.TryParse(written.AsSpan(0, length + 1), out Vp8Descriptor read));
            Assert.Equal(length, read.Length);
            Assert.Equal(source.StartsFrame, read.StartsFrame);
            Assert.Equal(source.HasPictureId ? pictureId : 0, read.PictureId);
            Assert.Equal(source.HasPictureId && (source.HasLongPictureId || pictureId > 127), read.HasLongPictureId);
            Assert.Equal(source.HasTemporalLevelZeroIndex ? levelZero : 0, read.TemporalLevelZeroIndex);
            Assert.Equal(source.HasTemporalLayer, read.HasTemporalLayer);
            Assert.Equal(source.TemporalLayer, read.TemporalLayer);
            Assert.Equal(source.IsLayerSync, read.IsLayerSync);
            Assert.Equal(source.KeyIndex, read.KeyIndex);
        }
    }
}
