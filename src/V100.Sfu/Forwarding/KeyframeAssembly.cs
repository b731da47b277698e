using V100.Net;
using V100.Sfu.Rtp;

namespace V100.Sfu.Forwarding;

/// <summary>
/// Watches the packets of one encoding for its newest key frame, and knows when every packet of it is there, in whatever order they came.
/// One for each encoding of a track on a shard; every subscription's <see cref="LayerSelector"/> asks it.
/// </summary>
/// <remarks>A key frame has at most <see cref="WindowLength"/> packets; a longer one is never complete. Nothing allocates.</remarks>
public sealed class KeyframeAssembly
{
    public const int WindowLength = 1024;
    private const int WordCount = WindowLength / 64;

    // One bit for each of the newest packets: is it there, does it end a picture?
    private readonly ulong[] _received = new ulong[WordCount];
    private readonly ulong[] _ends = new ulong[WordCount];
    private long _newest = -1;
    private long _first = -1;

    // All from the first to the one before this are there, and none of them ends the picture.
    private long _missing;
    private uint _timestamp;

    /// <summary>Every packet of the newest key frame is there.</summary>
    public bool IsComplete { get; private set; }

    /// <summary>When the newest key frame became complete.</summary>
    public Instant CompletedAt { get; private set; }

    /// <summary>The first packet of the newest key frame; meaningful once one began.</summary>
    public ExtendedSequence First => new(_first);

    public bool HasBegun => _first >= 0;

    /// <summary>Another source: its numbers are others.</summary>
    public void Clear()
    {
        _received.AsSpan().Clear();
        _ends.AsSpan().Clear();
        _newest = _first = -1;
        IsComplete = false;
    }

    /// <summary>One packet of the encoding, in the order of arrival; padding alone has default layers.</summary>
    public void OnPacket(ExtendedSequence sequence, in PacketLayers layers, Instant now)
    {
        long value = sequence.Value;
        if (_newest >= 0 && _newest - value >= WindowLength)
        {
            return;
        }

        Advance(value);
        Set(_received, value);
        if (layers.EndsPicture || layers.EndsFrame && layers.SpatialLayer == layers.TopSpatialLayer)
        {
            Set(_ends, value);
        }

        // Of a picture that begins with parameters of its own, the slice behind them looks like a beginning as well.
        if (layers.StartsKeyframe && (_first < 0 || (layers.Timestamp == _timestamp ? value < _first : value > _first)))
        {
            _first = _missing = value;
            _timestamp = layers.Timestamp;
            IsComplete = false;
        }

        if (_first >= 0 && !IsComplete && value >= _missing)
        {
            Follow(now);
        }
    }

    private void Follow(Instant now)
    {
        for (; _missing <= _newest && _newest - _missing < WindowLength && IsSet(_received, _missing); _missing++)
        {
            if (IsSet(_ends, _missing))
            {
                IsComplete = true;
                CompletedAt = now;
                return;
            }
        }
    }

    private void Advance(long value)
    {
        if (_newest < 0 || value - _newest >= WindowLength)
        {
            _received.AsSpan().Clear();
            _ends.AsSpan().Clear();
            _newest = value;
        }

        while (_newest < value)
        {
            _newest++;
            Clear(_received, _newest);
            Clear(_ends, _newest);
        }
    }

    private static bool IsSet(ulong[] bits, long sequence) => (bits[WordOf(sequence)] >> (int)(sequence & 63) & 1) != 0;

    private static void Set(ulong[] bits, long sequence) => bits[WordOf(sequence)] |= 1UL << (int)(sequence & 63);

    private static void Clear(ulong[] bits, long sequence) => bits[WordOf(sequence)] &= ~(1UL << (int)(sequence & 63));

    private static int WordOf(long sequence) => (int)(sequence >> 6) & (WordCount - 1);
}
