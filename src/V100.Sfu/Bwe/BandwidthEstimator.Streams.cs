using V100.Net;
using V100.Sfu.Rtcp;
using V100.Sfu.Rtp;

namespace V100.Sfu.Bwe;

/// <summary>What receivers say that name packets by stream (RFC 8888).</summary>
public sealed partial class BandwidthEstimator
{
    /// <summary>More packets than this in one feedback are not looked at: a datagram holds fewer.</summary>
    private const int MaxStreamReports = 1024;
    private const long NotReceived = long.MinValue;
    private const long NoTime = long.MaxValue;
    private const long MicrosecondsPerSecond = 1_000_000;

    private TransmissionIndex? _index;
    private long _stamp;
    private bool _hasStamp;

    /// <summary>Remembers a packet that is written to the network now, for a peer whose feedback names it by its stream.</summary>
    /// <param name="transportSequence">One more than the last.</param>
    /// <param name="bytes">Of the whole packet as the path carries it.</param>
    /// <param name="now">The time.</param>
    /// <param name="probeCluster">0, or the id of the cluster that it is part of.</param>
    /// <param name="ssrc">Of the packet's header.</param>
    /// <param name="sequence">Of the packet's header.</param>
    public void OnPacketSent(SequenceNumber transportSequence, int bytes, Instant now, int probeCluster, Ssrc ssrc, SequenceNumber sequence)
    {
        OnPacketSent(transportSequence, bytes, now, probeCluster);
        if (_history.Knows(_history.Newest) && transportSequence == new ExtendedSequence(_history.Newest).Wire)
        {
            _index ??= new TransmissionIndex();
            _index.Add(ssrc, sequence, _history.Newest, _history.Length);
        }
    }

    /// <summary>
    /// Takes congestion control feedback, of packets that were told of with their stream. The receiver's clock, its wraps and its steps do not
    /// matter.
    /// </summary>
    public void HandleFeedback(in CongestionControlFeedback feedback, Instant now)
    {
        Span<long> sequences = stackalloc long[MaxStreamReports];
        Span<long> arrivalsUs = stackalloc long[MaxStreamReports];
        int count = Collect(feedback, sequences, arrivalsUs, out bool gap);
        if (count == 0)
        {
            _feedbackRefused++;
            return;
        }

        // Streams come one after another; delays are to be looked at in the order of sending.
        sequences = sequences[..count];
        arrivalsUs = arrivalsUs[..count];
        sequences.Sort(arrivalsUs);
        _feedbackLost += gap ? 1 : 0;
        BeginArrivals();
        for (int index = 0; index < count; index++)
        {
            ref Transmission packet = ref _history[sequences[index]];
            switch (arrivalsUs[index])
            {
                case NotReceived:
                    OnMissing(ref packet);
                    break;
                case NoTime when packet.Fate != TransmissionFate.Received:
                    packet.Fate = TransmissionFate.Presumed;
                    break;
                case NoTime:
                    break;
                default:
                    PresumeBefore(gap ? sequences[0] : _toldUntil, arrivalsUs[index], now);
                    OnArrived(ref packet, arrivalsUs[index], now);
                    break;
            }
        }

        _toldUntil = Math.Max(_toldUntil, sequences[^1] + 1);
        FinishArrivals(now);
    }

    // Those of the feedback's packets that are known. A block that does not go on where an earlier one ended tells of a lost feedback.
    private int Collect(in CongestionControlFeedback feedback, Span<long> sequences, Span<long> arrivalsUs, out bool gap)
    {
        gap = false;
        int count = 0;
        if (_index is null)
        {
            return 0;
        }

        _stamp = _hasStamp ? _stamp + (int)(feedback.Timestamp - (uint)_stamp) : feedback.Timestamp;
        _hasStamp = true;
        long stampUs = _stamp * MicrosecondsPerSecond >> 16;
        (Ssrc Ssrc, SequenceNumber Sequence)? expected = null;
        foreach (CongestionControlFeedback.Report report in feedback)
        {
            if (expected != (report.Ssrc, report.Sequence))
            {
                gap |= _index.TryFind(report.Ssrc, report.Sequence + -1, out long before)
                    && _history.Knows(before)
                    && _history[before].Fate == TransmissionFate.Unknown;
            }

            expected = (report.Ssrc, report.Sequence.Next);
            if (count == MaxStreamReports || !_index.TryFind(report.Ssrc, report.Sequence, out long sequence) || !_history.Knows(sequence))
            {
                continue;
            }

            sequences[count] = sequence;
            arrivalsUs[count] = report.HasTime ? stampUs - report.Offset * MicrosecondsPerSecond / 1024 : report.IsReceived ? NoTime : NotReceived;
            count++;
        }

        return count;
    }
}
