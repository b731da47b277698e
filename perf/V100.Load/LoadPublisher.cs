using System.Buffers.Binary;
using V100.Client;
using V100.Net;
using V100.Net.Sockets;
using V100.Sfu.Rtcp;
using V100.Sfu.Sdp;

namespace V100.Load;

/// <summary>A publisher that sends what its shape says, each packet with the time of its sending, and obeys feedback as a browser does.</summary>
internal sealed class LoadPublisher : DrivenClient
{
    /// <summary>Behind its schedule by more than this, it goes on from now: a pause is not made up for by a flood.</summary>
    private static readonly TimeSpan _maxLag = TimeSpan.FromMilliseconds(100);

    /// <summary>What stands in a packet: the instant of its sending.</summary>
    public const int StampLength = 8;

    private readonly MeasuredWindow _window;
    private readonly TransportNumbers _transportNumbers = new();
    private readonly byte[] _packet = new byte[PublishAndPlayOptions.MaxSize];
    private readonly Track[] _tracks;
    private bool _stopped;
    private long _sent;
    private long _sentInWindow;

    private sealed class Track
    {
        public required MediaKind Kind { get; init; }
        public required TrafficShape Shape { get; init; }
        public required OutgoingStream Stream { get; init; }
        public VideoSource? Video { get; init; }
        public AudioSource? Audio { get; init; }
        public Instant Next { get; set; } = Instant.Never;
        public int SeenKeyframeRequests { get; set; } = -1;
    }

    public LoadPublisher(WebRtcClient transport, PublishAndPlayOptions options, MeasuredWindow window, Random random)
        : base(transport)
    {
        _window = window;
        _tracks = Array.ConvertAll(TrafficShape.Create(options, random), shape => CreateTrack(shape, random));
        transport.Reported = HandlePart;
    }

    private Track CreateTrack(TrafficShape shape, Random random)
    {
        MediaKind kind = shape.Kind;
        Simulation.World.OfferSection section = Array.Find(Transport.Offer.Sections, section => section.Kind == kind)!;
        section = shape.Rid is null ? section : section with { Ssrc = Simulation.World.ClientOffer.NextSsrc(random) };
        VideoSource? video = kind == MediaKind.Video ? new VideoSource(section, random, _transportNumbers, shape.Rid) : null;
        AudioSource? audio = kind == MediaKind.Audio ? new AudioSource(section, _transportNumbers, random) : null;
        return new Track
        {
            Kind = kind, Shape = shape, Video = video, Audio = audio,
            Stream = new OutgoingStream(Transport, section, _transportNumbers, video is null ? audio!.TimestampOf : video.TimestampOf, random),
        };
    }

    /// <summary>Turns of its schedule within the window that it left out because it was late by more than 100 ms.</summary>
    public long SkippedTurns { get; private set; }

    /// <summary>Up to now. Any thread.</summary>
    public long Sent => Volatile.Read(ref _sent);

    public long SentInWindow => Volatile.Read(ref _sentInWindow);

    /// <summary>Packets that it sent again because the server asked.</summary>
    public long Retransmissions => _tracks.Sum(track => track.Stream.Retransmissions);

    public override Instant NextDeadline
    {
        get
        {
            Instant next = Instant.Never;
            foreach (Track track in _tracks)
            {
                next = Instant.Earlier(next, track.Next);
            }

            return next;
        }
    }

    public override Instant NextReport
    {
        get
        {
            Instant next = Instant.Never;
            foreach (Track track in _tracks)
            {
                next = Instant.Earlier(next, track.Stream.NextDeadline);
            }

            return next;
        }
    }

    public void Start(Instant firstAt)
    {
        foreach (Track track in _tracks)
        {
            track.Next = firstAt;
        }
    }

    public void Stop() => _stopped = true;

    public override void HandleDeadline(Instant now)
    {
        foreach (Track track in _tracks)
        {
            if (track.Next <= now)
            {
                SendFrame(track, now);
            }
        }
    }

    public override void HandleReport(Instant now)
    {
        foreach (Track track in _tracks)
        {
            track.Stream.HandleDeadline(now);
        }
    }

    private void HandlePart(in RtcpPacket part, Instant now)
    {
        foreach (Track track in _tracks)
        {
            track.Stream.HandlePart(in part);
        }
    }

    private void SendFrame(Track track, Instant now)
    {
        if (_stopped)
        {
            track.Next = Instant.Never;
            return;
        }

        bool wantsKeyframe = track.Stream.KeyframeRequests != track.SeenKeyframeRequests;
        ShapedFrame frame = track.Shape.Next(wantsKeyframe);
        if (now - track.Next > _maxLag)
        {
            SkippedTurns += _window.Holds(now) ? (now - track.Next).Ticks / frame.UntilNext.Ticks : 0;
            track.Next = now;
        }

        track.Next += frame.UntilNext;
        if (!Transport.IsConnected)
        {
            return;
        }

        if (track.Video is not null && (frame.IsKeyframe || (wantsKeyframe && !track.Shape.ChoosesKeyframes)))
        {
            track.Video.WantsKeyframe = true;
            track.SeenKeyframeRequests = track.Stream.KeyframeRequests;
        }

        for (int index = 0; index < frame.Packets; index++)
        {
            SendPacket(track, frame.LengthOf(index), isLast: index == frame.Packets - 1, now);
        }
    }

    private void SendPacket(Track track, int length, bool isLast, Instant now)
    {
        Instant stamp = MonotonicClock.Now;
        Span<byte> content = stackalloc byte[StampLength];
        BinaryPrimitives.WriteInt64BigEndian(content, stamp.Nanoseconds);
        Span<byte> packet = _packet.AsSpan(0, length);
        long index = track.Video?.NextSequence ?? track.Audio!.NextSequence;
        int headerLength = track.Video?.Write(packet, content, isLast, now) ?? track.Audio!.Write(packet, content, now);
        track.Stream.Send(packet, headerLength, index, now);
        Volatile.Write(ref _sent, _sent + 1);
        if (_window.Holds(stamp))
        {
            Volatile.Write(ref _sentInWindow, _sentInWindow + 1);
        }
    }
}
