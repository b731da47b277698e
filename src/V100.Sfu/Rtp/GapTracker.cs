using V100.Net;
using V100.Sfu.Rtcp;

namespace V100.Sfu.Rtp;

/// <summary>How a packet came, in the order of its source.</summary>
public enum PacketArrival
{
    /// <summary>Newer than all before it, perhaps behind a gap.</summary>
    InOrder,

    /// <summary>It closes a gap: late, or retransmitted.</summary>
    Recovered,

    /// <summary>Older than the newest and not missed: a duplicate, or one that was given up.</summary>
    Unexpected,
}

/// <summary>How patient a <see cref="GapTracker"/> is.</summary>
/// <param name="Capacity">The most packets that are missed at a time.</param>
/// <param name="ReorderTolerance">How long a gap may be mere reordering.</param>
/// <param name="MaxAge">How long a packet is of use.</param>
/// <param name="MaxRequests">How often one packet is asked for.</param>
public readonly record struct GapLimits(int Capacity, TimeSpan ReorderTolerance, TimeSpan MaxAge, int MaxRequests)
{
    public static GapLimits Video { get; } = new(256, TimeSpan.FromMilliseconds(10), TimeSpan.FromSeconds(1), 10);

    /// <summary>What comes later than a jitter buffer waits is of no use.</summary>
    public static GapLimits Audio { get; } = new(32, TimeSpan.FromMilliseconds(10), TimeSpan.FromMilliseconds(400), 4);
}

/// <summary>
/// Knows which packets of one published source are missing and asks for them (RFC 4585, 6.2.1). Every packet counts that has the source's
/// numbers, whether it came itself or restored from a retransmission, so a gap is noticed even when only retransmissions come.
/// </summary>
/// <remarks>
/// Call <see cref="OnPacket"/> for each packet; at <see cref="NextDeadline"/> call <see cref="WriteNacks"/>; then look at
/// <see cref="TryTakeKeyframeNeed"/>. A gap that does not fit the capacity, and a packet that was asked for too often or too long, is given
/// up; in video only a key frame then helps. Nothing allocates.
///
/// How long an answer takes it learns from the answers, and asks for one packet at growing distances: a publisher far away is neither asked
/// ten times for each packet nor given up before it can have answered.
/// </remarks>
public sealed class GapTracker(GapLimits limits)
{
    /// <summary>The shortest time between two requests for one packet.</summary>
    private static readonly TimeSpan MinRetryInterval = TimeSpan.FromMilliseconds(20);

    private const int MaxAmbiguousAnswers = 3;

    // In the order of the sequence.
    private readonly Missing[] _missing = new Missing[limits.Capacity];
    private long _oldest = -1;
    private long _newest = -1;
    private TimeSpan _responseTime;
    private int _ambiguousAnswers;
    private bool _needsKeyframe;

    private struct Missing
    {
        public long Sequence;
        public Instant NoticedAt;
        public Instant FirstRequestAt;
        public Instant NextRequestAt;
        public int Requests;
    }

    /// <summary>Packets missed now.</summary>
    public int Count { get; private set; }

    /// <summary>Packets given up since the start.</summary>
    public long AbandonedCount { get; private set; }

    /// <summary>Packets that came after all, since the start.</summary>
    public long RecoveredCount { get; private set; }

    /// <summary>When to call <see cref="WriteNacks"/>: something is due, or was given up just now.</summary>
    public Instant NextDeadline { get; private set; } = Instant.Never;

    public PacketArrival OnPacket(ExtendedSequence sequence, Instant now)
    {
        long value = sequence.Value;
        if (_newest < 0)
        {
            _oldest = _newest = value;
            return PacketArrival.InOrder;
        }

        if (value == _newest + 1)
        {
            _newest = value;
            return PacketArrival.InOrder;
        }

        if (value > _newest)
        {
            AddGap(_newest + 1, value, now);
            _newest = value;
            return PacketArrival.InOrder;
        }

        if (value < _oldest && _oldest - value <= _missing.Length - Count)
        {
            // The first that came was not the first that was sent; a keyframe begins with that one.
            PrependGap(value + 1, _oldest, now);
            _oldest = value;
            RecoveredCount++;
            return PacketArrival.Recovered;
        }

        int index = Find(value);
        if (index < 0)
        {
            return PacketArrival.Unexpected;
        }

        LearnResponseTime(in _missing[index], now);
        Remove(index, 1);
        RecoveredCount++;
        return PacketArrival.Recovered;
    }

    /// <summary>Whether the packet is missed now.</summary>
    public bool IsMissing(ExtendedSequence sequence) => Find(sequence.Value) >= 0;

    /// <summary>Stops asking for what is older: a key frame began here.</summary>
    public void DiscardBefore(ExtendedSequence sequence)
    {
        int count = Find(sequence.Value);
        Remove(0, count < 0 ? ~count : count);
        _needsKeyframe = false;
    }

    /// <summary>True once after packets were given up.</summary>
    public bool TryTakeKeyframeNeed()
    {
        bool needed = _needsKeyframe;
        _needsKeyframe = false;
        return needed;
    }

