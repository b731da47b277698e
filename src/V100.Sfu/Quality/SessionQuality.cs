using V100.Net;
using V100.Sfu.Forwarding;
using V100.Sfu.Rooms;
using V100.Sfu.Sdp;

namespace V100.Sfu.Quality;

/// <summary>The quality of all that a session publishes and plays, what its client says of it, and how it was in the last hour. Belongs to the room layer.</summary>
public sealed class SessionQuality
{
    /// <summary>A client's word counts for three of its intervals.</summary>
    private static readonly TimeSpan _beaconTime = TimeSpan.FromSeconds(15);

    /// <summary>A device that shows less than this of the pictures that it is sent is slow.</summary>
    private const double SlowShare = 0.8;

    /// <summary>More than this says that the path is to blame.</summary>
    private const double LosslessShare = 0.02;

    private readonly Session _session;
    private readonly PublicationQuality[] _publications;
    private readonly SubscriptionQuality[] _subscriptions;
    private ClientBeacon? _lastBeacon;

    /// <summary>Pictures that went to the client since its last beacon, and for how long that was looked at.</summary>
    private double _sentFrames;
    private int _sentSeconds;

    internal SessionQuality(Session session)
    {
        _session = session;
        _publications = [.. Map(session.Tracks)];
        MediaSection[] sent = Array.FindAll(session.Peer.Negotiated.Sections, section => section.IsSent);
        _subscriptions = Array.ConvertAll(sent, section => new SubscriptionQuality(section));
    }

    public IReadOnlyList<PublicationQuality> Publications => _publications;
    public IReadOnlyList<SubscriptionQuality> Subscriptions => _subscriptions;
    public QualityHistory History { get; } = new();

    /// <summary>The mean of its streams' scores, or what its client says where that is less; null where there is nothing to score.</summary>
    public double? Score { get; private set; }

    /// <summary>That of its worst stream.</summary>
    public QualityCause Cause { get; private set; }

    /// <summary>What the last two beacons say; null where there are none, or the last is old.</summary>
    public BeaconInterval? Beacon { get; private set; }

    /// <summary>By the client's reports, or its beacon; 0 while unknown.</summary>
    public double RoundTripMs
    {
        get
        {
            foreach (SubscriptionFigures? figures in _session.Peer.Sent)
            {
                if (figures is { RoundTripMs: >= 0 })
                {
                    return figures.RoundTripMs;
                }
            }

            return _lastBeacon?.RoundTripMs ?? 0;
        }
    }

    /// <summary>Its place among those that are looked at together.</summary>
    internal (int Turn, int Place) Place { get; set; }

    /// <summary>Looks once, and tells the room's listeners what is worth telling.</summary>
    internal void Update(Instant now)
    {
        RoomTick? tick = _session.Participant.Room.Tick;
        double roundTripMs = RoundTripOfParticipant();
        foreach (PublicationQuality publication in _publications)
        {
            if (publication.Update(roundTripMs, now))
            {
                tick?.TrackQuality(publication.Track.Id, publication.Told);
            }
        }

        foreach (SubscriptionQuality subscription in _subscriptions)
        {
            if (subscription.Update(_session.Peer, now))
            {
                tick?.SubscriptionQuality(_session.Participant.Identity, subscription.Section.Sender.TrackId, subscription.Told);
            }
        }

        if (Beacon is { } beacon && now - beacon.At > _beaconTime)
        {
            Beacon = null;
        }

        NoteSent();
        Summarize();
        if (Score is { } score)
        {
            History.Add(score, now);
        }
    }

    /// <summary>What was told of it last, to who begins to listen.</summary>
    internal void TellAll(RoomTick tick)
    {
        foreach (PublicationQuality publication in _publications)
        {
            if (publication.Told > 0)
            {
                tick.TrackQuality(publication.Track.Id, publication.Told);
            }
        }

        foreach (SubscriptionQuality subscription in _subscriptions)
        {
            if (subscription.Told > 0)
            {
                tick.SubscriptionQuality(_session.Participant.Identity, subscription.Section.Sender.TrackId, subscription.Told);
            }
        }
    }

    /// <summary>The client says how it is; one that does not follow the last begins anew.</summary>
    internal void Take(in ClientBeacon beacon, Instant now)
    {
        if (_lastBeacon is { } last && BeaconInterval.Between(in last, in beacon, now) is { } interval)
        {
            Beacon = interval with { Score = ScoreOf(interval), IsSlow = IsSlow(interval) };
        }

        _lastBeacon = beacon;
        (_sentFrames, _sentSeconds) = (0, 0);
    }

