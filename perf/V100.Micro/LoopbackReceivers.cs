using System.Net;
using V100.Net;
using V100.Net.Sockets;

namespace V100.Micro;

/// <summary>Sockets that take what was sent and count it, each on a loopback address of its own.</summary>
internal sealed class LoopbackReceivers : IDisposable
{
    private const int BufferBytes = 1 << 20;

    private readonly UdpSocketSet _sockets;

    public LoopbackReceivers(int count)
    {
        // 127.77.x.y: all of 127.0.0.0/8 is the machine itself. No coalescing: clients elsewhere get packets one by one.
        IPAddress[] addresses = [.. Enumerable.Range(0, count).Select(index => new IPAddress([127, 77, (byte)(index / 250), (byte)(index % 250 + 1)]))];
        _sockets = new UdpSocketSet(new UdpOptions { Addresses = addresses, Coalescing = false, BufferBytes = BufferBytes }, new CounterBlock<SocketCounter>());
        Addresses = [.. _sockets.Sockets.Select(socket => socket.Bound)];
    }

    public TransportAddress[] Addresses { get; }

    /// <summary>Empties them all. A packet that did not arrive makes the measurement worthless.</summary>
    public void Drain(int expected)
    {
        int count = 0;
        foreach (UdpSocket socket in _sockets.Sockets)
        {
            while (socket.Receive())
            {
                while (socket.TryRead(out _))
                {
                    count++;
                }
            }
        }

        Premise.Holds(count == expected, $"{count} packets of {expected} arrived.");
    }

    public void Dispose() => _sockets.Dispose();
}
