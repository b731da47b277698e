using System.Net;
using System.Net.Sockets;
using V100.Net;

namespace V100.Server.Connections;

/// <summary>
/// Accepts peers on the relayed transport address of a TCP allocation (RFC 6062, 5.3), at most <see cref="MaxOpen"/> at a time: the kernel holds a few more
/// back, and refuses the rest.
/// </summary>
internal sealed class PeerListener : IDisposable
{
    public const int MaxOpen = 64;
    private const int Backlog = 16;
    private static readonly TimeSpan RetryInterval = TimeSpan.FromSeconds(1);

    private readonly Socket _socket;
    private readonly TimeProvider _time;
    private readonly Action<PeerConnection> _accepted;
    private readonly SemaphoreSlim _open = new(MaxOpen);
    private readonly CancellationTokenSource _stop = new();

    private PeerListener(Socket socket, Action<PeerConnection> accepted, TimeProvider time)
    {
        _socket = socket;
        _accepted = accepted;
        _time = time;
        Relay = TransportAddress.From((IPEndPoint)socket.LocalEndPoint!);
    }

    /// <summary>Where it listens.</summary>
    public TransportAddress Relay { get; }

    /// <summary>Null where the address cannot be bound.</summary>
    /// <param name="relay">The relayed address; port 0 lets the system choose.</param>
    /// <param name="accepted">Gets each connection, on the thread pool: whoever has no permission for its peer disposes it at once.</param>
    /// <param name="time">For the connections' timeouts.</param>
    public static PeerListener? TryStart(in TransportAddress relay, Action<PeerConnection> accepted, TimeProvider time)
    {
        Socket? socket = null;
        try
        {
            socket = PeerConnection.MakeSocket(relay);
            socket.Listen(Backlog);
            PeerListener listener = new(socket, accepted, time);
            _ = listener.AcceptAsync();
            return listener;
        }
        catch (SocketException)
        {
            // Another socket may listen on a port that could be bound.
            socket?.Dispose();
            return null;
        }
    }

    /// <summary>Stops accepting; what was accepted lives on. Any thread, any number of times.</summary>
    public void Dispose()
    {
        if (!_stop.IsCancellationRequested)
        {
            _stop.Cancel();
            _socket.Dispose();
        }
    }

    private async Task AcceptAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await _open.WaitAsync(_stop.Token).ConfigureAwait(false);
                Accept(await _socket.AcceptAsync(_stop.Token).ConfigureAwait(false));
            }
            catch (SocketException)
            {
                // A peer that is gone again, or a machine without free descriptors: the latter needs time.
                _open.Release();
                await Task.Delay(RetryInterval, _time, CancellationToken.None).ConfigureAwait(false);
            }
            catch (Exception exception) when (ClientConnection.IsBroken(exception))
            {
                return;
            }
        }
    }

    private void Accept(Socket socket)
    {
        try
        {
            TransportAddress peer = TransportAddress.From((IPEndPoint)socket.RemoteEndPoint!);
            _accepted(new PeerConnection(socket, Relay, peer, _time, () => _open.Release()));
        }
        catch (SocketException)
        {
            socket.Dispose();
            throw;
        }
    }
}
