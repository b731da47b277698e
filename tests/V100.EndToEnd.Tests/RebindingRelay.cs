using System.Net;
using System.Net.Sockets;

namespace V100.EndToEnd.Tests;

/// <summary>
/// Stands between one client and the server as a NAT does: the server sees this relay's outer port, and <see cref="Rebind"/> changes it
/// in the middle of a call.
/// </summary>
internal sealed class RebindingRelay : IDisposable
{
    private readonly IPEndPoint _server;
    private readonly Socket _inner = Bound();
    private Socket _outer = Bound();
    private EndPoint? _client;
    private volatile bool _disposed;

    public RebindingRelay(int serverPort)
    {
        _server = new IPEndPoint(IPAddress.Loopback, serverPort);
        _ = RelayAsync(_inner, fromClient: true);
        _ = RelayAsync(_outer, fromClient: false);
    }

    /// <summary>What the client must take for the server's candidate: <c>address:port</c>.</summary>
    public string Candidate => _inner.LocalEndPoint!.ToString()!;

    public int OuterPort => ((IPEndPoint)_outer.LocalEndPoint!).Port;

    /// <summary>From now on the server sees another port; what it sends to the old one is lost.</summary>
    public void Rebind()
    {
        Socket old = _outer;
        Socket fresh = Bound();
        _ = RelayAsync(fresh, fromClient: false);
        _outer = fresh;
        old.Dispose();
    }

    public void Dispose()
    {
        _disposed = true;
        _inner.Dispose();
        _outer.Dispose();
    }

    private static Socket Bound()
    {
        Socket socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return socket;
    }

    private async Task RelayAsync(Socket socket, bool fromClient)
    {
        byte[] buffer = new byte[2048];
        while (!_disposed)
        {
            try
            {
                SocketReceiveFromResult received = await socket.ReceiveFromAsync(buffer, new IPEndPoint(IPAddress.Any, 0));
                if (fromClient)
                {
                    _client = received.RemoteEndPoint;
                    await _outer.SendToAsync(buffer.AsMemory(0, received.ReceivedBytes), _server);
                }
                else if (_client is { } client)
                {
                    await _inner.SendToAsync(buffer.AsMemory(0, received.ReceivedBytes), client);
                }
            }
            catch (ObjectDisposedException) when (socket != _inner || _disposed)
            {
                return;
            }
            catch (ObjectDisposedException)
            {
                // The outer socket changed under a packet: it is lost, as it would be.
            }
            catch (SocketException)
            {
                if (socket != _inner && socket != _outer)
                {
                    return;
                }
            }
        }
    }
}
