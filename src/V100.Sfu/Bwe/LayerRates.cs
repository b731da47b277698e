using System.Diagnostics;

namespace V100.Sfu.Bwe;

/// <summary>
/// What is assumed of layers that nobody has measured or described. The shares are those by which libwebrtc's encoders split a stream's rate:
/// temporal layers by its table for 1 to 4 of them (<c>SimulcastRateAllocator::GetTemporalRateAllocation</c>), spatial layers of one
/// stream each 1/0.55 times the one below (<c>SvcRateAllocator</c>).
/// </summary>
public static class LayerRates
{
    private const double SpatialStep = 0.55;
    private const double AssumedBitsPerPixel = 0.08;
    private const float AssumedFramesPerSecond = 30;
    private const int AssumedWidth = 320;
    private const int AssumedHeight = 180;

    // Beyond these a publisher's words are a fancy, and sums stay far from the end of their type.
    private const int MaxDimension = 16_384;
    private const float MaxFramesPerSecond = 240;
    private const long MaxBitrateBps = 1_000_000_000_000;
    private const int MaxDoublings = 4;

    /// <summary>The share of the whole that layers 0 to <paramref name="layer"/> of <paramref name="count"/> have together, 0 to 1.</summary>
    public static double TemporalShare(int layer, int count) => (Math.Clamp(count, 1, 4), Math.Clamp(layer, 0, 3)) switch
    {
        (2, 0) => 0.6,
        (3, 0) => 0.4,
        (3, 1) => 0.6,
        (4, 0) => 0.25,
        (4, 1) => 0.4,
        (4, 2) => 0.6,
        _ => 1,
    };

    /// <summary>Likewise for the spatial layers of one stream.</summary>
    public static double SpatialShare(int layer, int count)
    {
        double sum = 0;
        double whole = 0;
        double part = 1;
        for (int index = 0; index < Math.Clamp(count, 1, 8); index++, part /= SpatialStep)
        {
            whole += part;
            sum += index <= layer ? part : 0;
        }

        return sum / whole;
    }

    /// <summary>
    /// Fills in what is zero. A size is that of another option of the same encoding and spatial layer, else 320 × 180 doubled with each encoding
    /// and each spatial layer; a frame rate is that of the encoding with all its temporal layers, else 30, halved with each temporal layer above; a rate is that of a measured option of
    /// the same encoding by the shares, else 0.08 bits a pixel.
    /// </summary>
    public static void Fill(Span<LayerOption> options)
    {
        foreach (ref LayerOption option in options)
        {
            Debug.Assert(!option.Choice.IsNone);
            FillPicture(ref option, options);
        }

        Span<bool> measured = stackalloc bool[LayerDemand.MaxOptions];
        for (int index = 0; index < options.Length; index++)
        {
            measured[index] = options[index].BitrateBps > 0;
            options[index] = options[index] with { BitrateBps = Math.Min(options[index].BitrateBps, MaxBitrateBps) };
        }

        for (int index = 0; index < options.Length; index++)
        {
            if (!measured[index])
            {
                options[index] = options[index] with { BitrateBps = AssumeRate(options[index], options, measured) };
            }
        }
    }

    private static void FillPicture(ref LayerOption option, ReadOnlySpan<LayerOption> all)
    {
        LayerChoice choice = option.Choice;
        (int width, int height) = (Math.Min(option.Width, MaxDimension), Math.Min(option.Height, MaxDimension));
        foreach (ref readonly LayerOption other in all)
        {
            if ((width <= 0 || height <= 0) && other.Choice.Encoding == choice.Encoding && other.Choice.Spatial == choice.Spatial)
            {
                (width, height) = (other.Width, other.Height);
            }
        }

        if (width <= 0 || height <= 0)
        {
            int doublings = Math.Clamp(choice.Encoding + Math.Max(choice.Spatial, (sbyte)0), 0, MaxDoublings);
            (width, height) = (AssumedWidth << doublings, AssumedHeight << doublings);
        }

        float framesPerSecond = Math.Min(option.FramesPerSecond, MaxFramesPerSecond);
        if (!(framesPerSecond > 0))
        {
            framesPerSecond = AssumeFrameRate(choice, all);
        }

        option = option with { Width = width, Height = height, FramesPerSecond = framesPerSecond };
    }

    /// <summary>Each temporal layer doubles the rate, up to what was measured of the encoding with all of them.</summary>
    private static float AssumeFrameRate(LayerChoice choice, ReadOnlySpan<LayerOption> all)
    {
        int top = CountTemporal(choice, all) - 1;
        float whole = AssumedFramesPerSecond;
        foreach (ref readonly LayerOption other in all)
        {
            bool isWhole = other.Choice.Encoding == choice.Encoding && other.Choice.Temporal == top;
            whole = isWhole && other.FramesPerSecond > 0 ? Math.Min(other.FramesPerSecond, MaxFramesPerSecond) : whole;
        }

        return whole / (1 << Math.Clamp(top - choice.Temporal, 0, MaxDoublings));
    }

    private static long AssumeRate(in LayerOption option, ReadOnlySpan<LayerOption> all, ReadOnlySpan<bool> measured)
    {
        double share = Share(option.Choice, all);
        for (int index = all.Length - 1; index >= 0; index--)
        {
            if (measured[index] && all[index].Choice.Encoding == option.Choice.Encoding)
            {
                return Math.Max(1, (long)(all[index].BitrateBps * share / Share(all[index].Choice, all)));
            }
        }

        double pixelsPerSecond = (double)option.Width * option.Height * AssumedFramesPerSecond;
        return Math.Max(1, (long)(pixelsPerSecond * AssumedBitsPerPixel * TemporalShare(option.Choice.Temporal, CountTemporal(option.Choice, all))));
    }

    private static double Share(LayerChoice choice, ReadOnlySpan<LayerOption> all) =>
        TemporalShare(choice.Temporal, CountTemporal(choice, all)) * SpatialShare(choice.Spatial, CountSpatial(choice, all));

    private static int CountTemporal(LayerChoice choice, ReadOnlySpan<LayerOption> all)
    {
        int highest = 0;
        foreach (ref readonly LayerOption other in all)
        {
            highest = other.Choice.Encoding == choice.Encoding ? Math.Max(highest, other.Choice.Temporal) : highest;
        }

        return highest + 1;
    }

    private static int CountSpatial(LayerChoice choice, ReadOnlySpan<LayerOption> all)
    {
        int highest = 0;
        foreach (ref readonly LayerOption other in all)
        {
            highest = other.Choice.Encoding == choice.Encoding ? Math.Max(highest, other.Choice.Spatial) : highest;
        }

        return highest + 1;
    }
}
