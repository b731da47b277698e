using V100.Sfu.Bwe;
using V100.Sfu.Forwarding;

namespace V100.Sfu.Tests.Forwarding;

public class EncodingOrderTests
{
    [Fact]
    public void Encodings_are_ordered_by_pixels_then_by_rate_then_as_offered()
    {
        EncodingFigures[] encodings = [Encoding("h", 1280, 720, 2_000_000), Encoding("m", 640, 360, 500_000), Encoding("l", 320, 180, 150_000)];
        Assert.Equal([2, 1, 0], Places(encodings));
        Assert.Equal([1, 0, 2], Places([Encoding("a", 640, 360, 300_000), Encoding("b", 640, 360, 100_000), Encoding("c", 0, 0, 0)]));
        Assert.Equal([0, 1], Places([Encoding("a", 640, 360, 100_000), Encoding("b", 640, 360, 100_000)]));
    }

    [Theory]
    [InlineData("h", int.MaxValue, 0b111u)]
    [InlineData("m", int.MaxValue, 0b110u)]
    [InlineData("l", int.MaxValue, 0b100u)]
    [InlineData("q", int.MaxValue, 0b111u)]
    [InlineData(null, 0, 0b100u)]
    [InlineData(null, 1, 0b110u)]
    [InlineData(null, 2, 0b111u)]
    [InlineData("m", 0, 0b100u)]
    public void A_limit_by_name_or_place_leaves_what_is_no_larger(string? rid, int place, uint allowed)
    {
        EncodingFigures[] encodings = [Encoding("h", 1280, 720, 2_000_000), Encoding("m", 640, 360, 500_000), Encoding("l", 320, 180, 150_000)];
        LayerConstraints resolved = EncodingOrder.Resolve(new LayerConstraints { MaxRid = rid, MaxPlace = place, MaxBitrateBps = 7 }, encodings);
        Assert.Equal(allowed, resolved.Encodings & 0b111);
        Assert.Equal(7, resolved.MaxBitrateBps);
        Assert.Equal(sbyte.MaxValue, resolved.MaxSpatial);
    }

    [Fact]
    public void Of_an_only_encoding_the_place_is_that_of_its_spatial_layer()
    {
        EncodingFigures[] only = [Encoding("", 1280, 720, 2_000_000)];
        Assert.Equal(1, EncodingOrder.Resolve(new LayerConstraints { MaxPlace = 1 }, only).MaxSpatial);
        Assert.Equal(sbyte.MaxValue, EncodingOrder.Resolve(new LayerConstraints(), only).MaxSpatial);
        Assert.Equal(uint.MaxValue, EncodingOrder.Resolve(new LayerConstraints { MaxPlace = 0 }, only).Encodings);
        Assert.Equal(uint.MaxValue, EncodingOrder.Resolve(new LayerConstraints { MaxPlace = 0 }, []).Encodings);
    }

    private static int[] Places(EncodingFigures[] encodings) => [.. Enumerable.Range(0, encodings.Length).Select(index => EncodingOrder.PlaceOf(encodings, index))];

    private static EncodingFigures Encoding(string rid, int width, int height, long bitrateBps)
    {
        var figures = new EncodingFigures(rid) { SteadyBps = bitrateBps };
        figures.SetSize(width, height);
        return figures;
    }
}
