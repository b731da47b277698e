using V100.Net;

namespace V100.Sfu.Bwe;

/// <summary>
/// Lets packets of one peer go at <see cref="RateFactor"/> times the estimate, so that a frame's packets do not stand in the path's
/// queue, and keeps what must wait, by class.
/// </summary>
/// <typeparam name="T">What stands for a waiting packet: a reference and what it needs to be written when it goes.</typeparam>
/// <remarks>
/// For each packet: <see cref="TrySendNow"/>, and where that says no <see cref="TryEnqueue"/>, and where that says no drop it. While
/// <see cref="IsBehind"/>, drop video of the lowest priority from its next frame on. At <see cref="NextDeadline"/>: <see cref="TryDequeue"/>
/// until it says no, then as long as <see cref="PaddingBytes"/> says more than 0, padding of about that size and
/// <see cref="OnPaddingSent"/>. What goes while <see cref="ActiveProbe"/> is not 0 belongs to that cluster. Audio never waits for the
/// budget, it only charges it.
/// </remarks>
public sealed class Pacer<T>
    where T : struct
{
    /// <summary>
    /// Of the estimate. More lets frames go sooner and fills queues more; at this a key frame of five times the usual size takes about three
    /// frame intervals.
    /// </summary>
    public const double RateFactor = 1.5;

    /// <summary>Packets that may wait in each class.</summary>
    public const int MaxQueueLength = 1024;

    /// <summary>How much video may wait, at the pacing rate, before the caller is to drop.</summary>
    public static readonly TimeSpan MaxVideoWait = TimeSpan.FromMilliseconds(250);

    private const int PaddingPacketBytes = 255;

    /// <summary>What waits leaves in runs, which cost a send each: a wake for each packet took half of the time that a packet takes.</summary>
    private static readonly TimeSpan _minWait = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan _probePatience = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan _paddingRetry = TimeSpan.FromMilliseconds(5);

    private readonly PacketQueue<T>[] _queues;
    private PacingBudget _budget;
    private double _rateBps;
    private ProbeCluster _probe;
    private Instant _probeAskedAt;
    private Instant _probeSince;
    private int _probeBytes;
    private int _probePackets;
    private Instant _paddingAskedAt = new(long.MinValue / 2);
    private Instant _now;

    /// <param name="estimateBps">What the path carries.</param>
    /// <param name="blocks">Shared with the other pacers of the thread; null for its own.</param>
    public Pacer(long estimateBps, PacketBlocks<T>? blocks = null)
    {
        blocks ??= new PacketBlocks<T>();
        _queues = [new(MaxQueueLength, blocks), new(MaxQueueLength, blocks), new(MaxQueueLength, blocks)];
        SetEstimate(estimateBps);
    }

    /// <summary>The cluster that what goes now is part of; 0 for none.</summary>
    public int ActiveProbe => _probe.Id;

    /// <summary>Packets that wait, of all classes.</summary>
    public int Count => _queues[0].Count + _queues[1].Count + _queues[2].Count;

    /// <summary>How long the video that waits will take.</summary>
    public TimeSpan VideoWait => TimeSpan.FromSeconds(_queues[(int)PacketClass.Video].Bytes * 8 / _rateBps);

    /// <summary>More video comes than may go: drop some, from a frame's start on.</summary>
    public bool IsBehind => VideoWait > MaxVideoWait;

    /// <summary>When something may go, or padding is wanted; never while nothing waits.</summary>
    public Instant NextDeadline
    {
        get
        {
            if (_probe.Id != 0)
            {
                // Without media or padding to fill it, a probe must not keep the caller awake.
                Instant due = ProbeDue;
                Instant retry = _paddingAskedAt + _paddingRetry;
                return Count == 0 && retry > due ? retry : due;
            }

            if (Count == 0)
            {
                return Instant.Never;
            }

            TimeSpan wait = _budget.Wait;
            return _now + (wait < _minWait ? _minWait : wait);
        }
    }

    private Instant ProbeDue => _probeSince + TimeSpan.FromSeconds(_probeBytes * 8.0 / _probe.RateBps);

    /// <summary>The pacing rate follows the estimate.</summary>
    /// <param name="estimateBps">What the path carries.</param>
    /// <param name="isFull">A queue stands on the path: what waits here goes no faster than that, or it would stand there for as long.</param>
    public void SetEstimate(long estimateBps, bool isFull = false)
    {
        _rateBps = Math.Max(1, isFull ? estimateBps : estimateBps * RateFactor);
        _budget.SetRate(_rateBps);
    }

    /// <summary>Begins a probe. It goes at the cluster's rate, with what waits first and padding for the rest.</summary>
    public void StartProbe(in ProbeCluster cluster, Instant now)
    {
        _now = now;
        _probe = cluster;
        _probeAskedAt = now;
        _probeSince = now;
        _probeBytes = 0;
        _probePackets = 0;
        _paddingAskedAt = new Instant(long.MinValue / 2);
    }

    /// <summary>Ends a probe that measures nothing any more.</summary>
    public void EndProbe() => _probe = default;

    /// <summary>Whether a packet may go at once: nothing waits that goes before it, and the budget (or a probe) allows it. If so it is charged.</summary>
    public bool TrySendNow(PacketClass kind, int bytes, Instant now)
    {
        Advance(now);
        for (int before = 0; before <= (int)kind && before < _queues.Length; before++)
        {
            if (_queues[before].Count > 0)
            {
                return false;
            }
        }

        if (kind != PacketClass.Audio && !MayGo(now))
        {
            return false;
        }

        Charge(bytes);
        return true;
    }

    /// <summary>Keeps a packet until it may go. False at the bound, and for padding.</summary>
    public bool TryEnqueue(PacketClass kind, in T item, int bytes) => kind != PacketClass.Padding && _queues[(int)kind].TryAdd(item, bytes);

    /// <summary>The next packet that may go now; it is charged.</summary>
    public bool TryDequeue(Instant now, out T item)
    {
        Advance(now);
        item = default;
        int bytes = 0;
        bool mayGo = MayGo(now);
        bool taken = _queues[(int)PacketClass.Audio].TryTake(out item, out bytes)
            || mayGo && _queues[(int)PacketClass.Retransmission].TryTake(out item, out bytes)
            || mayGo && _queues[(int)PacketClass.Video].TryTake(out item, out bytes);
        if (taken)
        {
            Charge(bytes);
        }

        return taken;
    }

    /// <summary>How much padding a probe wants now; 0 for none. Ask when <see cref="TryDequeue"/> says no.</summary>
    public int PaddingBytes(Instant now)
    {
        Advance(now);
        if (_probe.Id == 0 || Count > 0 || ProbeDue > now)
        {
            return 0;
        }

        _paddingAskedAt = now;
        return Math.Max(PaddingPacketBytes, Math.Max(_probe.Bytes - _probeBytes, 0) / Math.Max(1, _probe.Packets - _probePackets));
    }

    /// <summary>Padding went. It is charged to the probe alone: media does not wait for it.</summary>
    public void OnPaddingSent(int bytes)
    {
        _paddingAskedAt = new Instant(long.MinValue / 2);
        CountProbe(bytes);
    }

    /// <summary>Packets of one class that wait.</summary>
    public int CountOf(PacketClass kind) => _queues[(int)kind].Count;

    /// <summary>Takes the first of a class that waits, whether it may go or not: to give back what it holds.</summary>
    public bool TryRemove(PacketClass kind, out T item) => _queues[(int)kind].TryTake(out item, out _);

    private bool MayGo(Instant now) => _probe.Id != 0 ? ProbeDue <= now : _budget.MaySend;

    private void Advance(Instant now)
    {
        _now = now;
        _budget.Fill(now);
        bool isComplete = _probeBytes >= _probe.Bytes && _probePackets >= _probe.Packets;
        if (_probe.Id != 0 && (isComplete || now - _probeAskedAt > _probe.MinDuration + _probePatience))
        {
            _probe = default;
        }
    }

    private void Charge(int bytes)
    {
        _budget.Take(bytes);
        CountProbe(bytes);
    }

    private void CountProbe(int bytes)
    {
        // Its clock runs from its first packet: what it waited for that is not to be made good by a burst.
        _probeSince = _probePackets == 0 ? _now : _probeSince;
        _probeBytes += bytes;
        _probePackets++;
    }
}
