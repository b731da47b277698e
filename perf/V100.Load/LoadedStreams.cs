using System.Buffers.Binary;
using V100.Client;
using V100.Net;
using V100.Net.Sockets;
using V100.Sfu.Rtp;

namespace V100.Load;

/// <summary>Which of a publisher's packets count: those from <see cref="First"/> on, until <see cref="End"/>. Written by the driver's thread.</summary>
internal sealed class MeasuredWindow
{
    public uint First { get; set; } = uint.MaxValue;
    public uint End { get; set; } = uint.MaxValue;

    public bool Holds(uint number) => number >= First && number < End;
}

/// <summary>A publisher that sends packets at an even rate, each with its number and the time of its sending.</summary>
internal sealed class LoadPublisher : DrivenClient
{
    /// <summary>Behind its schedule by more than this, it goes on from now: a pause is not made up for by a flood.</summary>
    private static readonly TimeSpan _maxLag = TimeSpan.FromMilliseconds(100);

    /// <summary>What stands in a packet: its number and the instant.</summary>
    public const int StampLength = 12;

    private readonly VideoSource _source;
    private readonly byte[] _packet;
    private readonly int _burst;
    private readonly TimeSpan _interval;
    private Instant _next = Instant.Never;
    private int _seenKeyframeRequests;
    private uint _number;
    private bool _stopped;

    public LoadPublisher(WebRtcClient transport, PublishAndPlayOptions options, Random random)
        : base(transport)
    {
        _source = new VideoSource(Array.Find(transport.Offer.Sections, section => section.Kind == Sfu.Sdp.MediaKind.Video)!, random);
        _packet = new byte[options.Size];
        _burst = options.Burst;
        _interval = TimeSpan.FromSeconds((double)options.Burst / options.Rate);
    }

    public MeasuredWindow Window { get; } = new();

    /// <summary>Turns of its schedule within the window that it left out because it was late by more than 100 ms.</summary>
    public long SkippedTurns { get; private set; }

    public long SentInWindow => Window.End - Window.First;

    public override Instant NextDeadline => _next;

    public void Start(Instant firstAt) => _next = firstAt;

    public void Stop() => _stopped = true;

    public void BeginWindow()
    {
        Window.First = _number;
        SkippedTurns = 0;
    }

    public void EndWindow() => Window.End = _number;

    public override void HandleDeadline(Instant now)
    {
        if (_stopped || !Transport.IsConnected)
        {
            _next = _stopped ? Instant.Never : now + _interval;
            return;
        }

        if (now - _next > _maxLag)
        {
            SkippedTurns += (now - _next).Ticks / _interval.Ticks;
            _next = now;
        }

        _next += _interval;
        if (Transport.KeyframeRequests != _seenKeyframeRequests)
        {
            _seenKeyframeRequests = Transport.KeyframeRequests;
            _source.WantsKeyframe = true;
        }

        Span<byte> stamp = stackalloc byte[StampLength];
        for (int index = 0; index < _burst; index++)
        {
            BinaryPrimitives.WriteUInt32BigEndian(stamp, _number++);
            BinaryPrimitives.WriteInt64BigEndian(stamp[4..], MonotonicClock.Now.Nanoseconds);
            long sequence = _source.NextSequence;
            int headerLength = _source.Write(_packet, stamp, endsFrame: index == _burst - 1, now);
            Transport.SendRtp(_packet, headerLength, sequence);
        }
    }
}

/// <summary>A subscriber that counts what it gets of one publisher.</summary>
internal sealed class LoadSubscriber : DrivenClient
{
    private readonly MeasuredWindow _window;
    private int _received;

    public LoadSubscriber(WebRtcClient transport, LoadPublisher publisher)
        : base(transport)
    {
        Publisher = publisher;
        _window = publisher.Window;
        transport.Received = Take;
    }

    public LoadPublisher Publisher { get; }

    /// <summary>It plays. Any thread.</summary>
    public bool HasReceived => Volatile.Read(ref _received) > 0;

    public long ReceivedInWindow { get; private set; }

    public LatencyHistogram Latency { get; } = new();

    private void Take(ReadOnlySpan<byte> packet, Instant now)
    {
        if (!VideoSource.TryReadContent(packet, out RtpReader _, out ReadOnlySpan<byte> content) || content.Length < LoadPublisher.StampLength)
        {
            return;
        }

        Volatile.Write(ref _received, 1);
        if (_window.Holds(BinaryPrimitives.ReadUInt32BigEndian(content)))
        {
            ReceivedInWindow++;
            Latency.Add(now.Nanoseconds - BinaryPrimitives.ReadInt64BigEndian(content[4..]));
        }
    }
}