    /// <summary>Gives up what is too old, and writes one NACK packet for what is due.</summary>
    /// <param name="writer">Where the packet goes; what does not fit stays due.</param>
    /// <param name="sender">The SSRC that V100 reports with.</param>
    /// <param name="media">This source.</param>
    /// <param name="now">The present.</param>
    /// <param name="roundTrip">To the publisher; zero while unknown.</param>
    /// <returns>How many packets are asked for; 0 when nothing was written.</returns>
    public int WriteNacks(ref SpanWriter writer, Ssrc sender, Ssrc media, Instant now, TimeSpan roundTrip)
    {
        if (now < NextDeadline)
        {
            return 0;
        }

        AbandonOverdue(now);
        Span<SequenceNumber> due = stackalloc SequenceNumber[limits.Capacity];
        int dueCount = 0;
        for (int index = 0; index < Count; index++)
        {
            if (_missing[index].NextRequestAt <= now)
            {
                due[dueCount++] = new ExtendedSequence(_missing[index].Sequence).Wire;
            }
        }

        int written = GenericNack.Write(ref writer, sender, media, due[..dueCount]);
        TimeSpan interval = RetryInterval(roundTrip);
        int left = written;
        NextDeadline = Instant.Never;
        for (int index = 0; index < Count; index++)
        {
            ref Missing missing = ref _missing[index];
            if (left > 0 && missing.NextRequestAt <= now)
            {
                missing.FirstRequestAt = missing.Requests == 0 ? now : missing.FirstRequestAt;
                missing.NextRequestAt = now + interval * (1 + missing.Requests / 2.0);
                missing.Requests++;
                left--;
            }

            NextDeadline = Instant.Earlier(NextDeadline, missing.NextRequestAt);
        }

        return written;
    }

    /// <summary>A little more than an answer takes, as far as that is known.</summary>
    private TimeSpan RetryInterval(TimeSpan roundTrip)
    {
        TimeSpan expected = _responseTime > TimeSpan.Zero ? _responseTime * 1.25 : roundTrip;
        return expected > MinRetryInterval ? expected : MinRetryInterval;
    }

    /// <summary>
    /// What was asked for once has an answer that belongs to the question. Which request was answered of several, nobody knows; when that
    /// goes on, the way has become longer than the distances between them, and it was the first.
    /// </summary>
    private void LearnResponseTime(ref readonly Missing missing, Instant now)
    {
        if (missing.Requests == 0)
        {
            return;
        }

        _ambiguousAnswers = missing.Requests == 1 ? 0 : _ambiguousAnswers + 1;
        TimeSpan measured = now - missing.FirstRequestAt;
        if (_responseTime == TimeSpan.Zero)
        {
            _responseTime = measured;
        }
        else if (_ambiguousAnswers is 0 or > MaxAmbiguousAnswers)
        {
            _responseTime += (measured - _responseTime) / 8;
        }
    }

    private void PrependGap(long first, long end, Instant now)
    {
        int count = (int)(end - first);
        Array.Copy(_missing, 0, _missing, count, Count);
        Instant requestAt = now + limits.ReorderTolerance;
        for (int index = 0; index < count; index++)
        {
            _missing[index] = new Missing { Sequence = first + index, NoticedAt = now, NextRequestAt = requestAt };
        }

        Count += count;
        NextDeadline = count > 0 ? Instant.Earlier(NextDeadline, requestAt) : NextDeadline;
    }

    private void AddGap(long first, long end, Instant now)
    {
        if (end - first > _missing.Length - Count)
        {
            AbandonedCount += end - first + Count;
            Remove(0, Count);
            _needsKeyframe = true;
            NextDeadline = now;
            return;
        }

        Instant requestAt = now + limits.ReorderTolerance;
        for (long sequence = first; sequence < end; sequence++)
        {
            _missing[Count++] = new Missing { Sequence = sequence, NoticedAt = now, NextRequestAt = requestAt };
        }

        NextDeadline = Instant.Earlier(NextDeadline, requestAt);
    }

    private void AbandonOverdue(Instant now)
    {
        int kept = 0;
        for (int index = 0; index < Count; index++)
        {
            ref readonly Missing missing = ref _missing[index];
            bool exhausted = missing.Requests >= limits.MaxRequests && missing.NextRequestAt <= now;
            if (!exhausted && now - missing.NoticedAt <= limits.MaxAge)
            {
                _missing[kept++] = missing;
            }
        }

        AbandonedCount += Count - kept;
        _needsKeyframe |= kept < Count;
        Count = kept;
    }

    private int Find(long sequence)
    {
        int low = 0;
        int high = Count - 1;
        while (low <= high)
        {
            int middle = (low + high) >>> 1;
            long value = _missing[middle].Sequence;
            if (value == sequence)
            {
                return middle;
            }

            if (value < sequence)
            {
                low = middle + 1;
            }
            else
            {
                high = middle - 1;
            }
        }

        return ~low;
    }

    private void Remove(int index, int count)
    {
        Array.Copy(_missing, index + count, _missing, index, Count - index - count);
        Count -= count;
        if (Count == 0)
        {
            NextDeadline = Instant.Never;
        }
    }
}
