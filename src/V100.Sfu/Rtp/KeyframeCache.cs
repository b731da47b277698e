using V100.Net;

namespace V100.Sfu.Rtp;

/// <summary>
/// The last keyframe of one encoding that came whole, and what followed it, held by reference on the publisher's shard: what a subscriber
/// that joins begins with, without asking the publisher for a keyframe.
/// </summary>
/// <remarks>
/// Call <see cref="Add"/> for each new packet in the order of arrival; late ones find their place. A new keyframe takes over when all of
/// it is there; until then the one before stays. At a bound (<see cref="MaxBytes"/>, <see cref="MaxPackets"/>, <see cref="MaxAge"/>) what
/// follows the keyframe goes and the keyframe alone stays: a still picture (<see cref="IsStill"/>) until a fresh one comes.
/// <see cref="Clear"/> at the end, or the references leak.
/// </remarks>
public sealed class KeyframeCache
{
    /// <summary>What a subscriber has to catch up with, at most: a second of a path of 2 Mbit/s.</summary>
    public const int MaxBytes = 256 * 1024;
    public const int MaxPackets = 512;

    /// <summary>How far behind the present a subscriber may begin.</summary>
    public static readonly TimeSpan MaxAge = TimeSpan.FromSeconds(3);

    private const long None = long.MinValue;

    // From a keyframe's first packet to the newest, by number; a later keyframe that is not whole yet lies among them.
    private PacketBuffer?[] _ring = [];
    private long _first = None;
    private long _keyframeLast = None;
    private Instant _startedAt;
    private long _next = None;
    private Instant _nextStartedAt;
    private long _newest = None;
    private long _bytes;

    // A keyframe whose followers were too many.
    private PacketBuffer[] _still = [];
    private int _stillCount;
    private long _stillFirst;

    /// <summary>A whole keyframe is there.</summary>
    public bool HasKeyframe => _keyframeLast != None || IsStill;

    /// <summary>What followed the keyframe is gone: it shows how things looked, and only a fresh one leads to the present.</summary>
    public bool IsStill => _keyframeLast == None && _stillCount > 0;

    /// <summary>The packets to begin with: the keyframe's first, to the newest or, of a still picture, the keyframe's last.</summary>
    public (ExtendedSequence First, ExtendedSequence Last) Range => IsStill
        ? (new ExtendedSequence(_stillFirst), new ExtendedSequence(_stillFirst + _stillCount - 1))
        : (new ExtendedSequence(_first), new ExtendedSequence(_newest));

    /// <summary>A packet of <see cref="Range"/>; false for one that has not come.</summary>
    public bool TryGet(ExtendedSequence sequence, out PacketBuffer buffer)
    {
        buffer = IsStill ? _still[sequence.Value - _stillFirst] : Slot(sequence.Value)!;
        return buffer is not null;
    }

    /// <summary>Takes a reference of its own to what may be needed.</summary>
    /// <param name="sequence">By the encoding's own numbers.</param>
    /// <param name="packet">RTP as decrypted.</param>
    /// <param name="startsKeyframe">The first packet of a keyframe.</param>
    /// <param name="now">When it came.</param>
    public void Add(ExtendedSequence sequence, PacketBuffer packet, bool startsKeyframe, Instant now)
    {
        if (startsKeyframe)
        {
            if (_ring.Length == 0)
            {
                _ring = new PacketBuffer?[MaxPackets];
                _still = new PacketBuffer[MaxPackets];
            }

            Start(sequence.Value, now);
        }

        if (_first == None || sequence.Value < _first)
        {
            return;
        }

        if (!TryHold(sequence.Value, packet) || now - _startedAt > MaxAge)
        {
            Overflow();
            return;
        }

        if (_keyframeLast == None)
        {
            _keyframeLast = FindEnd(_first);
            ReleaseStill(_keyframeLast != None);
        }
        else if (_next != None && FindEnd(_next) is var last && last != None)
        {
            TakeOver(last);
        }
    }

    /// <summary>Gives everything back; the next packet may have any number.</summary>
    public void Clear()
    {
        ClearRing();
        ReleaseStill(true);
    }

    private ref PacketBuffer? Slot(long sequence) => ref _ring[sequence & (_ring.Length - 1)];

    private void Start(long first, Instant now)
    {
        if (_keyframeLast == None)
        {
            if (first > _first)
            {
                ClearRing(); // The one before never came whole.
                _first = first;
                _startedAt = now;
            }
        }
        else if (first > _first && first > _next)
        {
            _next = first;
            _nextStartedAt = now;
        }
    }

    private bool TryHold(long sequence, PacketBuffer packet)
    {
        long span = Math.Max(sequence, _newest) - _first + 1;
        if (span > MaxPackets || _bytes + packet.Length > MaxBytes)
        {
            return false;
        }

        ref PacketBuffer? slot = ref Slot(sequence);
        if (slot is null)
        {
            packet.AddReferences(1);
            slot = packet;
            _bytes += packet.Length;
        }

        _newest = Math.Max(_newest, sequence);
        return true;
    }

    /// <summary>The last packet of the frame that begins there, where all of it is held.</summary>
    private long FindEnd(long first)
    {
        for (long sequence = first; sequence <= _newest; sequence++)
        {
            if (Slot(sequence) is not { } buffer || !RtpReader.TryParseHeader(buffer.Bytes, out RtpReader rtp))
            {
                return None;
            }

            if (rtp.Marker)
            {
                return sequence;
            }
        }

        return None;
    }

    private void TakeOver(long last)
    {
        ReleaseRange(_first, _next - 1);
        _first = _next;
        _keyframeLast = last;
        _startedAt = _nextStartedAt;
        _next = None;
    }

    /// <summary>At a bound: the whole keyframe becomes the still picture, and nothing more is taken until the next one begins.</summary>
    private void Overflow()
    {
        if (_keyframeLast != None)
        {
            ReleaseStill(true);
            _stillFirst = _first;
            _stillCount = (int)(_keyframeLast - _first + 1);
            for (int index = 0; index < _stillCount; index++)
            {
                ref PacketBuffer? slot = ref Slot(_first + index);
                _still[index] = slot!;
                _bytes -= slot!.Length;
                slot = null;
            }
        }

        ClearRing();
    }

    private void ClearRing()
    {
        ReleaseRange(_first, _newest);
        _first = _keyframeLast = _next = _newest = None;
    }

    private void ReleaseRange(long first, long last)
    {
        for (long sequence = first; sequence <= last && first != None; sequence++)
        {
            ref PacketBuffer? slot = ref Slot(sequence);
            if (slot is not null)
            {
                _bytes -= slot.Length;
                slot.Release();
                slot = null;
            }
        }
    }

    private void ReleaseStill(bool isOutdated)
    {
        for (; isOutdated && _stillCount > 0; _stillCount--)
        {
            _still[_stillCount - 1].Release();
            _still[_stillCount - 1] = null!;
        }
    }
}
