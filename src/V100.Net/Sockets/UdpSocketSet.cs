using System.Net;

namespace V100.Net.Sockets;

/// <summary>
/// The UDP sockets of one worker on the shared port: one for all addresses and <see cref="UdpOptions.OwnSockets"/>, or one for each address that is configured. Sends a
/// batch by the source address that each packet names.
/// </summary>
internal sealed class UdpSocketSet : IPacketTransmitter, IDisposable
{
    private readonly List<UdpSocket> _sockets = [];
    private readonly Dictionary<TransportAddress, UdpSocket> _byBound = [];
    private readonly UdpAreaLinux? _area;
    private readonly UdpOptions _options;
    private readonly CounterBlock<SocketCounter> _counters;
    private readonly List<UdpSocket> _pending = [];
    private int[] _indices = [];
    private int[] _next = [];

    /// <exception cref="IOException">An address cannot be bound; the message says which and why.</exception>
    public UdpSocketSet(UdpOptions options, CounterBlock<SocketCounter> counters)
    {
        _options = options;
        _counters = counters;
        Backend = options.EffectiveBackend;
        _area = Backend == UdpBackend.Linux ? new UdpAreaLinux(counters, options.Segmentation) : null;
        Port = options.Port;
        try
        {
            foreach (TransportAddress address in AddressesToBind())
            {
                Port = Open(address.WithPort(Port)).Bound.Port;
            }

            OpenOwn();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public UdpBackend Backend { get; }

    public ushort Port { get; }

    public IReadOnlyList<UdpSocket> Sockets => _sockets;

    /// <summary>After the socket of all addresses, which stays the first to be asked for a source.</summary>
    private void OpenOwn()
    {
        if (_area is not { } area || _options.Addresses.Count > 0)
        {
            return;
        }

        foreach (IPAddress address in _options.OwnSockets)
        {
            var own = TransportAddress.From(address, Port);
            if (!_byBound.ContainsKey(own) && UdpSocketLinux.TryOpen(own, _options, area, _counters) is { } socket)
            {
                _sockets.Add(socket);
                _byBound.Add(own, socket);
            }
        }
    }

    /// <summary>Opens another shared port on the same addresses.</summary>
    /// <param name="port">0 lets the system choose.</param>
    /// <returns>Its sockets; they live as long as the set.</returns>
    /// <exception cref="IOException">It cannot be bound.</exception>
    public IReadOnlyList<UdpSocket> OpenAlso(ushort port)
    {
        List<UdpSocket> opened = [];
        foreach (TransportAddress address in AddressesToBind())
        {
            opened.Add(Open(address.WithPort(opened.Count > 0 ? opened[0].Bound.Port : port)));
        }

        return opened;
    }

    private TransportAddress[] AddressesToBind()
    {
        if (_options.Addresses.Count > 0)
        {
            return TransportAddress.From(_options.Addresses, 0);
        }

        bool dualStack = Backend == UdpBackend.Linux ? UdpSocketLinux.HasIPv6 : System.Net.Sockets.Socket.OSSupportsIPv6;
        return [TransportAddress.From(dualStack ? IPAddress.IPv6Any : IPAddress.Any, 0)];
    }

    private UdpSocket Open(in TransportAddress address)
    {
        UdpSocket socket = _area is null
            ? new UdpSocketPortable(address, _options, _counters)
            : UdpSocketLinux.Open(address, _options, _area, _counters);
        _sockets.Add(socket);
        _byBound.Add(socket.Bound, socket);
        return socket;
    }

    /// <summary>
    /// Opens one more socket, on a port of its own: a relayed address. Packets of a batch leave through it where they name its
    /// <see cref="UdpSocket.Bound"/> as their source. Null where the port is taken.
    /// </summary>
    public UdpSocket? TryOpen(in TransportAddress address, UdpOptions options)
    {
        UdpSocket? socket = TryHold(address, options);
        if (socket is not null)
        {
            _byBound.Add(socket.Bound, socket);
        }

        return socket;
    }

    /// <summary>
    /// As <see cref="TryOpen"/>, but the socket is nobody's yet: it keeps its port until a set adopts it or it is disposed, and whoever has it
    /// may hand it to another thread.
    /// </summary>
    public UdpSocket? TryHold(in TransportAddress address, UdpOptions options) =>
        _area is null ? TryOpenPortable(address, options) : UdpSocketLinux.TryOpen(address, options, _area, _counters);

    /// <summary>Takes in what a <see cref="TryHold"/> of this set, or of another one of the same backend, gave.</summary>
    public void Adopt(UdpSocket held)
    {
        switch (held)
        {
            case UdpSocketLinux linux:
                linux.MoveTo(_area!, _counters);
                break;
            case UdpSocketPortable portable:
                portable.MoveTo(_counters);
                break;
        }

        _byBound.Add(held.Bound, held);
    }

    private UdpSocketPortable? TryOpenPortable(in TransportAddress address, UdpOptions options)
    {
        try
        {
            return new UdpSocketPortable(address, options, _counters);
        }
        catch (IOException)
        {
            return null;
        }
        catch (System.Net.Sockets.SocketException)
        {
            // No more descriptors for this process.
            return null;
        }
    }

    /// <summary>Closes a socket of <see cref="TryOpen"/>. What a batch still holds for it is dropped and counted.</summary>
    public void Close(UdpSocket socket)
    {
        _byBound.Remove(socket.Bound);
        socket.Dispose();
    }

    /// <summary>Sends the batch; a packet whose source is none of these sockets' is dropped and counted.</summary>
    public void Transmit(TransmitBatch batch)
    {
        if (_indices.Length < batch.Count)
        {
            GrowSlow(batch.Count);
        }

        // Each destination's packets name one source, so each stays in one socket's list, in order.
        UdpSocket? last = null;
        TransportAddress lastLocal = default;
        for (int index = 0; index < batch.Count; index++)
        {
            ref readonly TransmitBatch.Entry entry = ref batch.Entries[index];
            if (entry.IsDiscarded)
            {
                continue;
            }

            if (last is null || entry.Local != lastLocal || lastLocal == default)
            {
                lastLocal = entry.Local;
                last = Find(entry.Local, entry.Remote);
            }

            if (last is null)
            {
                _counters.Increment(SocketCounter.DroppedNoSource);
                continue;
            }

            Enqueue(last, index);
        }

        foreach (UdpSocket socket in _pending)
        {
            int count = 0;
            for (int index = socket.FirstPending; index >= 0; index = _next[index])
            {
                _indices[count++] = index;
            }

            socket.FirstPending = -1;
            socket.Send(batch, _indices.AsSpan(0, count));
        }

        _pending.Clear();
    }

    private void Enqueue(UdpSocket socket, int index)
    {
        _next[index] = -1;
        if (socket.FirstPending < 0)
        {
            socket.FirstPending = index;
            _pending.Add(socket);
        }
        else
        {
            _next[socket.LastPending] = index;
        }

        socket.LastPending = index;
    }

    private UdpSocket? Find(in TransportAddress local, in TransportAddress remote)
    {
        if (_byBound.TryGetValue(local, out UdpSocket? bound))
        {
            return bound;
        }

        foreach (UdpSocket socket in _sockets)
        {
            // Without a source, any socket that can reach the destination's family.
            bool serves = local == default && !socket.Bound.IsUnspecified
                ? socket.Bound.IsIPv4 == remote.IsIPv4
                : socket.Covers(local);
            if (serves && (!socket.Bound.IsIPv4 || remote.IsIPv4))
            {
                return socket;
            }
        }

        return null;
    }

    private void GrowSlow(int count)
    {
        _indices = new int[count];
        _next = new int[count];
    }

    public void Dispose()
    {
        foreach (UdpSocket socket in _byBound.Values)
        {
            socket.Dispose();
        }

        _sockets.Clear();
        _byBound.Clear();
        _area?.Dispose();
    }
}
