using V100.Sfu.Rtp;
using V100.Sfu.Sdp;
using Xunit.Abstractions;

namespace V100.Sfu.Tests.Rtp;

/// <summary>A receiver of what is written reads the same frames, under continuous numbers, with the subscriber's own decode targets.</summary>
public class DependencyDescriptorRewriterTests(ITestOutputHelper output)
{
    private const byte ExtensionId = 4;

    private static PacketLayers Read(PacketLayersReader reader, byte[] value, int number)
    {
        byte[] packet = LayeredPacket.Create((ushort)number, (uint)number * 3_000, true, [0x10, 0x32, 0], ExtensionId, value);
        Assert.True(RtpReader.TryParse(packet, out RtpReader rtp));
        Assert.True(reader.TryRead(CodecKind.Av1, in rtp, ExtensionId, out PacketLayers layers));
        return layers;
    }

    [Fact]
    public void Random_sources_and_targets_read_back_as_they_were_meant()
    {
        Random random = Seeds.NewRandom(output);
        byte[] again = new byte[255];
        for (int round = 0; round < Seeds.Scaled(100); round++)
        {
            var rewriter = new DependencyDescriptorRewriter();
            var receiver = new PacketLayersReader();
            List<(byte[] Value, PacketLayers Layers, uint State, byte[] Written)> sent = [];
            int next = -1;
            for (int source = 0; source < 6; source++)
            {
                RunSource(random, rewriter, receiver, sent, ref next);
            }

            foreach ((byte[] value, PacketLayers layers, uint state, byte[] written) in sent.TakeLast(40))
            {
                Assert.True(rewriter.Reapply(state, value, in layers, again, out int length));
                Assert.Equal(written, again[..length]);
            }
        }
    }

    private static void RunSource(
        Random random, DependencyDescriptorRewriter rewriter, PacketLayersReader receiver,
        List<(byte[] Value, PacketLayers Layers, uint State, byte[] Written)> sent, ref int next)
    {
        DescriptorBuilder builder = DependencyStructureTests.NewBuilder(random);
        int offset = random.Next(64);
        int first = random.Next(65_536);
        if (builder.Write(builder.Templates[0], first, offset, withStructure: true, mask: 0).Length > 255)
        {
            return;
        }

        var reader = new PacketLayersReader();
        rewriter.SwitchTo();
        next = next < 0 ? first : next;
        Span<byte> written = stackalloc byte[255];
        (int spatial, int temporal) = (7, 7);
        for (int frame = 0; frame < 12; frame++)
        {
            if (random.Next(4) == 0)
            {
                (spatial, temporal) = (random.Next(4), random.Next(4));
            }

            FrameTemplate template = builder.Templates[frame == 0 ? 0 : random.Next(builder.Templates.Length)];
            template = random.Next(3) > 0 || frame == 0 ? template : template with { Differences = [random.Next(1, 60)] };
            byte[] value = builder.Write(template, first + frame, offset, withStructure: frame == 0);
            PacketLayers layers = Read(reader, value, first + frame);
            Assert.True(rewriter.TryRewrite(value, in layers, spatial, temporal, written, out int length, out uint state));
            Assert.True(state < 1 << 25);
            byte[] copy = written[..length].ToArray();
            sent.Add((value, layers, state, copy));
            PacketLayers read = Read(receiver, copy, next + frame);
            Assert.Equal((ushort)(next + frame), (ushort)read.Picture);
            Assert.Equal((layers.SpatialLayer, layers.TemporalLayer, layers.Indications), (read.SpatialLayer, read.TemporalLayer, read.Indications));
            Assert.Equal(layers.References, read.References);
            Assert.Equal(layers.Structure!.ActiveDecodeTargetsWithin(spatial, temporal), read.ActiveDecodeTargets);
        }

        next += 12;
    }

