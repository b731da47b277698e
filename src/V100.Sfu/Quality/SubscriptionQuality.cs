using V100.Net;
using V100.Sfu.Bwe;
using V100.Sfu.Forwarding;
using V100.Sfu.Peers;
using V100.Sfu.Sdp;

namespace V100.Sfu.Quality;

/// <summary>How what a client is sent on one media section arrives, by its reports and by what its shard did. The room layer looks once a second.</summary>
public sealed class SubscriptionQuality
{
    /// <summary>Bits grow with pixels by this power: what tells sizes apart where no keyframe named them.</summary>
    private const double PixelsPerBit = 4.0 / 3;

    private readonly CounterWindow _window = new();
    private QualityLevel _level;

    internal SubscriptionQuality(MediaSection section) => Section = section;

    public MediaSection Section { get; }

    /// <summary>What is played; null for nothing.</summary>
    public PublishedTrack? Track { get; private set; }

    /// <summary>1 to 5; null where there is nothing to score.</summary>
    public double? Score { get; private set; }
    public QualityInputs Inputs { get; private set; }
    public QualityCause Cause { get; private set; }

    /// <summary>What was told last; 0 for nothing.</summary>
    internal double Told => _level.Told;

    /// <summary>The device is slow: no path is to blame.</summary>
    internal void BlameDevice() => Cause = QualityCause.SlowDevice;

    /// <summary>True where the score is to be told.</summary>
    internal bool Update(PeerDescriptor peer, Instant now)
    {
        SubscriptionFigures figures = peer.Sent[Section.Index]!;
        PublishedTrack? track = peer.GetSource(Section.Index);
        if (track != Track)
        {
            Track = track;
            Forget();
        }

        if (track?.Quality is not { } publication || figures.Codec is not { } codec || figures.Packets == 0 || publication.Inputs.PublishedBitrateBps == 0 || !IsMeant(track, figures))
        {
            Forget();
            return false;
        }

        int encoding = figures.Encoding;
        bool rests = track.Kind == MediaKind.Video && encoding < 0;
        AddLook(figures, now);
        Inputs = Combine(publication.Inputs, figures, codec) with
        {
            FrozenShare = rests ? 1 : double.IsInfinity(publication.Inputs.FramesPerSecond) ? 0 : _window.FrozenShare,
            Enlargement = rests || track.Kind == MediaKind.Audio ? 1 : EnlargementOf(track, encoding, figures, peer.GetConstraints(Section.Index)),
        };
        if (!_window.IsFilled || Inputs.BitrateBps == 0 && Inputs.FrozenShare == 0)
        {
            return false;
        }

        double score = Inputs.Score;
        Score = score;
        Cause = QualityCauses.OfSubscription(Inputs, score);
        return _level.Crosses(score);
    }

    /// <summary>A picture that its subscriber paused, and a sound that is not among the loudest of its room, are not missed.</summary>
    private static bool IsMeant(PublishedTrack track, SubscriptionFigures figures) => track.Kind == MediaKind.Audio
        ? track.IsAmongLoudest || track.IsPlayedAlone
        : figures.Reason is not (AllocationReason.PausedByClient or AllocationReason.NoLayerActive);

    /// <summary>Of what was sent again, as much was lost as of the rest; what then is missing was not repaired.</summary>
    private void AddLook(SubscriptionFigures figures, Instant now)
    {
        double arrives = figures.Expected > 0 ? 1 - Math.Clamp((double)figures.Lost / Math.Max(1, figures.Packets), 0, 1) : 1;
        long repaired = (long)(figures.Retransmitted * arrives);
        _window.Add(figures.Expected, figures.Lost - repaired, figures.FrozenMs, now.Milliseconds);
    }

    private QualityInputs Combine(in QualityInputs published, SubscriptionFigures figures, CodecKind codec) => published with
    {
        Codec = codec,

        // What was lost on the way here is missing there too, and reported.
        DownlinkLoss = Math.Max(0, _window.Loss - published.UplinkLoss) / Math.Max(0.01, 1 - published.UplinkLoss),
        DownlinkRoundTripMs = Math.Max(0, figures.RoundTripMs),
        JitterMs = figures.JitterMs,
        BitrateBps = published.Kind == MediaKind.Audio ? published.BitrateBps * (codec == CodecKind.Red && published.Codec != CodecKind.Red ? 2 : 1) : figures.BitrateBps,
        Width = figures.Width,
        Height = figures.Height,
        FramesPerSecond = double.IsInfinity(published.FramesPerSecond) ? published.FramesPerSecond : figures.FramesPerSecond,
    };

    /// <summary>Against the most that the publisher has, the size at which it is shown, and what the subscriber limited itself to.</summary>
    private static double EnlargementOf(PublishedTrack track, int encodingSent, SubscriptionFigures figures, in LayerConstraints limits)
    {
        // The figures may still be of a track that was played before, with more encodings.
        if (figures.Reason == AllocationReason.ConstrainedByClient || encodingSent >= track.Encodings.Length)
        {
            return 1;
        }

        double sent = (double)figures.Width * figures.Height;
        double wanted = track.Quality!.LargestPixels;
        if (sent == 0 || wanted == 0)
        {
            double largestBps = 0;
            foreach (EncodingFigures encoding in track.Encodings)
            {
                largestBps = Math.Max(largestBps, encoding.SteadyBps);
            }

            double sentBps = track.Encodings[encodingSent].SteadyBps;
            return sentBps == 0 ? 1 : Math.Max(1, Math.Pow(largestBps / sentBps, PixelsPerBit));
        }

        double shown = limits.HasSize ? (double)limits.Width * limits.Height : double.PositiveInfinity;
        return Math.Max(1, Math.Min(wanted, shown) / sent);
    }

    private void Forget()
    {
        Score = null;
        Cause = QualityCause.None;
        Inputs = default;
        _window.Clear();
    }
}
