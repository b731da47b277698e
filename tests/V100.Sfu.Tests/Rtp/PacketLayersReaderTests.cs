using V100.Sfu.Rtp;
using V100.Sfu.Sdp;

namespace V100.Sfu.Tests.Rtp;

public class PacketLayersReaderTests
{
    private const byte ExtensionId = 3;

    private static PacketLayers Read(PacketLayersReader reader, CodecKind codec, byte[] packet)
    {
        Assert.True(RtpReader.TryParse(packet, out RtpReader rtp));
        Assert.True(reader.TryRead(codec, in rtp, ExtensionId, out PacketLayers layers));
        return layers;
    }

    [Fact]
    public void VP8_says_its_layer_and_its_key_frames_their_size()
    {
        var reader = new PacketLayersReader();
        byte[] key = Convert.FromHexString("90E0807F0520" + "108C01" + "9D012A" + "4001" + "B400" + "0000");
        PacketLayers first = Read(reader, CodecKind.Vp8, LayeredPacket.Create(1, 3_000, false, key));
        Assert.True(first.StartsKeyframe);
        Assert.False(first.EndsFrame);
        Assert.Equal((320, 180), (first.Width, first.Height));
        PacketLayers second = Read(reader, CodecKind.Vp8, LayeredPacket.Create(2, 3_000, true, Convert.FromHexString("80E0807F0520AABB")));
        Assert.True(second is { IsKeyframe: true, StartsFrame: false, EndsPicture: true, StartsKeyframe: false });
        Assert.Equal(first.Picture, second.Picture);
        PacketLayers third = Read(reader, CodecKind.Vp8, LayeredPacket.Create(3, 6_000, true, Convert.FromHexString("B0E080800560" + "3100")));
        Assert.True(third is { IsKeyframe: false, IsTemporalSwitchingPoint: true, IsDiscardable: true, TemporalLayer: 1, TopTemporalLayer: 1 });
        Assert.Equal(first.Picture + 1, third.Picture);
        Assert.Equal((320, 180), (third.Width, third.Height));
    }

    [Fact]
    public void VP9_says_both_layers_and_the_sizes_of_all()
    {
        var reader = new PacketLayersReader();
        byte[] key = Convert.FromHexString("AE8001" + "00" + "07" + "30" + "00A0005A" + "014000B4" + "AA");
        PacketLayers lower = Read(reader, CodecKind.Vp9, LayeredPacket.Create(1, 3_000, false, key));
        Assert.True(lower is { StartsKeyframe: true, EndsFrame: true, EndsPicture: false, IsSpatialSwitchingPoint: true, TopSpatialLayer: 1 });
        Assert.Equal((160, 90), (lower.Width, lower.Height));
        PacketLayers upper = Read(reader, CodecKind.Vp9, LayeredPacket.Create(2, 3_000, true, Convert.FromHexString("AC8001" + "03" + "07" + "AA")));
        Assert.True(upper is { IsKeyframe: true, StartsKeyframe: false, SpatialLayer: 1, EndsPicture: true, IsSpatialSwitchingPoint: true });
        Assert.Equal((320, 180), (upper.Width, upper.Height));
        Assert.Equal(lower.Picture, upper.Picture);
        PacketLayers flexible = Read(reader, CodecKind.Vp9, LayeredPacket.Create(3, 6_000, true, Convert.FromHexString("FC8002" + "30" + "02" + "AA")));
        Assert.True(flexible is { IsKeyframe: false, HasReferences: true, TemporalLayer: 1, IsTemporalSwitchingPoint: true });
        Assert.Equal(default(FrameReferences).With(1), flexible.References);
    }

    [Fact]
    public void A_dependency_descriptor_speaks_for_any_codec()
    {
        DescriptorBuilder builder = DescriptorBuilder.Full(2, 2);
        foreach (CodecKind codec in (CodecKind[])[CodecKind.Av1, CodecKind.H264, CodecKind.Vp8, CodecKind.Vp9])
        {
            var reader = new PacketLayersReader();
            byte[] cipher = [0xFF, 0xFF, 0xFF, 0xFF, 0xFF]; // encrypted end to end
            PacketLayers key = Read(reader, codec, LayeredPacket.Create(1, 3_000, false, cipher, ExtensionId, builder.Write(builder.Templates[0], 65_535, 7, withStructure: true)));
            Assert.True(key is { StartsKeyframe: true, HasReferences: true, TopSpatialLayer: 1, TopTemporalLayer: 1, Width: 320, Height: 180 });
            PacketLayers upper = Read(reader, codec, LayeredPacket.Create(2, 3_000, true, cipher, ExtensionId, builder.Write(builder.Templates[5], 0, 7, mask: 0b0111)));
            Assert.True(upper is { IsKeyframe: true, SpatialLayer: 1, EndsPicture: true, Width: 640, ActiveDecodeTargets: 0b0111 });
            Assert.Equal(key.Picture + 1, upper.Picture);
            Assert.Same(key.Structure, upper.Structure);
        }
    }

