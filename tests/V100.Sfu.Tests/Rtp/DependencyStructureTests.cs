using V100.Sfu.Rtp;
using Xunit.Abstractions;

namespace V100.Sfu.Tests.Rtp;

public class DependencyStructureTests(ITestOutputHelper output)
{
    [Fact]
    public void Three_by_three_layers_are_read_whole()
    {
        DescriptorBuilder builder = DescriptorBuilder.Full(3, 3);
        byte[] value = builder.Write(builder.Templates[0], 7, 61, withStructure: true);
        Assert.True(DependencyStructure.TryParse(value, null, out DependencyStructure structure, out byte offset, out _));
        Assert.Equal(61, offset);
        Assert.Equal(18, structure.TemplateCount);
        Assert.Equal(9, structure.DecodeTargetCount);
        Assert.Equal(3, structure.ChainCount);
        Assert.Equal(2, structure.MaxSpatialLayer);
        Assert.Equal(2, structure.MaxTemporalLayer);
        Assert.Equal(0x1FFu, structure.AllDecodeTargets);
        Assert.True(structure.TryGetResolution(1, out int width, out int height));
        Assert.Equal((640, 360), (width, height));
        Assert.False(structure.TryGetResolution(3, out _, out _));
        Assert.Equal((1, 2), (structure.SpatialLayerOfTarget(5), structure.TemporalLayerOfTarget(5)));
        Assert.Equal(1, structure.ChainOf(5));
        Assert.Equal(5, structure.FindDecodeTarget(1, 7));
        Assert.Equal(1, structure.FindDecodeTarget(0, 1));
        Assert.Equal(0, structure.FindDecodeTarget(7, 0, among: 0b111));
        Assert.Equal(-1, structure.FindDecodeTarget(-1, 0));
        Assert.Equal(0b011_011u, structure.ActiveDecodeTargetsWithin(1, 1));
    }

    [Fact]
    public void Random_structures_and_frames_read_as_they_were_written()
    {
        Random random = Seeds.NewRandom(output);
        for (int round = 0; round < Seeds.Scaled(1_000); round++)
        {
            DescriptorBuilder builder = NewBuilder(random);
            int offset = random.Next(64);
            byte[] key = builder.Write(builder.Templates[0], round, offset, withStructure: true);
            if (key.Length > 255)
            {
                continue;
            }

            Assert.True(DependencyStructure.TryParse(key, null, out DependencyStructure structure, out byte readOffset, out int end), $"round {round}");
            Assert.Equal(offset, readOffset);
            for (int template = 0; template < builder.Templates.Length; template++)
            {
                AssertTemplate(builder, structure, template);
            }

            Assert.True(DependencyStructure.TryParse(key, structure, out DependencyStructure again, out _, out int endAgain));
            Assert.Same(structure, again);
            Assert.Equal(end, endAgain);
            AssertFrame(builder, structure, builder.Templates[0], key, (byte)offset, end);

            FrameTemplate frame = builder.Templates[random.Next(builder.Templates.Length)] with
            {
                Indications = NewIndications(random, builder.TargetCount),
                Differences = [.. Enumerable.Range(0, random.Next(4)).Select(_ => random.Next(1, 4_097))],
                Chains = [.. Enumerable.Range(0, builder.ChainCount).Select(_ => random.Next(256))],
            };
            uint? mask = random.Next(2) == 0 ? null : (uint)random.Next(1 << Math.Min(builder.TargetCount, 30));
            AssertFrame(builder, structure, frame, builder.Write(frame, round, offset, mask: mask), (byte)offset, 0, mask);
        }
    }

