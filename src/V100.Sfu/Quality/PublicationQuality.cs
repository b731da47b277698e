using V100.Net;
using V100.Sfu.Forwarding;
using V100.Sfu.Rooms;
using V100.Sfu.Sdp;

namespace V100.Sfu.Quality;

/// <summary>How a published track comes in, by what its shard measured. The room layer looks once a second.</summary>
public sealed class PublicationQuality
{
    /// <summary>What has sent nothing for so long is taken for stopped, not for frozen: no client says which it is.</summary>
    private static readonly TimeSpan StoppedTime = TimeSpan.FromSeconds(10);

    /// <summary>Of the rate of speech, in each second of silence.</summary>
    private const double RateKept = 0.98;

    private readonly CounterWindow _window = new();
    private double _speechBps;

    /// <summary>Of a picture when it last moved all the time: what a freeze takes is told by its length alone.</summary>
    private double _movingBps;
    private double _movingFramesPerSecond;
    private QualityLevel _level;

    internal PublicationQuality(PublishedTrack track) => Track = track;

    public PublishedTrack Track { get; }

    /// <summary>1 to 5; null where there is nothing to score.</summary>
    public double? Score { get; private set; }
    public QualityInputs Inputs { get; private set; }
    public QualityCause Cause { get; private set; }

    /// <summary>What was told last; 0 for nothing.</summary>
    internal double Told => _level.Told;

    /// <summary>The most pixels that it has had, of a picture whose size only a lack of means makes smaller.</summary>
    internal long LargestPixels { get; private set; }

    /// <summary>True where the score is to be told.</summary>
    internal bool Update(double roundTripMs, Instant now)
    {
        EncodingFigures best = BestSent(now);
        if (Track.Hold != TrackHold.None || Track.Figures.Codec is not { } codec || best.Packets == 0 || now - best.LastPacketAt > StoppedTime)
        {
            Forget();
            return false;
        }

        (long expected, long delivered, long frozenMs) = Sum();
        _window.Add(expected, expected - delivered, frozenMs, now.Milliseconds);
        _speechBps = Math.Max(best.BitrateBps, _speechBps * RateKept);
        LargestPixels = Track.Source == TrackSources.ScreenShare ? PixelsOf(best) : Math.Max(LargestPixels, PixelsOf(best));
        bool moves = Track.Source != TrackSources.ScreenShare;
        double frozenShare = moves ? _window.FrozenShare : 0;
        if (frozenShare == 0 || best.BitrateBps > _movingBps)
        {
            (_movingBps, _movingFramesPerSecond) = (best.BitrateBps, best.FramesPerSecond);
        }

        double framesPerSecond = moves ? _movingFramesPerSecond : double.PositiveInfinity;
        double bitrateBps = Track.Kind == MediaKind.Audio ? _speechBps : _movingBps;
        Inputs = new QualityInputs
        {
            Kind = Track.Kind,
            Codec = codec,
            UplinkLoss = _window.Loss,
            UplinkRoundTripMs = roundTripMs,
            UplinkJitterMs = best.JitterMicroseconds / 1000.0,
            BitrateBps = bitrateBps,
            PublishedBitrateBps = bitrateBps,
            Width = best.Width,
            Height = best.Height,
            FramesPerSecond = framesPerSecond,
            PublishedFramesPerSecond = framesPerSecond,
            UplinkFrozenShare = frozenShare,
            FrozenShare = frozenShare,
            Enlargement = EnlargementOf(best),
        };
        if (!_window.IsFilled || bitrateBps == 0 && frozenShare == 0)
        {
            return false;
        }

        double score = Inputs.Score;
        Score = score;
        Cause = QualityCauses.OfPublication(Inputs, score);
        return _level.Crosses(score);
    }

    private void Forget()
    {
        Score = null;
        Cause = QualityCause.None;
        Inputs = default;
        _window.Clear();
    }

    /// <summary>The largest of the encodings that are sent now; where none is, that which was last.</summary>
    private EncodingFigures BestSent(Instant now)
    {
        EncodingFigures best = Track.Encodings[0];
        foreach (EncodingFigures encoding in Track.Encodings)
        {
            (bool isSent, bool isBestSent) = (encoding.IsSentAt(now), best.IsSentAt(now));
            bool isBetter = isSent == isBestSent
                ? isSent ? (PixelsOf(encoding), encoding.BitrateBps).CompareTo((PixelsOf(best), best.BitrateBps)) > 0 : encoding.LastPacketAt > best.LastPacketAt
                : isSent;
            best = isBetter ? encoding : best;
        }

        return best;
    }

    /// <summary>Over all encodings; frozen is what all of those are that anybody takes.</summary>
    private (long Expected, long Delivered, long FrozenMs) Sum()
    {
        (long expected, long delivered, long frozenMs) = (0, 0, long.MaxValue);
        foreach (EncodingFigures encoding in Track.Encodings)
        {
            expected += encoding.Expected;
            delivered += encoding.Delivered;
            frozenMs = encoding.Packets > 0 && encoding.IsWanted ? Math.Min(frozenMs, encoding.FrozenMs) : frozenMs;
        }

        return (expected, delivered, frozenMs == long.MaxValue ? 0 : frozenMs);
    }

    /// <summary>An encoding that nobody takes may rest: only those that somebody wants are missed.</summary>
    private double EnlargementOf(EncodingFigures sent)
    {
        long wanted = 0;
        long largest = 0;
        foreach (EncodingFigures encoding in Track.Encodings)
        {
            wanted = encoding.IsWanted ? Math.Max(wanted, PixelsOf(encoding)) : wanted;
            largest = Math.Max(largest, PixelsOf(encoding));
        }

        wanted = wanted == largest ? LargestPixels : wanted;
        return PixelsOf(sent) == 0 ? 1 : Math.Max(1, (double)wanted / PixelsOf(sent));
    }

    private static long PixelsOf(EncodingFigures encoding) => (long)encoding.Width * encoding.Height;
}
