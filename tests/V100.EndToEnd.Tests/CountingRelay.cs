using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace V100.EndToEnd.Tests;

/// <summary>
/// Stands between all clients and the server, on loopback, and counts bytes of UDP payload of what looks like RTP and RTCP by its first byte
/// (RFC 7983): a count that knows nothing of the server's own.
/// </summary>
internal sealed class CountingRelay : IDisposable
{
    private const int BufferBytes = 8 << 20;

    private readonly Socket _listener;
    private readonly IPEndPoint _server;
    private readonly ConcurrentDictionary<EndPoint, Flow> _flows = new();

    public CountingRelay(IPEndPoint listen, IPEndPoint server)
    {
        _server = server;
        _listener = Bound(listen);
        Start(ReceiveFromClients);
    }

    /// <summary>Whether packets are counted now; all are relayed.</summary>
    public volatile bool IsCounting = true;

    /// <summary>Of clients that send more than they get, what they sent; of the others, what they got.</summary>
    public (long Published, long Delivered) Bytes => (
        _flows.Values.Where(flow => flow.IsPublisher).Sum(flow => flow.Up),
        _flows.Values.Where(flow => !flow.IsPublisher).Sum(flow => flow.Down));

    public void Dispose()
    {
        _listener.Dispose();
        foreach (Flow flow in _flows.Values)
        {
            flow.Socket.Dispose();
        }
    }

    private void ReceiveFromClients()
    {
        byte[] buffer = new byte[2048];
        while (TryReceive(_listener, buffer, out int length, out EndPoint source))
        {
            Flow flow = _flows.GetOrAdd(source, client =>
            {
                Flow made = new(Bound(new IPEndPoint(IPAddress.Loopback, 0)));
                Start(() => ReceiveFromServer(made, client));
                return made;
            });
            flow.Up += Counted(buffer.AsSpan(0, length));
            Send(flow.Socket, buffer.AsSpan(0, length), _server);
        }
    }

    private void ReceiveFromServer(Flow flow, EndPoint client)
    {
        byte[] buffer = new byte[2048];
        while (TryReceive(flow.Socket, buffer, out int length, out _))
        {
            flow.Down += Counted(buffer.AsSpan(0, length));
            Send(_listener, buffer.AsSpan(0, length), client);
        }
    }

    private int Counted(ReadOnlySpan<byte> packet) => IsCounting && packet[0] is >= 128 and <= 191 ? packet.Length : 0;

    private static bool TryReceive(Socket socket, byte[] buffer, out int length, out EndPoint source)
    {
        while (true)
        {
            source = new IPEndPoint(IPAddress.Any, 0);
            try
            {
                length = socket.ReceiveFrom(buffer, ref source);
                return true;
            }
            catch (SocketException failure) when (failure.SocketErrorCode == SocketError.ConnectionRefused)
            {
                // Nobody is there now.
            }
            catch (Exception failure) when (failure is SocketException or ObjectDisposedException)
            {
                length = 0;
                return false;
            }
        }
    }

    private static void Send(Socket socket, ReadOnlySpan<byte> packet, EndPoint to)
    {
        try
        {
            socket.SendTo(packet, SocketFlags.None, to);
        }
        catch (Exception failure) when (failure is SocketException or ObjectDisposedException)
        {
            // Nobody is there now, or this relay ends.
        }
    }

    private static Socket Bound(IPEndPoint local)
    {
        Socket socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveBufferSize = BufferBytes, SendBufferSize = BufferBytes };
        socket.Bind(local);
        return socket;
    }

    private static void Start(Action loop) => new Thread(() => loop()) { IsBackground = true, Name = nameof(CountingRelay) }.Start();

    /// <summary>One client's packets; each direction is written by one thread.</summary>
    private sealed class Flow(Socket socket)
    {
        private long _up;
        private long _down;

        public Socket Socket { get; } = socket;
        public long Up { get => Volatile.Read(ref _up); set => Volatile.Write(ref _up, value); }
        public long Down { get => Volatile.Read(ref _down); set => Volatile.Write(ref _down, value); }
        public bool IsPublisher => Up > Down;
    }
}
