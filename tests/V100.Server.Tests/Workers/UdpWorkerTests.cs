using System.Net;
using System.Net.Sockets;
using V100.Net;
using V100.Net.Sockets;
using V100.Server.Workers;

namespace V100.Server.Tests.Workers;

public class UdpWorkerTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    public static TheoryData<string> Backends => OperatingSystem.IsLinux() ? new(nameof(UdpBackend.Linux), nameof(UdpBackend.Portable)) : new(nameof(UdpBackend.Portable));

    private static UdpWorkerSet Open(string backend, int count, Action<string, Exception>? defect = null) => new(
        count, new UdpOptions { Backend = Enum.Parse<UdpBackend>(backend), Addresses = [IPAddress.Loopback] }, defect);

    /// <summary>Sends back what comes, from where it lies; odd packets through the next worker's ring and its batch.</summary>
    private sealed class EchoDriver(UdpWorker worker, SpscRing<(byte[] Bytes, TransportAddress Remote, TransportAddress Local)>[] rings) : IWorkerDriver, IDisposable
    {
        private readonly TransmitBatch _batch = new(worker.Transmitter);
        private ulong _wake;

        public long Packets;
        public long HandedOver;

        public Instant NextDeadline => Instant.Never;

        public void HandleDatagram(in Datagram datagram, Instant now)
        {
            Packets++;
            int next = (worker.Index + 1) % rings.Length;
            if (datagram.Bytes[0] % 2 == 0 || next == worker.Index)
            {
                _batch.Reserve(datagram.Remote, datagram.Local, 0);
                _batch.Commit(0, datagram.Bytes);
            }
            else if (rings[next].TryWrite((datagram.Bytes.ToArray(), datagram.Remote, datagram.Local)))
            {
                _wake |= 1UL << next;
            }
        }

        public void EndReceive(Instant now) => _batch.Flush();

        public void HandlePathError(in TransportAddress local, in PathError error, Instant now)
        {
        }

        public bool HandleMessages(Instant now)
        {
            SpscRing<(byte[] Bytes, TransportAddress Remote, TransportAddress Local)> ring = rings[worker.Index];
            for (int read = 0; read < 8 && ring.TryRead(out var packet); read++)
            {
                HandedOver++;
                Send(packet.Bytes, packet.Remote, packet.Local);
            }

            return !ring.IsEmpty;
        }

        public void HandleDeadline(Instant now)
        {
        }

        public void EndTurn(Instant now)
        {
            _batch.Flush();
            worker.Wake(_wake);
            _wake = 0;
        }

        public void Dispose() => _batch.Dispose();

        private void Send(ReadOnlySpan<byte> bytes, in TransportAddress remote, in TransportAddress local)
        {
            bytes.CopyTo(_batch.Reserve(remote, local, bytes.Length));
            _batch.Commit(bytes.Length);
        }
    }

    [Theory]
    [MemberData(nameof(Backends))]
    public void Two_workers_on_one_port_answer_every_packet(string backend)
    {
        const int Flows = 48;
        const int Rounds = 40;
        EchoDriver[] drivers = new EchoDriver[2];
        using (UdpWorkerSet workers = Open(backend, 2))
        {
            SpscRing<(byte[], TransportAddress, TransportAddress)>[] rings = [new(4096), new(4096)];
            workers.Start(worker => drivers[worker.Index] = new EchoDriver(worker, rings));
            Socket[] clients = [.. Enumerable.Range(0, Flows).Select(_ => Connect(workers.Port))];
            byte[] answer = new byte[100];
            for (int round = 0; round < Rounds; round++)
            {
                foreach (Socket client in clients)
                {
                    client.Send([(byte)round, 1]);
                    client.Send([(byte)round, 2]);
                }

                foreach (Socket client in clients)
                {
                    Assert.Equal(2, client.Receive(answer));
                    Assert.Equal([(byte)round, 1], answer[..2]);
                    Assert.Equal(2, client.Receive(answer));
                    Assert.Equal([(byte)round, 2], answer[..2]);
                }
            }

            Assert.Equal(Flows * Rounds * 2, workers.Sum(SocketCounter.DatagramsReceived));
            Assert.Equal(Flows * Rounds * 2, workers.Sum(SocketCounter.DatagramsSent));
            Array.ForEach(clients, client => client.Dispose());
        }

        Array.ForEach(drivers, driver => driver.Dispose());
        Assert.Equal(Flows * Rounds * 2, drivers.Sum(driver => driver.Packets));
        Assert.Equal(Flows * Rounds, drivers.Sum(driver => driver.HandedOver));
        if (OperatingSystem.IsLinux())
        {
            Assert.All(drivers, driver => Assert.True(driver.Packets > 0, "one worker saw no flow"));
        }
    }

    private static Socket Connect(int port)
    {
        Socket client = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = (int)Patience.TotalMilliseconds };
        client.Connect(IPAddress.Loopback, port);
        return client;
    }

    /// <summary>Fires its timer a number of times, and reads a mailbox.</summary>
    private sealed class TickDriver(UdpWorker worker, int ticks, CountdownEvent done) : IWorkerDriver
    {
        private Instant _deadline = MonotonicClock.Now;

        public Mailbox<string> Mailbox { get; } = new(4, worker.Wakeable);
        public List<string> Messages { get; } = [];
        public int Early { get; private set; }
        public int Ticks { get; private set; }

        public Instant NextDeadline => Ticks < ticks ? _deadline : Instant.Never;

        public void HandleDatagram(in Datagram datagram, Instant now) => throw new InvalidOperationException("a packet that V100 cannot bear");

        public void EndReceive(Instant now)
        {
        }

        public void HandlePathError(in TransportAddress local, in PathError error, Instant now)
        {
        }

        public bool HandleMessages(Instant now)
        {
            if (Mailbox.TryRead(out string? message))
            {
                Messages.Add(message);
                done.Signal();
                return true;
            }

            return false;
        }

        public void HandleDeadline(Instant now)
        {
            Early += now < _deadline ? 1 : 0;
            _deadline = now + TimeSpan.FromMilliseconds(1);
            if (++Ticks == ticks)
            {
                done.Signal();
            }
        }

        public void EndTurn(Instant now)
        {
        }
    }

    [Theory]
    [MemberData(nameof(Backends))]
    public void Deadlines_and_messages_reach_a_sleeping_worker(string backend)
    {
        using CountdownEvent done = new(4);
        TickDriver driver = null!;
        using (UdpWorkerSet workers = Open(backend, 1))
        {
            workers.Start(worker => driver = new TickDriver(worker, 50, done));
            foreach (string message in (string[])["a", "b", "c"])
            {
                Assert.True(driver.Mailbox.TryPost(message));
            }

            Assert.True(done.Wait(Patience));
        }

        Assert.Equal(["a", "b", "c"], driver.Messages);
        Assert.Equal(50, driver.Ticks);
        Assert.Equal(0, driver.Early);
    }

    [Theory]
    [MemberData(nameof(Backends))]
    public void An_exception_in_the_loop_names_the_worker(string backend)
    {
        using CountdownEvent done = new(1);
        using ManualResetEventSlim failed = new();
        (string Name, Exception Exception) defect = default;
        using UdpWorkerSet workers = Open(backend, 1, (name, exception) =>
        {
            defect = (name, exception);
            failed.Set();
        });
        workers.Start(worker => new TickDriver(worker, 0, done));
        using Socket client = Connect(workers.Port);
        client.Send([1]);
        Assert.True(failed.Wait(Patience));
        Assert.Equal("v100-worker-0", defect.Name);
        Assert.Equal("a packet that V100 cannot bear", defect.Exception?.Message);
    }
}
