using V100.Sfu.Rtp;
using Xunit.Abstractions;

namespace V100.Sfu.Tests.Rtp;

/// <summary>Picture ids keep their distances within a source and go on from source to source.</summary>
public class Vp9RewriterTests(ITestOutputHelper output)
{
    private static byte[] Payload(int pictureId, int levelZero, bool isLong = true) => isLong
        ? [0xEC, (byte)(0x80 | pictureId >> 8 & 0x7F), (byte)pictureId, 0x30, (byte)levelZero, 0xAA]
        : [0xEC, (byte)(pictureId & 0x7F), 0x30, (byte)levelZero, 0xAA];

    private static (int PictureId, int LevelZero) Rewrite(Vp9Rewriter rewriter, byte[] payload, out uint state)
    {
        Span<byte> written = stackalloc byte[Vp9Rewriter.MaxWritten];
        Assert.True(rewriter.TryRewrite(payload, written, out int length, out int consumed, out state));
        byte[] whole = [.. written[..length], .. payload.AsSpan(consumed)];
        Assert.True(Vp9Descriptor.TryParse(whole, out Vp9Descriptor read));
        Assert.True(Vp9Descriptor.TryParse(payload, out Vp9Descriptor source));
        Assert.True(read.HasLongPictureId);
        Assert.Equal((source.TemporalLayer, source.IsSwitchingUpPoint, source.StartsFrame), (read.TemporalLayer, read.IsSwitchingUpPoint, read.StartsFrame));
        Assert.Equal(0xAA, whole[^1]);
        Assert.True(Vp9Rewriter.Reapply(state, payload, written, out int again, out _));
        Assert.Equal(whole[..length], written[..again].ToArray());
        return (read.PictureId, read.TemporalLevelZeroIndex);
    }

    [Fact]
    public void From_every_start_distances_stay_and_a_switch_adds_one()
    {
        for (int start = 0; start < 0x8000; start++)
        {
            var rewriter = new Vp9Rewriter();
            Assert.Equal((start, start & 0xFF), Rewrite(rewriter, Payload(start, start), out _));
            Assert.Equal(start + 4 & 0x7FFF, Rewrite(rewriter, Payload(start + 4, start), out _).PictureId);
            Assert.Equal(start + 2 & 0x7FFF, Rewrite(rewriter, Payload(start + 2, start), out _).PictureId);
            rewriter.SwitchTo();
            int other = start * 7_919 & 0x7F;
            Assert.Equal((start + 5 & 0x7FFF, start + 1 & 0xFF), Rewrite(rewriter, Payload(other, other, isLong: false), out _));
            Assert.Equal((start + 6 & 0x7FFF, start + 2 & 0xFF), Rewrite(rewriter, Payload(other + 1, other + 1, isLong: false), out _));
        }
    }

    [Fact]
    public void Random_switches_stay_continuous()
    {
        Random random = Seeds.NewRandom(output);
        var rewriter = new Vp9Rewriter();
        int next = -1;
        for (int source = 0; source < Seeds.Scaled(2_000); source++)
        {
            rewriter.SwitchTo();
            bool isLong = random.Next(2) == 0;
            int first = random.Next(0x8000);
            next = next < 0 ? first & (isLong ? 0x7FFF : 0x7F) : next;
            int newest = 0;
            for (int step = 0; step < 40; step++)
            {
                int picture = Math.Max(0, newest + random.Next(-6, 8));
                picture = step == 0 ? 0 : picture;
                Assert.Equal(next + picture & 0x7FFF, Rewrite(rewriter, Payload(first + picture, 0, isLong), out uint state).PictureId);
                Assert.True(state < 1 << 23);
                newest = Math.Max(newest, picture);
            }

            next += newest + 1;
        }
    }

    [Fact]
    public void A_picture_from_before_the_source_is_refused()
    {
        var rewriter = new Vp9Rewriter();
        Rewrite(rewriter, Payload(500, 0), out _);
        Assert.False(rewriter.TryRewrite(Payload(499, 0), new byte[Vp9Rewriter.MaxWritten], out _, out _, out _));
    }

    [Fact]
    public void The_scalability_structure_and_references_are_read()
    {
        // Flexible, two references; then three layers with sizes, and a picture group.
        byte[] payload = [0xFA, 0x85, 0x01, 0x24, 0x03, 0x0A, 0x58, 0x01, 0x40, 0x00, 0xB4, 0x02, 0x80, 0x01, 0x68, 0x05, 0x00, 0x02, 0xD0, 0x01, 0x04, 0x02, 0xAA];
        Assert.True(Vp9Descriptor.TryParse(payload, out Vp9Descriptor descriptor));
        Assert.Equal(payload.Length - 1, descriptor.Length);
        Assert.Equal(default(FrameReferences).With(1).With(5), descriptor.References);
        Assert.True(descriptor.TryGetStructure(payload, out Vp9ScalabilityStructure structure));
        Assert.Equal(3, structure.SpatialLayerCount);
        Assert.True(structure.TryGetResolution(2, out int width, out int height));
        Assert.Equal((1280, 720), (width, height));
        Assert.False(structure.TryGetResolution(3, out _, out _));
    }
}
