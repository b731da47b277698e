using V100.Net;

namespace V100.Sfu.Bwe;

/// <summary>
/// Puts packets that were sent within 5 ms into one group, and says how delays change from group to group (draft-ietf-rmcat-gcc-02, 5.2).
/// What arrives in one burst, though sent apart, is one group too: a radio link that held packets back shows no queue by letting them go.
/// </summary>
internal sealed class InterGroupDelay
{
    private const long BurstGapUs = 5_000;
    private const long MaxBurstUs = 100_000;
    private const double MaxStepMs = 3_000;
    private const int MaxReordered = 3;

    private static readonly TimeSpan _groupLength = TimeSpan.FromMilliseconds(5);

    private Group _previous;
    private Group _current;
    private int _reordered;

    /// <summary>Takes a packet that arrived, in the order of sending. True when it completes a step between two groups.</summary>
    public bool OnPacket(Instant sentAt, long arrivalUs, out GroupDelta delta)
    {
        delta = default;
        if (!_current.HasPackets)
        {
            _current = new Group(sentAt, arrivalUs);
            return false;
        }

        if (sentAt < _current.FirstSentAt)
        {
            return false;
        }

        if (!BeginsGroup(sentAt, arrivalUs))
        {
            _current.LastSentAt = sentAt > _current.LastSentAt ? sentAt : _current.LastSentAt;
            _current.LastArrivalUs = Math.Max(_current.LastArrivalUs, arrivalUs);
            return false;
        }

        bool completes = _previous.HasPackets && TryStep(out delta);
        _previous = _current;
        _current = new Group(sentAt, arrivalUs);
        return completes;
    }

    public void Reset()
    {
        _previous = default;
        _current = default;
        _reordered = 0;
    }

    private bool TryStep(out GroupDelta delta)
    {
        double sendMs = (_current.LastSentAt - _previous.LastSentAt).TotalMilliseconds;
        double arrivalMs = (_current.LastArrivalUs - _previous.LastArrivalUs) / 1000.0;
        delta = new GroupDelta(sendMs, arrivalMs, _current.LastArrivalUs);
        if (Math.Abs(delta.DelayMs) > MaxStepMs)
        {
            // The receiver's clock was set, or the path is another: what came before is nothing to compare with.
            Reset();
            return false;
        }

        if (arrivalMs < 0)
        {
            // A group that overtook another says nothing of queues, unless it goes on: then the clock went back.
            _reordered++;
            if (_reordered >= MaxReordered)
            {
                Reset();
            }

            return false;
        }

        _reordered = 0;
        return true;
    }

    private bool BeginsGroup(Instant sentAt, long arrivalUs)
    {
        double sentUs = (sentAt - _current.LastSentAt).TotalMicroseconds;
        long arrivedUs = arrivalUs - _current.LastArrivalUs;
        bool isBurst = sentUs > 0 && arrivedUs <= BurstGapUs && arrivedUs < sentUs && arrivalUs - _current.FirstArrivalUs < MaxBurstUs;
        return !isBurst && sentAt - _current.FirstSentAt > _groupLength;
    }

    private struct Group(Instant sentAt, long arrivalUs)
    {
        public readonly bool HasPackets = true;
        public readonly Instant FirstSentAt = sentAt;
        public readonly long FirstArrivalUs = arrivalUs;
        public Instant LastSentAt = sentAt;
        public long LastArrivalUs = arrivalUs;
    }
}
