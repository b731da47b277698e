namespace V100.Net.Sockets;

/// <summary>
/// One bound UDP socket of one worker. Not thread safe, never blocks but for the bounded wait of a full send buffer.
/// </summary>
/// <remarks>
/// To receive: while <see cref="Receive"/> says that packets came, read them with <see cref="TryRead"/> until it says no. A
/// datagram is valid until the next <see cref="Receive"/> or <see cref="TryRead"/> of any socket of the same set. To send: through
/// <see cref="UdpSocketSet"/>. Where <see cref="KeepsBytes"/>, the bytes alone, which lie in native or pinned memory, stay until the next
/// <see cref="Receive"/>, so that what is passed on can leave at once.
/// </remarks>
internal abstract class UdpSocket : IDisposable
{
    /// <summary>Address and port that it is bound to; an unspecified address means all of its family, [::] those of IPv4 too.</summary>
    public abstract TransportAddress Bound { get; }

    /// <summary>What the system gave, in its own way of counting: Linux counts its overhead in.</summary>
    public abstract int ReceiveBufferBytes { get; }

    public abstract int SendBufferBytes { get; }

    /// <summary>Takes a bounded number of packets from the system. False when none waits.</summary>
    public abstract bool Receive();

    /// <summary>Whether the bytes of a datagram outlast the next <see cref="TryRead"/>.</summary>
    public virtual bool KeepsBytes => false;

    /// <summary>Whether there is room for <see cref="ReceiveKeeping"/>. Never, where datagrams are received one by one.</summary>
    public virtual bool CanKeep => false;

    /// <summary>As <see cref="Receive"/>, and the bytes of what all sockets of the set received since the last of those stay. Only while <see cref="CanKeep"/>.</summary>
    public virtual bool ReceiveKeeping() => Receive();

    /// <summary>True when the last receive took all that it can take at once, so that more may wait.</summary>
    public abstract bool MayHaveMore { get; }

    /// <summary>The next packet of what was received last.</summary>
    public abstract bool TryRead(out Datagram datagram);

    /// <summary>Sends, or drops and counts, those packets of the batch, in order for each destination.</summary>
    public abstract void Send(TransmitBatch batch, ReadOnlySpan<int> indices);

    /// <summary>The next of the ICMP errors that the system kept for this socket, where it was opened to report them.</summary>
    public virtual bool TryReadError(out PathError error)
    {
        error = default;
        return false;
    }

    /// <summary>Whether the packets that follow forbid routers to cut them (DF, and no fragments from this machine). False where the system has no means.</summary>
    public virtual bool TrySetDontFragment(bool value) => false;

    /// <summary>The poller saw that <see cref="TryReadError"/> has something to say.</summary>
    public bool HasErrors { get; set; }

    public abstract void Dispose();

    /// <summary>True where packets from <paramref name="local"/> may leave through this socket although it is not bound to it.</summary>
    public bool Covers(in TransportAddress local) =>
        Bound.IsUnspecified && (local.Port == Bound.Port || local == default) && (!Bound.IsIPv4 || local.IsIPv4 || local == default);

    // Used by the set while it deals a batch out to sockets.
    internal int FirstPending = -1;
    internal int LastPending;
}
