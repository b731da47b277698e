using V100.Sfu.Sdp;

namespace V100.Sfu.Quality;

/// <summary>
/// What the score of one stream is made of, over the last five seconds. The uplink is the publisher's path, the downlink the subscriber's; of a publication the downlink is as if it were
/// perfect.
/// </summary>
public readonly record struct QualityInputs
{
    /// <summary>The packet, and what the encoder looks ahead, of Opus.</summary>
    private const double EncodingMs = 26.5;

    /// <summary>A buffer holds a packet, and twice the jitter.</summary>
    private const double BufferMs = 20;

    public MediaKind Kind { get; init; }
    public CodecKind Codec { get; init; }

    /// <summary>0 to 1, after repair.</summary>
    public double UplinkLoss { get; init; }

    /// <summary>0 to 1, after repair, without what was lost before.</summary>
    public double DownlinkLoss { get; init; }

    /// <summary>0 while unknown.</summary>
    public double UplinkRoundTripMs { get; init; }

    /// <summary>0 while unknown.</summary>
    public double DownlinkRoundTripMs { get; init; }

    /// <summary>Of arrival here.</summary>
    public double UplinkJitterMs { get; init; }

    /// <summary>Of arrival at the client, which has what came of the uplink in it.</summary>
    public double JitterMs { get; init; }

    /// <summary>Of sound: while somebody speaks.</summary>
    public double BitrateBps { get; init; }

    /// <summary>Of the best that the publisher sends.</summary>
    public double PublishedBitrateBps { get; init; }
    public int Width { get; init; }
    public int Height { get; init; }

    /// <summary>Infinite for what need not move.</summary>
    public double FramesPerSecond { get; init; }
    public double PublishedFramesPerSecond { get; init; }

    /// <summary>0 to 1: for how much of the time the picture stood still as it was published.</summary>
    public double UplinkFrozenShare { get; init; }

    /// <summary>0 to 1: for how much of the time it stood still as it was sent.</summary>
    public double FrozenShare { get; init; }

    /// <summary>How many pixels are wanted for each that comes; 1 where the layer is the one that is wanted.</summary>
    public double Enlargement { get; init; }

    public double Loss => 1 - (1 - UplinkLoss) * (1 - DownlinkLoss);

    /// <summary>Of sound, from mouth to ear.</summary>
    public double DelayMs => EncodingMs + BufferMs + (UplinkRoundTripMs + DownlinkRoundTripMs) / 2 + 2 * Math.Max(UplinkJitterMs, JitterMs);

    /// <summary>1 to 5.</summary>
    public double Score => Kind == MediaKind.Audio
        ? EModel.Score(new AudioInputs(Codec == CodecKind.Red ? Loss * Loss : Loss, DelayMs, Codec == CodecKind.Red ? BitrateBps / 2 : BitrateBps))
        : VideoModel.Score(new VideoInputs
        {
            Codec = Codec, BitrateBps = BitrateBps, Width = Width, Height = Height, FramesPerSecond = FramesPerSecond, Loss = Loss, FrozenShare = FrozenShare, Enlargement = Enlargement,
        });

    /// <summary>As they would be if the publisher's path were perfect.</summary>
    public QualityInputs WithoutUplink => this with
    {
        UplinkLoss = 0,
        UplinkRoundTripMs = 0,
        UplinkJitterMs = 0,
        BitrateBps = UplinkFrozenShare > 0 ? Math.Max(BitrateBps, PublishedBitrateBps) : BitrateBps,
        FramesPerSecond = UplinkFrozenShare > 0 ? Math.Max(FramesPerSecond, PublishedFramesPerSecond) : FramesPerSecond,
        FrozenShare = Math.Max(0, FrozenShare - UplinkFrozenShare),
    };

    /// <summary>As they would be if the subscriber's path were perfect.</summary>
    public QualityInputs WithoutDownlink => this with
    {
        DownlinkLoss = 0,
        DownlinkRoundTripMs = 0,
        JitterMs = UplinkJitterMs,
        BitrateBps = Math.Max(BitrateBps, PublishedBitrateBps),
        FramesPerSecond = Math.Max(FramesPerSecond, PublishedFramesPerSecond),
        FrozenShare = UplinkFrozenShare,
        Enlargement = 1,
    };
}