    [Fact]
    public void Whoever_joins_behind_the_structure_gets_it_with_the_first_packet()
    {
        DescriptorBuilder builder = DescriptorBuilder.Full(2, 2);
        var reader = new PacketLayersReader();
        Read(reader, builder.Write(builder.Templates[0], 100, 9, withStructure: true), 100);
        byte[] value = builder.Write(builder.Templates[3], 102, 9);
        PacketLayers layers = Read(reader, value, 102);
        var rewriter = new DependencyDescriptorRewriter();
        byte[] written = new byte[255];
        Assert.True(rewriter.TryRewrite(value, in layers, 7, 7, written, out int length, out uint state));
        Assert.True(DependencyDescriptor.TryParse(written, out DependencyDescriptor descriptor));
        Assert.True(descriptor.HasStructure);
        PacketLayers read = Read(new PacketLayersReader(), written[..length], 102);
        Assert.Equal((layers.SpatialLayer, layers.TemporalLayer, layers.Indications), (read.SpatialLayer, read.TemporalLayer, read.Indications));

        byte[] again = new byte[255];
        Assert.True(rewriter.TryRewrite(builder.Write(builder.Templates[3], 103, 9), in layers, 7, 7, again, out int second, out _));
        Assert.Equal(DependencyDescriptor.MandatoryLength, second);
        Assert.True(rewriter.Reapply(state, value, in layers, again, out int repeated));
        Assert.Equal(written[..length], again[..repeated]);
    }

    [Fact]
    public void The_templates_of_one_source_are_not_those_of_the_next()
    {
        DescriptorBuilder builder = DescriptorBuilder.Full(3, 3);
        var rewriter = new DependencyDescriptorRewriter();
        byte[] written = new byte[255];
        HashSet<int> former = [];
        for (int source = 0; source < 10; source++)
        {
            var reader = new PacketLayersReader();
            rewriter.SwitchTo();
            HashSet<int> ids = [];
            for (int template = 0; template < builder.Templates.Length; template++)
            {
                byte[] value = builder.Write(builder.Templates[template], template, 30, withStructure: template == 0);
                PacketLayers layers = Read(reader, value, template);
                Assert.True(rewriter.TryRewrite(value, in layers, 7, 7, written, out _, out _));
                ids.Add(written[0] & 0x3F);
            }

            Assert.Empty(ids.Intersect(former));
            former = ids;
        }
    }

    [Fact]
    public void From_every_start_frame_numbers_keep_their_distances_and_a_switch_adds_one()
    {
        byte[] written = new byte[255];
        PacketLayers none = default;
        for (int start = 0; start <= ushort.MaxValue; start++)
        {
            var rewriter = new DependencyDescriptorRewriter();
            Assert.Equal(start, Rewrite(start));
            Assert.Equal(start + 5 & 0xFFFF, Rewrite(start + 5));
            Assert.Equal(start + 3 & 0xFFFF, Rewrite(start + 3));
            Assert.Equal(-1, Rewrite(start - 1));
            rewriter.SwitchTo();
            Assert.Equal(start + 6 & 0xFFFF, Rewrite(start * 7));
            Assert.Equal(start + 8 & 0xFFFF, Rewrite(start * 7 + 2));

            int Rewrite(int number) => rewriter.TryRewrite([0x80, (byte)(number >> 8), (byte)number], in none, 7, 7, written, out _, out _)
                ? written[1] << 8 | written[2]
                : -1;
        }
    }

    [Fact]
    public void Key_frames_of_the_same_layers_allocate_nothing()
    {
        DescriptorBuilder builder = DescriptorBuilder.Full(3, 3);
        byte[][] packets = [.. Enumerable.Range(0, 64).Select(offset => LayeredPacket.Create(1, 3_000, true, [0x18, 0x0A, 0], ExtensionId, builder.Write(builder.Templates[0], 5, offset, withStructure: true)))];
        var reader = new PacketLayersReader();
        var rewriter = new DependencyDescriptorRewriter();
        byte[] written = new byte[255];
        int index = 0;
        Allocations.AssertNone(() =>
        {
            _ = RtpReader.TryParse(packets[index++ & 63], out RtpReader rtp)
                && reader.TryRead(CodecKind.Av1, in rtp, ExtensionId, out PacketLayers layers)
                && rtp.Extensions.TryGet(ExtensionId, out ReadOnlySpan<byte> value)
                && rewriter.TryRewrite(value, in layers, 1, index & 1, written, out _, out _);
        });
        Assert.NotNull(reader.Structure);
    }
}