    [Fact]
    public void A_structure_that_comes_late_does_not_replace_a_newer_one()
    {
        var reader = new PacketLayersReader();
        DescriptorBuilder three = DescriptorBuilder.Full(3, 1);
        DescriptorBuilder two = DescriptorBuilder.Full(2, 1);
        Read(reader, CodecKind.Av1, LayeredPacket.Create(1, 3_000, true, [0x10, 0x32], ExtensionId, three.Write(three.Templates[0], 10, 0, withStructure: true)));

        // Behind a lost key frame nothing but the frame's borders is known.
        PacketLayers unknown = Read(reader, CodecKind.Av1, LayeredPacket.Create(4, 12_000, true, [0x10, 0x32], ExtensionId, two.Write(two.Templates[3], 31, 20)));
        Assert.True(unknown is { Structure: null, StartsFrame: true, EndsFrame: true });
        PacketLayers key = Read(reader, CodecKind.Av1, LayeredPacket.Create(3, 9_000, true, [0x10, 0x32], ExtensionId, two.Write(two.Templates[0], 30, 20, withStructure: true)));
        Assert.Equal(1, key.TopSpatialLayer);
        PacketLayers old = Read(reader, CodecKind.Av1, LayeredPacket.Create(2, 6_000, true, [0x10, 0x32], ExtensionId, three.Write(three.Templates[5], 12, 0)));
        Assert.Equal((2, 2), (old.SpatialLayer, old.Structure!.MaxSpatialLayer));
        Read(reader, CodecKind.Av1, LayeredPacket.Create(1, 3_000, true, [0x10, 0x32], ExtensionId, three.Write(three.Templates[0], 10, 0, withStructure: true)));
        PacketLayers next = Read(reader, CodecKind.Av1, LayeredPacket.Create(5, 15_000, true, [0x10, 0x32], ExtensionId, two.Write(two.Templates[3], 32, 20)));
        Assert.Equal((1, 1), (next.SpatialLayer, next.Structure!.MaxSpatialLayer));
    }

    [Fact]
    public void H264_begins_with_parameters_or_behind_another_picture()
    {
        var reader = new PacketLayersReader();
        byte[] parameters = Convert.FromHexString("6742C01EDA0280BFE5C044000003000400000300F03C58BA80");
        PacketLayers first = Read(reader, CodecKind.H264, LayeredPacket.Create(10, 3_000, false, parameters));
        Assert.True(first.StartsKeyframe);
        PacketLayers slice = Read(reader, CodecKind.H264, LayeredPacket.Create(11, 3_000, true, [0x65, 1, 2]));
        Assert.True(slice is { IsKeyframe: true, StartsFrame: false, EndsPicture: true });
        Assert.True(Read(reader, CodecKind.H264, LayeredPacket.Create(12, 6_000, true, [0x41, 1])) is { IsKeyframe: false, StartsFrame: true });

        // Behind a gap a slice may be any of its picture's.
        Assert.False(Read(reader, CodecKind.H264, LayeredPacket.Create(14, 9_000, true, [0x65, 1])).StartsFrame);
    }

    [Theory]
    [InlineData("6742C00BDA0B3FA88C0440000003004000000F03C50AA8", 174, 98)]
    [InlineData("6742C01EDA0280BFE5C044000003000400000300F03C58BA80", 640, 360)]
    [InlineData("6742C028DA01E0089F970110000003001000000303C0F1832A", 1920, 1080)]
    [InlineData("67640028ACD940780227E5C044000003000400000300F03C60C658", 1920, 1080)]
    public void The_size_of_an_H264_picture_is_read(string hex, int width, int height)
    {
        Assert.True(H264SequenceParameters.TryReadSize(Convert.FromHexString(hex), out ushort columns, out ushort rows));
        Assert.Equal((width, height), (columns, rows));
        Assert.False(H264SequenceParameters.TryReadSize(Convert.FromHexString(hex).AsSpan(0, 6), out _, out _));
    }

    [Fact]
    public void What_is_no_payload_is_refused()
    {
        Assert.True(RtpReader.TryParse(LayeredPacket.Create(1, 1, true, []), out RtpReader empty));
        Assert.False(new PacketLayersReader().TryRead(CodecKind.Vp8, in empty, 0, out _));
        Assert.True(RtpReader.TryParse(LayeredPacket.Create(1, 1, true, [0x90, 0x80]), out RtpReader cut));
        Assert.False(new PacketLayersReader().TryRead(CodecKind.Vp8, in cut, 0, out _));
        Assert.False(new PacketLayersReader().TryRead(CodecKind.Opus, in cut, 0, out _));
    }
}
