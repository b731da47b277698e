using V100.Net;

namespace V100.Sfu.Bwe;

/// <summary>
/// A frame's packets leave faster than the estimate, so each frame probes the path a little: where frame after frame arrives as fast as it
/// was sent, more fits than is known, and a real probe is worth its cost.
/// </summary>
internal sealed class PacketTrain
{
    private const int MaxPackets = 10;
    private const int MinTrains = 12;
    private const double SpareFactor = 1.25;

    private static readonly TimeSpan _gap = TimeSpan.FromMilliseconds(8);
    private static readonly TimeSpan _memory = TimeSpan.FromSeconds(2);

    private Instant _lastSentAt;
    private long _firstArrivalUs;
    private long _lastArrivalUs;
    private int _packets;
    private long _bytes;
    private int _spare;
    private Instant _toldAt = new(long.MinValue / 2);

    /// <summary>Several trains in a row came well above the estimate.</summary>
    public bool HasSpare => _spare >= MinTrains;

    /// <summary>Frames of more than one packet come, so that trains can tell.</summary>
    public bool IsTelling(Instant now) => now - _toldAt < _memory;

    public void OnPacket(Instant sentAt, long arrivalUs, int bytes, long estimateBps)
    {
        if (_packets > 0 && (sentAt - _lastSentAt > _gap || sentAt < _lastSentAt || _packets == MaxPackets))
        {
            End(estimateBps);
        }

        if (_packets == 0)
        {
            _firstArrivalUs = arrivalUs;
            _bytes = 0;
        }
        else
        {
            _bytes += bytes;
        }

        _lastSentAt = sentAt;
        _lastArrivalUs = arrivalUs;
        _packets++;
    }

    public void Reset()
    {
        _packets = 0;
        _spare = 0;
    }

    private void End(long estimateBps)
    {
        // One packet alone has no rate: it neither speaks for spare capacity nor against it.
        if (_packets > 1)
        {
            double seconds = Math.Max(_lastArrivalUs - _firstArrivalUs, 1) / 1e6;
            _toldAt = _lastSentAt;
            _spare = _bytes * 8 / seconds >= SpareFactor * estimateBps ? _spare + 1 : 0;
        }

        _packets = 0;
    }
}