    [Fact]
    public void A_cut_or_damaged_descriptor_is_refused_or_read_within_its_bytes()
    {
        Random random = Seeds.NewRandom(output);
        DescriptorBuilder builder = DescriptorBuilder.Full(3, 3);
        byte[] key = builder.Write(builder.Templates[0], 1, 60, withStructure: true);
        for (int length = 4; length < key.Length; length++)
        {
            Assert.False(DependencyStructure.TryParse(key.AsSpan(0, length), null, out _, out _, out _), $"{length} bytes");
        }

        int refused = 0;
        for (int round = 0; round < Seeds.Scaled(20_000); round++)
        {
            byte[] damaged = [.. key];
            for (int change = random.Next(1, 4); change > 0; change--)
            {
                damaged[random.Next(3, damaged.Length)] ^= (byte)(1 << random.Next(8));
            }

            if (!DependencyStructure.TryParse(damaged, null, out DependencyStructure structure, out byte offset, out int end))
            {
                refused++;
                continue;
            }

            Assert.InRange(end, 36, 8 * damaged.Length);
            Assert.True(DependencyDescriptor.TryParse(damaged, out DependencyDescriptor descriptor));
            _ = DependencyFrame.TryRead(damaged, in descriptor, structure, offset, end, out _);
        }

        Assert.InRange(refused, 1, Seeds.Scaled(20_000) - 1);
    }

    private static void AssertTemplate(DescriptorBuilder builder, DependencyStructure structure, int template)
    {
        FrameTemplate expected = builder.Templates[template];
        Assert.Equal((expected.Spatial, expected.Temporal), (structure.SpatialLayerOf(template), structure.TemporalLayerOf(template)));
        Assert.Equal(Pack(expected.Indications), structure.IndicationsOf(template));
        Assert.Equal(Pack(expected.Differences), structure.ReferencesOf(template));
        Assert.Equal(expected.Chains, Enumerable.Range(0, structure.ChainCount).Select(chain => structure.ChainDistanceOf(template, chain)));
    }

    private static void AssertFrame(
        DescriptorBuilder builder, DependencyStructure structure, FrameTemplate expected, byte[] value, byte offset, int end, uint? mask = null)
    {
        Assert.True(DependencyDescriptor.TryParse(value, out DependencyDescriptor descriptor));
        Span<byte> chains = stackalloc byte[DependencyStructure.MaxDecodeTargets];
        Assert.True(DependencyFrame.TryRead(value, in descriptor, structure, offset, end, out DependencyFrame frame, chains));
        Assert.Equal((expected.Spatial, expected.Temporal), (frame.SpatialLayer, frame.TemporalLayer));
        Assert.Equal(Pack(expected.Indications), frame.Indications);
        Assert.Equal(Pack(expected.Differences), frame.References);
        Assert.Equal(expected.Chains, chains[..builder.ChainCount].ToArray().Select(distance => (int)distance));
        Assert.Equal(mask ?? (end == 0 ? null : structure.AllDecodeTargets), frame.ActiveDecodeTargets);
    }

    internal static DescriptorBuilder NewBuilder(Random random)
    {
        int targets = random.Next(1, 33);
        int chains = random.Next(targets + 1);
        List<FrameTemplate> templates = [];
        int spatial = 0;
        int temporal = 0;
        for (int count = random.Next(1, 20); count > 0; count--)
        {
            templates.Add(new FrameTemplate(
                spatial, temporal, NewIndications(random, targets), [.. Enumerable.Range(0, random.Next(3)).Select(_ => random.Next(1, 17))],
                [.. Enumerable.Range(0, chains).Select(_ => random.Next(16))]));
            int step = random.Next(3);
            (spatial, temporal) = step == 1 && temporal < 7 ? (spatial, temporal + 1) : step == 2 && spatial < 7 ? (spatial + 1, 0) : (spatial, temporal);
        }

        return new DescriptorBuilder
        {
            TargetCount = targets,
            Templates = [.. templates],
            ChainCount = chains,
            ProtectedBy = [.. Enumerable.Range(0, targets).Select(_ => random.Next(Math.Max(chains, 1)))],
            Sizes = random.Next(2) == 0 ? [] : [.. Enumerable.Range(0, templates[^1].Spatial + 1).Select(_ => (random.Next(1, 65_537), random.Next(1, 65_537)))],
        };
    }

    private static DecodeTargetIndication[] NewIndications(Random random, int targets) =>
        [.. Enumerable.Range(0, targets).Select(_ => (DecodeTargetIndication)random.Next(4))];

    private static ulong Pack(DecodeTargetIndication[] indications) =>
        indications.Select((indication, target) => (ulong)indication << (2 * target)).Aggregate(0ul, (bits, one) => bits | one);

    private static FrameReferences Pack(int[] differences) =>
        differences.Aggregate(default(FrameReferences), (references, difference) => references.With(difference));
}
