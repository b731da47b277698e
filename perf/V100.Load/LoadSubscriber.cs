using System.Buffers.Binary;
using V100.Client;
using V100.Net;
using V100.Sfu.Sdp;

namespace V100.Load;

/// <summary>A subscriber that counts what it gets, and tells the server of it as a browser does where it is asked to.</summary>
internal sealed class LoadSubscriber : DrivenClient
{
    private readonly MeasuredWindow _window;
    private readonly ReceiverFeedback _feedback;
    private readonly bool _reports;
    private readonly double _lossChance;
    private readonly Random _random;
    private readonly Instant _joinedAt;
    private long _received;
    private Instant _connectedAt = Instant.Never;
    private Instant _playedAt = Instant.Never;

    /// <param name="transport">Not yet connected.</param>
    /// <param name="options">Whether it reports on what it gets, and how much of it it drops unseen.</param>
    /// <param name="window">What counts.</param>
    /// <param name="joinsAt">When its offer goes to the server.</param>
    /// <param name="random">When it reports, and what it drops.</param>
    public LoadSubscriber(WebRtcClient transport, PublishAndPlayOptions options, MeasuredWindow window, Instant joinsAt, Random random)
        : base(transport)
    {
        _window = window;
        _reports = options.HasFeedback;
        _lossChance = options.LossPercent / 100.0;
        _random = random;
        _joinedAt = joinsAt;
        _feedback = new ReceiverFeedback(transport, random);
        transport.Received = Take;
        transport.Reported = _feedback.HandlePart;
    }

    /// <summary>Up to now. Any thread.</summary>
    public long Received => Volatile.Read(ref _received);

    public long ReceivedInWindow { get; private set; }

    /// <summary>Of these, those that came as retransmissions.</summary>
    public long RepairedInWindow { get; private set; }

    public long Nacks => _feedback.Nacks;

    public long KeyframeRequests => _feedback.KeyframeRequests;

    public LatencyHistogram Latency { get; } = new();

    /// <summary>From its offer to its keys.</summary>
    public TimeSpan ConnectTime => _connectedAt - _joinedAt;

    /// <summary>From its offer to its first packet.</summary>
    public TimeSpan PlayTime => _playedAt - _joinedAt;

    public override Instant NextReport => _reports ? _feedback.NextDeadline : Instant.Never;

    public override void HandleReport(Instant now) => _feedback.HandleDeadline(now);

    public override void OnConnected(Instant now) => _connectedAt = now;

    private void Take(ReadOnlySpan<byte> packet, Instant now)
    {
        if (_lossChance > 0 && _random.NextDouble() < _lossChance)
        {
            return;
        }

        PacketWay way = _feedback.Take(packet, now, out MediaKind kind, out ReadOnlySpan<byte> content);
        if (way == PacketWay.None || (kind == MediaKind.Video && !VideoSource.TryReadContent(content, out content)) || content.Length < LoadPublisher.StampLength)
        {
            return;
        }

        if (_received == 0)
        {
            _playedAt = now;
        }

        Volatile.Write(ref _received, _received + 1);
        var stamp = new Instant(BinaryPrimitives.ReadInt64BigEndian(content));
        if (_window.Holds(stamp))
        {
            ReceivedInWindow++;
            RepairedInWindow += way == PacketWay.Repaired ? 1 : 0;
            Latency.Add((now - stamp).Ticks * 100);
        }
    }
}
