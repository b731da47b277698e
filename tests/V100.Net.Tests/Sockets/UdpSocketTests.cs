using System.Net;
using System.Net.Sockets;
using V100.Net.Native;
using V100.Net.Sockets;
using V100.Sfu.Tests.Rtp;
using Xunit.Abstractions;

namespace V100.Net.Tests.Sockets;

public class UdpSocketTests(ITestOutputHelper output)
{
    public static TheoryData<string> Backends => OperatingSystem.IsLinux() ? new(nameof(UdpBackend.Linux), nameof(UdpBackend.Portable)) : new(nameof(UdpBackend.Portable));

    private static UdpBackend Backend(string name) => Enum.Parse<UdpBackend>(name);

    private static byte[] Numbered(int number, int length)
    {
        byte[] bytes = new byte[length];
        new Random(number).NextBytes(bytes);
        if (length >= 4)
        {
            BitConverter.TryWriteBytes(bytes, number);
        }

        return bytes;
    }

    [Theory]
    [MemberData(nameof(Backends))]
    public void One_socket_serves_both_families_and_knows_both_addresses(string backend)
    {
        using UdpEnd server = UdpEnd.Open(Backend(backend));
        foreach (string host in (string[])["127.0.0.1", "::1"])
        {
            using UdpEnd client = UdpEnd.Open(Backend(backend), host);
            client.Send(server.At(host), default, [1, 2, 3]);
            Received request = Assert.Single(server.Receive(1));
            Assert.Equal([1, 2, 3], request.Bytes);
            Assert.Equal(client.At(host), request.Remote);
            Assert.Equal(server.At(host), request.Local);

            server.Send(request.Remote, request.Local, [4]);
            Received answer = Assert.Single(client.Receive(1));
            Assert.Equal([4], answer.Bytes);
            Assert.Equal(server.At(host), answer.Remote);
            Assert.Equal(client.At(host), answer.Local);
        }
    }

    [Theory]
    [InlineData("Linux", "::")]
    [InlineData("Linux", "0.0.0.0")]
    [InlineData("Linux", "127.0.0.1 127.0.0.2 ::1")]
    [InlineData("Linux", "all 127.0.0.1")]
    [InlineData("Linux", "all ::1 127.0.0.2")]
    [InlineData("Portable", "127.0.0.1 127.0.0.2 ::1")]
    public void An_answer_comes_from_the_address_that_was_asked(string backend, string addresses)
    {
        if (!OperatingSystem.IsLinux())
        {
            return; // 127.0.0.2 is an address of Linux alone
        }

        // All, and some of them with a socket of their own.
        bool hasOwn = addresses.StartsWith("all ", StringComparison.Ordinal);
        IPAddress[] named = [.. addresses.Split(' ').Where(part => part != "all").Select(IPAddress.Parse)];
        using UdpEnd server = new(new UdpOptions { Backend = Backend(backend), Addresses = hasOwn ? [] : named, OwnSockets = hasOwn ? named : [] });
        Assert.Equal(addresses.Split(' ').Length, server.Sockets.Sockets.Count);
        foreach (string host in (string[])["127.0.0.2", "127.0.0.1", "::1"])
        {
            if (addresses == "0.0.0.0" && host == "::1")
            {
                continue;
            }

            // A connected socket sees only what comes from the address that it asked.
            IPEndPoint endPoint = new(IPAddress.Parse(host), server.Sockets.Port);
            using Socket client = new(endPoint.AddressFamily, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = 10_000 };
            client.Connect(endPoint);
            for (int round = 0; round < 3; round++)
            {
                client.Send([(byte)round]);
                Received request = Assert.Single(server.Receive(1));
                Assert.Equal(server.At(host), request.Local);

                // More than one, so that the source holds for segmented messages too.
                server.Write(request.Remote, request.Local, request.Bytes);
                server.Write(request.Remote, request.Local, request.Bytes);
                server.Batch.Flush();
                byte[] answer = new byte[10];
                Assert.Equal(1, client.Receive(answer));
                Assert.Equal(1, client.Receive(answer));
                Assert.Equal(round, answer[0]);
            }
        }

        Assert.Equal(0, server.Dropped);
    }

