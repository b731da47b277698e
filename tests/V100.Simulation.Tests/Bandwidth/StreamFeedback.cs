using V100.Net;
using V100.Sfu.Rtcp;
using V100.Sfu.Rtp;

namespace V100.Simulation.Bandwidth;

/// <summary>A receiver's side of RFC 8888: what came of each stream since the feedback before, in reports without gaps.</summary>
internal sealed class StreamFeedback
{
    private readonly SortedDictionary<uint, Stream> _streams = [];

    public void OnPacket(Ssrc ssrc, SequenceNumber sequence, Instant now)
    {
        if (!_streams.TryGetValue(ssrc.Value, out Stream? stream))
        {
            _streams.Add(ssrc.Value, stream = new Stream());
        }

        long number = stream.Unwrapper.Unwrap(sequence).Value;
        stream.Next = stream.Next == 0 ? number : stream.Next;
        stream.Arrivals[number] = now;
    }

    /// <summary>One feedback packet; empty when nothing came.</summary>
    public byte[] Write(Instant now)
    {
        uint stamp = (uint)(now.Nanoseconds / 1000 * 65_536 / 1_000_000);
        List<CongestionControlFeedback.Report> reports = [];
        foreach ((uint ssrc, Stream stream) in _streams)
        {
            for (; stream.Arrivals.Count > 0 && stream.Next <= stream.Unwrapper.Newest.Value; stream.Next++)
            {
                bool came = stream.Arrivals.Remove(stream.Next, out Instant at);
                int offset = came ? (int)((now - at).TotalSeconds * 1024) : 0;
                reports.Add(new(new Ssrc(ssrc), new ExtendedSequence(stream.Next).Wire, came, 0, offset));
            }
        }

        if (reports.Count == 0)
        {
            return [];
        }

        var writer = new SpanWriter(new byte[4_000]);
        Assert.True(CongestionControlFeedback.Write(ref writer, new Ssrc(1), stamp, reports.ToArray()));
        return writer.Written.ToArray();
    }

    private sealed class Stream
    {
        public SequenceUnwrapper Unwrapper;
        public long Next;
        public Dictionary<long, Instant> Arrivals { get; } = [];
    }
}
