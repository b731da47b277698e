using V100.Sfu.Sdp;

namespace V100.Sfu.Forwarding;

/// <summary>
/// What a track's receiving shard knows of it, for reports. One shard writes, anyone reads; every field is a single
/// word, so a reader sees each whole, if not all of the same moment. Counters grow for the life of the track.
/// </summary>
/// <param name="encodings">What is known of each encoding, of which this sums up some.</param>
public sealed class TrackFigures(EncodingFigures[] encodings)
{
    private long _packets;
    private long _bytes;
    private long _nacks;
    private long _keyframes;
    private long _keyframeRequests;
    private int _codec = -1;

    public long Packets { get => Volatile.Read(ref _packets); internal set => Volatile.Write(ref _packets, value); }

    /// <summary>Bytes of RTP as received, without SRTP's own.</summary>
    public long Bytes { get => Volatile.Read(ref _bytes); internal set => Volatile.Write(ref _bytes, value); }

    /// <summary>Packets that never came, retransmissions counted as come (RFC 3550, 6.4.1).</summary>
    public long Lost => Sum(static encoding => encoding.Lost);

    /// <summary>Packets asked for again.</summary>
    public long Nacks { get => Volatile.Read(ref _nacks); internal set => Volatile.Write(ref _nacks, value); }
    public long Keyframes { get => Volatile.Read(ref _keyframes); internal set => Volatile.Write(ref _keyframes, value); }
    public long KeyframeRequests { get => Volatile.Read(ref _keyframeRequests); internal set => Volatile.Write(ref _keyframeRequests, value); }

    /// <summary>Over about the last second.</summary>
    public long BitrateBps => Sum(static encoding => encoding.BitrateBps);

    /// <summary>0 to 1, over about the last second, of the encoding that fares worst.</summary>
    public double FractionLost
    {
        get
        {
            double worst = 0;
            foreach (EncodingFigures encoding in encodings)
            {
                worst = Math.Max(worst, encoding.FractionLost);
            }

            return worst;
        }
    }

    /// <summary>Of the encoding that fares worst.</summary>
    public long JitterMicroseconds
    {
        get
        {
            long worst = 0;
            foreach (EncodingFigures encoding in encodings)
            {
                worst = Math.Max(worst, encoding.JitterMicroseconds);
            }

            return worst;
        }
    }

    /// <summary>The codec of the last packet; null before the first.</summary>
    public CodecKind? Codec
    {
        get
        {
            int value = Volatile.Read(ref _codec);
            return value < 0 ? null : (CodecKind)value;
        }
        internal set => Volatile.Write(ref _codec, value is { } codec ? (int)codec : -1);
    }

    private long Sum(Func<EncodingFigures, long> figure)
    {
        long sum = 0;
        foreach (EncodingFigures encoding in encodings)
        {
            sum += figure(encoding);
        }

        return sum;
    }
}
