using V100.Server.Control;

namespace V100.Server.Connections;

/// <summary>What all connections count together. Any thread adds; nothing is counted for each packet that is sent.</summary>
internal sealed class ConnectionCounters
{
    private static readonly string[] ReasonNames =
    [
        "", "ended", "reset", "limit", "address_limit", "proxy_header", "proxy_timeout", "tls", "tls_timeout",
        "first_message_timeout", "idle_timeout", "garbage", "overflow", "stalled_write", "owner", "stopping",
    ];

    private readonly long[] _closed = new long[ReasonNames.Length];
    private long _accepted;
    private long _handshakes;
    private long _messages;
    private long _receivedBytes;
    private long _sentBytes;
    private long _droppedMedia;
    private long _pauses;

    public void Accepted() => Interlocked.Increment(ref _accepted);

    /// <summary>A TLS handshake came to its good end.</summary>
    public void Secured() => Interlocked.Increment(ref _handshakes);

    public void Received(int messages, long bytes)
    {
        Interlocked.Add(ref _messages, messages);
        Interlocked.Add(ref _receivedBytes, bytes);
    }

    public void Sent(int bytes) => Interlocked.Add(ref _sentBytes, bytes);

    public void DroppedMedia() => Interlocked.Increment(ref _droppedMedia);

    /// <summary>Reading stops until the worker has room.</summary>
    public void Paused() => Interlocked.Increment(ref _pauses);

    public void Closed(ConnectionCloseReason reason) => Interlocked.Increment(ref _closed[(int)reason]);

    public long ReadClosed(ConnectionCloseReason reason) => Interlocked.Read(ref _closed[(int)reason]);

    public long ReadSecured() => Interlocked.Read(ref _handshakes);

    public long ReadDroppedMedia() => Interlocked.Read(ref _droppedMedia);

    public long ReadPauses() => Interlocked.Read(ref _pauses);

    public long ReadMessages() => Interlocked.Read(ref _messages);

    public IEnumerable<MetricSample> Collect()
    {
        yield return Counter("v100_tcp_accepted_total", "TCP connections accepted.", ref _accepted);
        yield return Counter("v100_tcp_tls_handshakes_total", "TLS handshakes completed, those of the HTTPS port among them.", ref _handshakes);
        yield return Counter("v100_tcp_messages_total", "Messages received over TCP and TLS.", ref _messages);
        yield return Counter("v100_tcp_received_bytes_total", "Bytes of these messages with their framing.", ref _receivedBytes);
        yield return Counter("v100_tcp_sent_bytes_total", "Bytes sent over TCP and TLS, with framing.", ref _sentBytes);
        yield return Counter("v100_tcp_dropped_media_total", "Media packets dropped since a client does not read as fast as they come.", ref _droppedMedia);
        yield return Counter("v100_tcp_pauses_total", "Times that reading a connection waited for its worker.", ref _pauses);
        for (int reason = 1; reason < ReasonNames.Length; reason++)
        {
            yield return new(
                "v100_tcp_closed_total", "TCP connections closed, by reason.", MetricKind.Counter, $"reason=\"{ReasonNames[reason]}\"", Interlocked.Read(ref _closed[reason]));
        }
    }

    private static MetricSample Counter(string name, string help, ref long value) => new(name, help, MetricKind.Counter, "", Interlocked.Read(ref value));
}