    /// <summary>Nothing is lost, and yet it decodes fewer pictures than were sent.</summary>
    private bool IsSlow(BeaconInterval interval)
    {
        foreach (SubscriptionQuality subscription in _subscriptions)
        {
            if (subscription is { Score: not null, Track.Kind: MediaKind.Video } && subscription.Inputs.DownlinkLoss > LosslessShare)
            {
                return false;
            }
        }

        return _sentSeconds > 0 && interval.Loss <= LosslessShare && interval.DecodedPerSecond < SlowShare * _sentFrames / _sentSeconds;
    }

    /// <summary>A publisher that is sent nothing reports no round trip; another session of the same participant goes the same way.</summary>
    private double RoundTripOfParticipant()
    {
        double own = RoundTripMs;
        for (int index = 0; own == 0 && index < _session.Participant.Sessions.Count; index++)
        {
            own = _session.Participant.Sessions[index].Quality?.RoundTripMs ?? 0;
        }

        return own;
    }

    private void NoteSent()
    {
        double framesPerSecond = 0;
        foreach (SubscriptionQuality subscription in _subscriptions)
        {
            if (subscription is { Score: not null, Track.Kind: MediaKind.Video })
            {
                framesPerSecond += _session.Peer.Sent[subscription.Section.Index]!.FramesPerSecond;
            }
        }

        _sentFrames += framesPerSecond;
        _sentSeconds++;
    }

    private void Summarize()
    {
        (double sum, int count, double worst) = (0, 0, double.MaxValue);
        Cause = QualityCause.None;
        foreach (PublicationQuality publication in _publications)
        {
            Count(publication.Score, publication.Cause);
        }

        foreach (SubscriptionQuality subscription in _subscriptions)
        {
            if (Beacon?.IsSlow == true && subscription is { Score: not null, Track.Kind: MediaKind.Video })
            {
                subscription.BlameDevice();
            }

            Count(subscription.Score, subscription.Cause);
        }

        Score = count == 0 ? null : Math.Min(sum / count, Beacon?.Score ?? double.MaxValue);
        if (Score is not null && Beacon?.IsSlow == true)
        {
            Cause = QualityCause.SlowDevice;
        }

        void Count(double? score, QualityCause cause)
        {
            if (score is { } value)
            {
                sum += value;
                count++;
                (worst, Cause) = value < worst ? (value, cause) : (worst, Cause);
            }
        }
    }

    /// <summary>The client's figures by the server's models. Loss shows in what was concealed and in how long the picture stood still, so it is not counted besides.</summary>
    private double? ScoreOf(BeaconInterval interval)
    {
        (double sum, int count) = (0, 0);
        double soundBps = 0;
        foreach (SubscriptionQuality subscription in _subscriptions)
        {
            soundBps += subscription is { Score: not null, Track.Kind: MediaKind.Audio } ? _session.Peer.Sent[subscription.Section.Index]!.BitrateBps : 0;
        }

        foreach (SubscriptionQuality subscription in _subscriptions)
        {
            if (subscription.Score is null)
            {
                continue;
            }

            sum += InputsOf(subscription.Inputs, interval, soundBps).Score;
            count++;
        }

        return count == 0 ? null : sum / count;
    }

    private static QualityInputs InputsOf(in QualityInputs known, BeaconInterval interval, double soundBps)
    {
        QualityInputs said = known with { UplinkLoss = 0, DownlinkRoundTripMs = interval.Last.RoundTripMs, JitterMs = interval.Last.JitterMs };
        return known.Kind == MediaKind.Audio
            ? said with { DownlinkLoss = interval.ConcealedShare, Codec = CodecKind.Opus, BitrateBps = known.Codec == CodecKind.Red ? known.BitrateBps / 2 : known.BitrateBps }
            : said with
            {
                DownlinkLoss = 0,
                BitrateBps = Math.Max(0, interval.BitrateBps - soundBps),
                Width = (int)interval.Last.FrameWidth,
                Height = (int)interval.Last.FrameHeight,
                FramesPerSecond = double.IsInfinity(known.FramesPerSecond) ? known.FramesPerSecond : interval.DecodedPerSecond,
                FrozenShare = interval.FrozenShare,
            };
    }

    private static IEnumerable<PublicationQuality> Map(IReadOnlyList<PublishedTrack> tracks)
    {
        foreach (PublishedTrack track in tracks)
        {
            yield return track.Quality = new PublicationQuality(track);
        }
    }
}