    public static TheoryData<string, bool, bool, string> Runs
    {
        get
        {
            TheoryData<string, bool, bool, string> runs = [];
            string[] shapes =
            [
                "1200 1200 1200 1200", "1200 1200 1200 7", "1200 7 1200 1200", "7 1200 7", "0", "0 0", "100 0 100", "100 100 0", "0 100 100",
                "1 1 1", "65507", "60000 5507", "60000 5508", "30000 30000 30000", "1472 1473 1472", "1200x63", "1200x64", "1200x65", "1200x200", "100x64 99 100", "500x131 500x5",
            ];
            foreach (string shape in shapes)
            {
                runs.Add("Portable", false, false, shape);
                if (OperatingSystem.IsLinux())
                {
                    runs.Add("Linux", true, true, shape);
                    runs.Add("Linux", true, false, shape);
                    runs.Add("Linux", false, true, shape);
                }
            }

            return runs;
        }
    }

    [Theory]
    [MemberData(nameof(Runs))]
    public void Borders_and_order_of_a_run_are_kept(string backend, bool segmentation, bool coalescing, string shape)
    {
        UdpOptions options = new()
        {
            Backend = Backend(backend),
            Addresses = [IPAddress.Loopback],
            Segmentation = segmentation,
            Coalescing = coalescing,
        };
        using UdpEnd sender = new(options);
        using UdpEnd receiver = new(options);
        List<byte[]> packets = [];
        foreach (string part in shape.Split(' '))
        {
            int[] numbers = [.. part.Split('x').Select(int.Parse)];
            for (int copy = 0; copy < (numbers.Length > 1 ? numbers[1] : 1); copy++)
            {
                packets.Add(Numbered(packets.Count, numbers[0]));
            }
        }

        foreach (byte[] packet in packets)
        {
            sender.Write(receiver.At("127.0.0.1"), sender.At("127.0.0.1"), packet);
        }

        sender.Batch.Flush();
        List<Received> received = receiver.Receive(packets.Count);
        Assert.Equal(packets, received.Select(packet => packet.Bytes));
        Assert.All(received, packet => Assert.Equal(sender.At("127.0.0.1"), packet.Remote));
        Assert.Equal(0, sender.Dropped);
        Assert.Equal(0, sender.Counters.Read(SocketCounter.SegmentationRefused));
        Assert.Equal(packets.Count, sender.Counters.Read(SocketCounter.DatagramsSent));
        Assert.Equal(packets.Count, receiver.Counters.Read(SocketCounter.DatagramsReceived));
        Assert.Equal(packets.Sum(packet => packet.Length), sender.Counters.Read(SocketCounter.BytesSent));
        Assert.Equal(packets.Sum(packet => packet.Length), receiver.Counters.Read(SocketCounter.BytesReceived));
    }

    [Theory]
    [MemberData(nameof(Backends))]
    public void A_wide_batch_reaches_every_destination_in_its_order(string backend)
    {
        const int Packets = 1100;
        Random random = Seeds.NewRandom(output);
        using UdpEnd sender = UdpEnd.Open(Backend(backend));
        UdpEnd[] receivers = [.. Enumerable.Range(0, 4).Select(index => UdpEnd.Open(Backend(backend), index % 2 == 0 ? "127.0.0.1" : "::1"))];
        List<byte[]>[] expected = [[], [], [], []];
        for (int packet = 0; packet < Packets; packet++)
        {
            int destination = random.Next(4);
            byte[] bytes = Numbered(packet, random.Next(3) == 0 ? random.Next(4, 1400) : 1200);
            expected[destination].Add(bytes);
            sender.Write(receivers[destination].At(destination % 2 == 0 ? "127.0.0.1" : "::1"), default, bytes);
        }

        sender.Batch.Flush();
        for (int index = 0; index < receivers.Length; index++)
        {
            List<Received> received = receivers[index].Receive(expected[index].Count);
            Assert.True(expected[index].Zip(received).All(pair => pair.First.AsSpan().SequenceEqual(pair.Second.Bytes)));
            receivers[index].Dispose();
        }

        Assert.Equal(0, sender.Dropped);
    }

