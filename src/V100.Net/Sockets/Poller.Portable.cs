using System.Net;
using System.Net.Sockets;

namespace V100.Net.Sockets;

/// <summary>select over System.Net.Sockets; a datagram that it sends to itself wakes it.</summary>
internal sealed class PollerPortable : Poller
{
    private readonly Socket _wake = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
    private readonly Dictionary<Socket, UdpSocketPortable> _sockets = [];
    private readonly List<Socket> _readable = [];
    private readonly byte[] _scratch = new byte[16];

    public PollerPortable()
    {
        _wake.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _wake.Connect(_wake.LocalEndPoint!);
        _wake.Blocking = false;
    }

    public override bool TryAdd(UdpSocket socket)
    {
        UdpSocketPortable portable = (UdpSocketPortable)socket;
        return _sockets.TryAdd(portable.Socket, portable);
    }

    public override void Remove(UdpSocket socket) => _sockets.Remove(((UdpSocketPortable)socket).Socket);

    public override UdpSocket? GetReady(int index) => _sockets.GetValueOrDefault(_readable[index]);

    protected override int WaitCore(TimeSpan timeout)
    {
        _readable.Clear();
        _readable.AddRange(_sockets.Keys);
        _readable.Add(_wake);
        Socket.Select(_readable, null, null, RoundUp(timeout));
        if (_readable.Remove(_wake))
        {
            ReadWakes();
        }

        return _readable.Count;
    }

    /// <summary>select may count in whole milliseconds, and only so far; a wait that ends early is begun again by its caller.</summary>
    private static TimeSpan RoundUp(TimeSpan timeout) => timeout == Timeout.InfiniteTimeSpan
        ? timeout
        : TimeSpan.FromMilliseconds(Math.Min(600_000, Math.Ceiling(timeout.TotalMilliseconds)));

    private void ReadWakes()
    {
        // Bounded: what is left over wakes once more, for nothing.
        for (int read = 0; read < 16 && _wake.Poll(0, SelectMode.SelectRead); read++)
        {
            try
            {
                _wake.Receive(_scratch);
            }
            catch (SocketException)
            {
                return;
            }
        }
    }

    protected override void Interrupt()
    {
        try
        {
            _wake.Send([1]);
        }
        catch (SocketException exception) when (exception.SocketErrorCode == SocketError.WouldBlock)
        {
            // Its buffer is full of wakes.
        }
    }

    public override void Dispose()
    {
        EndWakes();
        _wake.Dispose();
    }
}
