using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;
using V100.Net;

namespace V100.Server.Connections;

/// <summary>
/// A TCP connection between a relayed transport address and a peer (RFC 6062), which waits for its client until the relay closes it, and at most <see cref="WaitTimeout"/>.
/// </summary>
/// <remarks>What the peer sends before is not read: it waits in the kernel's receive buffer, whose first size bounds it, and then in the peer.</remarks>
internal sealed class PeerConnection : IDisposable
{
    /// <summary>RFC 6062, 5.2 and 5.3: so long a connection attempt may take, and a connection may wait for its ConnectionBind.</summary>
    public static readonly TimeSpan BindTimeout = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Later than the relay, whose <see cref="BindTimeout"/> begins when it hears of the connection: else a ConnectionBind in between would
    /// get a success for a socket that is closed.
    /// </summary>
    public static readonly TimeSpan WaitTimeout = BindTimeout + TimeSpan.FromSeconds(5);

    private const int Waiting = 0;
    private const int Taken = 1;
    private const int Gone = 2;

    private readonly Socket _socket;
    private readonly Action? _ended;
    private readonly ITimer _timer;
    private int _state;

    /// <param name="socket">A connected socket, owned from now on.</param>
    /// <param name="relay">Its end here.</param>
    /// <param name="peer">Its other end.</param>
    /// <param name="time">For the timeout.</param>
    /// <param name="ended">Called once when the socket is closed.</param>
    internal PeerConnection(Socket socket, in TransportAddress relay, in TransportAddress peer, TimeProvider time, Action? ended)
    {
        socket.NoDelay = true;
        _socket = socket;
        _ended = ended;
        Relay = relay;
        Peer = peer;
        _timer = time.CreateTimer(static self => ((PeerConnection)self!).Expire(), this, WaitTimeout, Timeout.InfiniteTimeSpan);
    }

    /// <summary>The relayed address and port.</summary>
    public TransportAddress Relay { get; }

    public TransportAddress Peer { get; }

    /// <summary>It was closed: by its timeout, by whoever took it, or by its owner.</summary>
    public bool IsClosed => Volatile.Read(ref _state) == Gone;

    /// <summary>
    /// Connects from the relayed address and port, also while a <see cref="PeerListener"/> and other connections are bound to it (RFC 6062, 5.2).
    /// Null where the peer refuses, or does not answer within <see cref="BindTimeout"/>: the 447 of the RFC.
    /// </summary>
    public static async Task<PeerConnection?> ConnectAsync(TransportAddress relay, TransportAddress peer, TimeProvider time, CancellationToken cancellation = default)
    {
        using CancellationTokenSource deadline = new(BindTimeout, time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellation);
        Socket? socket = null;
        try
        {
            socket = MakeSocket(relay);
            await socket.ConnectAsync(new IPEndPoint(peer.ToIPAddress(), peer.Port), either.Token).ConfigureAwait(false);
            return new PeerConnection(socket, relay, peer, time, null);
        }
        catch (Exception exception) when (ClientConnection.IsBroken(exception))
        {
            socket?.Dispose();
            return null;
        }
    }

    /// <summary>A socket bound to the relayed address, which shares it with the others of this allocation.</summary>
    internal static Socket MakeSocket(in TransportAddress relay)
    {
        Socket socket = new(relay.IsIPv4 ? AddressFamily.InterNetwork : AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
            socket.Bind(new IPEndPoint(relay.ToIPAddress(), relay.Port));
            return socket;
        }
        catch (SocketException)
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>For the one who splices it: the timeout ends. False where it is closed or taken already.</summary>
    public bool TryTake([MaybeNullWhen(false)] out Socket socket)
    {
        bool taken = Interlocked.CompareExchange(ref _state, Taken, Waiting) == Waiting;
        socket = taken ? _socket : null;
        if (taken)
        {
            _timer.Dispose();
        }

        return taken;
    }

    /// <summary>Closes it, whoever has it. Any thread, any number of times.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _state, Gone) == Gone)
        {
            return;
        }

        _timer.Dispose();
        _socket.Dispose();
        _ended?.Invoke();
    }

    private void Expire()
    {
        if (Volatile.Read(ref _state) == Waiting)
        {
            Dispose();
        }
    }
}
