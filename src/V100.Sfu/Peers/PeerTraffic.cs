namespace V100.Sfu.Peers;

/// <summary>
/// What went over a peer's transport so far, in bytes of UDP payload (over TCP: without the framing) of its RTP and RTCP packets as they are on the wire,
/// retransmissions and padding with them; ICE and DTLS are not counted. The owning shard writes, single words each; any thread reads them.
/// </summary>
public sealed class PeerTraffic
{
    private long _receivedBytes;
    private long _sentBytes;

    /// <summary>Of packets that proved to be the client's, each once: what is forged or replayed is not counted.</summary>
    public long ReceivedBytes => Volatile.Read(ref _receivedBytes);

    public long SentBytes => Volatile.Read(ref _sentBytes);

    internal void CountReceived(int bytes) => Volatile.Write(ref _receivedBytes, _receivedBytes + bytes);

    internal void CountSent(int bytes) => Volatile.Write(ref _sentBytes, _sentBytes + bytes);
}
