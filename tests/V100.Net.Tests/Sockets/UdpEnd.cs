using System.Net;
using V100.Net.Sockets;

namespace V100.Net.Tests.Sockets;

internal sealed record Received(byte[] Bytes, TransportAddress Remote, TransportAddress Local, IpFields Fields = default);

/// <summary>One worker's sockets, poller and batch, driven by a test's thread.</summary>
internal sealed class UdpEnd : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    public UdpEnd(UdpOptions options, int batchCapacity = 1024)
    {
        Sockets = new UdpSocketSet(options, Counters);
        Poller = Poller.Create(Sockets.Backend);
        Batch = new TransmitBatch(Sockets, batchCapacity);
        At6 = At("::1");
        foreach (UdpSocket socket in Sockets.Sockets)
        {
            Assert.True(Poller.TryAdd(socket));
        }
    }

    public static UdpEnd Open(UdpBackend backend, params string[] addresses) =>
        new(new UdpOptions { Backend = backend, Addresses = [.. addresses.Select(IPAddress.Parse)] });

    public CounterBlock<SocketCounter> Counters { get; } = new();
    public UdpSocketSet Sockets { get; }
    public Poller Poller { get; }
    public TransmitBatch Batch { get; }

    public long Dropped => Enum.GetValues<SocketCounter>()
        .Where(counter => counter.ToString().StartsWith("Dropped", StringComparison.Ordinal))
        .Sum(Counters.Read);

    public TransportAddress At4 => TransportAddress.FromIPv4(0x7F000001, Sockets.Port);
    public TransportAddress At6 { get; private set; }

    public TransportAddress At(string address) => TransportAddress.From(IPAddress.Parse(address), Sockets.Port);

    public void Write(in TransportAddress remote, in TransportAddress local, ReadOnlySpan<byte> bytes, IpFields fields = default)
    {
        bytes.CopyTo(Batch.Reserve(remote, local, bytes.Length, fields));
        Batch.Commit(bytes.Length);
    }

    public void Send(in TransportAddress remote, in TransportAddress local, ReadOnlySpan<byte> bytes)
    {
        Write(remote, local, bytes);
        Batch.Flush();
    }

    /// <summary>Receives until so many came, and fails when they do not.</summary>
    public List<Received> Receive(int count)
    {
        List<Received> received = [];
        Instant end = MonotonicClock.Now + Patience;
        while (received.Count < count)
        {
            Instant now = MonotonicClock.Now;
            Assert.True(now < end, $"{received.Count} of {count} packets came");
            int ready = Poller.Wait(now, end);
            for (int index = 0; index < ready; index++)
            {
                UdpSocket socket = Poller.GetReady(index)!;
                if (!socket.Receive())
                {
                    continue;
                }

                while (socket.TryRead(out Datagram datagram))
                {
                    received.Add(new Received(datagram.Bytes.ToArray(), datagram.Remote, datagram.Local, datagram.Fields));
                }
            }
        }

        Assert.Equal(count, received.Count);
        return received;
    }

    public void Dispose()
    {
        Batch.Dispose();
        Poller.Dispose();
        Sockets.Dispose();
    }
}