    [Theory]
    [MemberData(nameof(Backends))]
    public void A_packet_that_cannot_go_is_counted_and_the_others_go(string backend)
    {
        using UdpEnd sender = UdpEnd.Open(Backend(backend), "127.0.0.1");
        using UdpEnd receiver = UdpEnd.Open(Backend(backend), "127.0.0.1");
        TransportAddress good = receiver.At("127.0.0.1");
        TransportAddress broadcast = TransportAddress.FromIPv4(0xFFFFFFFF, 9);
        TransportAddress otherFamily = TransportAddress.From(IPAddress.IPv6Loopback, 9);
        sender.Write(broadcast, default, [1]);
        sender.Write(good, default, [2]);
        sender.Write(good, TransportAddress.FromIPv4(0x7F000001, 1), [3]); // no socket of this port
        sender.Write(broadcast, default, [4]);
        sender.Write(broadcast, default, [4]);
        sender.Write(otherFamily, default, [5]);
        sender.Write(good, default, [6]);
        sender.Batch.Flush();
        Assert.Equal([2, 6], receiver.Receive(2).Select(packet => packet.Bytes[0]));
        Assert.Equal(5, sender.Dropped);
        Assert.Equal(2, sender.Counters.Read(SocketCounter.DroppedNoSource));
        Assert.Equal(2, sender.Counters.Read(SocketCounter.DatagramsSent));
    }

    [Fact]
    public void Segments_beyond_the_MTU_go_singly_and_in_order()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        const int Ipv6Mtu = 24;
        using UdpEnd sender = UdpEnd.Open(UdpBackend.Linux, "::1");
        using UdpEnd receiver = UdpEnd.Open(UdpBackend.Linux, "::1");
        Assert.True(Libc.TrySetOption(((UdpSocketLinux)sender.Sockets.Sockets[0]).Descriptor, Libc.LevelIPv6, Ipv6Mtu, 1280));
        int[] lengths = [1400, 1400, 1300, 1200, 1200, 1000, 1400, 1400];
        for (int index = 0; index < lengths.Length; index++)
        {
            sender.Write(receiver.At6, sender.At6, Numbered(index, lengths[index]));
        }

