using System.Net;
using V100.Net;
using V100.Net.Sockets;

namespace V100.Load;

/// <summary>
/// The sockets of a TURN load: one that speaks for all clients and one for all peers, each packet from the loopback address of its own
/// sender. A system call so sends or takes packets of many clients, and the load costs little beside the server that it measures.
/// </summary>
internal sealed class TurnNetwork : IDisposable
{
    private readonly UdpSocketSet _clients;
    private readonly UdpSocketSet _peers;

    /// <param name="segments">Packets of one sender in a row leave as one message, which the system cuts (UDP_SEGMENT).</param>
    /// <param name="coalescing">Packets that the server sent as one message arrive as one (UDP_GRO); else the system cuts it at the server's cost.</param>
    public TurnNetwork(bool segments, bool coalescing)
    {
        // Shared, since only such a socket tells to which of the loopback addresses a packet came.
        var options = new UdpOptions { Addresses = [IPAddress.Any], Segmentation = segments, Coalescing = coalescing };
        _clients = new UdpSocketSet(options, ClientCounters);
        _peers = new UdpSocketSet(options, PeerCounters);
        ToServer = new TransmitBatch(_clients);
        ToRelays = new TransmitBatch(_peers);
    }

    public CounterBlock<SocketCounter> ClientCounters { get; } = new();
    public CounterBlock<SocketCounter> PeerCounters { get; } = new();

    /// <summary>What clients send.</summary>
    public TransmitBatch ToServer { get; }

    /// <summary>What peers send.</summary>
    public TransmitBatch ToRelays { get; }

    public UdpSocket Clients => _clients.Sockets[0];
    public UdpSocket Peers => _peers.Sockets[0];

    public void Flush()
    {
        ToServer.Flush();
        ToRelays.Flush();
    }

    public void Dispose()
    {
        ToServer.Dispose();
        ToRelays.Dispose();
        _clients.Dispose();
        _peers.Dispose();
    }
}