        sender.Batch.Flush();
        Assert.Equal(lengths.Select((length, index) => Numbered(index, length)), receiver.Receive(lengths.Length).Select(packet => packet.Bytes));
        Assert.Equal(0, sender.Dropped);
        Assert.Equal(5, sender.Counters.Read(SocketCounter.SegmentationRefused));
        Assert.Equal(lengths.Length, sender.Counters.Read(SocketCounter.DatagramsSent));
        Assert.Equal(lengths.Sum(), sender.Counters.Read(SocketCounter.BytesSent));
    }

    [Theory]
    [MemberData(nameof(Backends))]
    public void A_refusing_peer_disturbs_nobody(string backend)
    {
        using UdpEnd sender = UdpEnd.Open(Backend(backend));
        using UdpEnd receiver = UdpEnd.Open(Backend(backend), "127.0.0.1");
        TransportAddress closed;
        using (UdpEnd gone = UdpEnd.Open(Backend(backend), "127.0.0.1"))
        {
            closed = gone.At("127.0.0.1");
        }

        for (int round = 0; round < 20; round++)
        {
            sender.Send(closed, default, [1]);
            sender.Send(receiver.At("127.0.0.1"), default, [(byte)round]);
            Assert.Equal(round, Assert.Single(receiver.Receive(1)).Bytes[0]);
        }

        Assert.False(sender.Sockets.Sockets[0].Receive() && sender.Sockets.Sockets[0].TryRead(out _));
    }

    [Theory]
    [MemberData(nameof(Backends))]
    public void Two_workers_share_a_port(string backend)
    {
        using UdpEnd one = UdpEnd.Open(Backend(backend));
        using UdpEnd two = new(new UdpOptions { Backend = Backend(backend), Port = one.Sockets.Port });
        Assert.Equal(one.Sockets.Port, two.Sockets.Port);
        using UdpEnd client = UdpEnd.Open(Backend(backend), "127.0.0.1");
        if (OperatingSystem.IsLinux())
        {
            // The hash spreads 64 flows over both but for one time in 2^63.
            UdpEnd[] clients = [.. Enumerable.Range(0, 64).Select(_ => UdpEnd.Open(Backend(backend), "127.0.0.1"))];
            foreach (UdpEnd flow in clients)
            {
                flow.Send(one.At("127.0.0.1"), default, [1]);
                flow.Dispose();
            }

            int atOne = Drain(one);
            int atTwo = Drain(two);
            Assert.Equal(64, atOne + atTwo);
            Assert.InRange(atOne, 1, 63);
        }
    }

    private static int Drain(UdpEnd end)
    {
        int count = 0;
        while (end.Sockets.Sockets[0].Receive())
        {
            while (end.Sockets.Sockets[0].TryRead(out _))
            {
                count++;
            }
        }

        return count;
    }

    [Theory]
    [MemberData(nameof(Backends))]
    public void A_port_that_another_program_holds_stops_the_start(string backend)
    {
        using Socket other = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        other.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        int port = ((IPEndPoint)other.LocalEndPoint!).Port;
        IOException exception = Assert.Throws<IOException>(() => new UdpSocketSet(
            new UdpOptions { Backend = Backend(backend), Port = (ushort)port, Addresses = [IPAddress.Loopback] }, new()));
        Assert.Contains($"cannot bind UDP 127.0.0.1:{port}: ", exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Backends))]
    public void Buffer_sizes_are_told(string backend)
    {
        using UdpEnd end = UdpEnd.Open(Backend(backend));
        Assert.All(end.Sockets.Sockets, socket => Assert.True(socket.ReceiveBufferBytes >= 65_536 && socket.SendBufferBytes >= 65_536));
    }

    [Fact]
    public void The_loop_allocates_nothing_on_Linux()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        using UdpEnd one = UdpEnd.Open(UdpBackend.Linux);
        using UdpEnd two = UdpEnd.Open(UdpBackend.Linux, "127.0.0.1", "::1");
        byte[] packet = new byte[1200];
        long before = 0;
        for (int round = 0; round < 400; round++)
        {
            if (round == 200)
            {
                before = GC.GetAllocatedBytesForCurrentThread();
            }

            for (int index = 0; index < 20; index++)
            {
                one.Write(two.At4, default, packet);
                one.Write(two.At6, default, packet);
            }

            one.Batch.Flush();
            int seen = Echo(two, 40);
            two.Batch.Flush();
            seen += Echo(one, 40);
            one.Batch.Flush();
            seen += Echo(two, 40, drop: true);
            Assert.True(seen == 120);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static int Echo(UdpEnd end, int count, bool drop = false)
    {
        int seen = 0;
        Instant deadline = MonotonicClock.Now + TimeSpan.FromSeconds(10);
        while (seen < count && MonotonicClock.Now < deadline)
        {
            int ready = end.Poller.Wait(MonotonicClock.Now, deadline);
            for (int index = 0; index < ready; index++)
            {
                UdpSocket socket = end.Poller.GetReady(index)!;
                while (socket.Receive())
                {
                    while (socket.TryRead(out Datagram datagram))
                    {
                        seen++;
                        if (!drop)
                        {
                            end.Write(datagram.Remote, datagram.Local, datagram.Bytes);
                        }
                    }
                }
            }
        }

        return seen;
    }
}
