using System.Net;
using V100.Net.Sockets;

namespace V100.Net.Tests.Sockets;

/// <summary>What a relay asks of the sockets: ports of its own, payloads sent from where they lie, ICMP errors with whom they concern.</summary>
public sealed class RelaySocketTests
{
    public static TheoryData<string> Backends => UdpSocketTests.Backends;

    private static readonly UdpOptions Relay = new() { Shared = false, ReportsErrors = true, BufferBytes = 1 << 20 };

    private static UdpEnd Open(string backend) => UdpEnd.Open(Enum.Parse<UdpBackend>(backend), "127.0.0.1");

    private static TransportAddress Loopback(ushort port) => TransportAddress.From(IPAddress.Loopback, port);

    private static UdpSocket OpenRelay(UdpEnd end)
    {
        UdpSocket? relay = end.Sockets.TryOpen(Loopback(0), Relay with { Backend = end.Sockets.Backend });
        Assert.NotNull(relay);
        Assert.True(end.Poller.TryAdd(relay));
        return relay;
    }

    [Theory]
    [MemberData(nameof(Backends))]
    public void A_relayed_address_has_a_port_of_its_own_and_packets_leave_from_it(string backend)
    {
        using UdpEnd server = Open(backend);
        using UdpEnd peer = Open(backend);
        UdpSocket relay = OpenRelay(server);
        Assert.NotEqual(server.Sockets.Port, relay.Bound.Port);
        server.Send(peer.At4, relay.Bound, [1, 2, 3]);
        Assert.Equal(relay.Bound, Assert.Single(peer.Receive(1)).Remote);
        peer.Send(relay.Bound, peer.At4, [4, 5]);
        Received back = Assert.Single(server.Receive(1));
        Assert.Equal((relay.Bound, peer.At4), (back.Local, back.Remote));
    }

    /// <summary>Behind a one-to-one NAT a relay is bound to all addresses: a packet must still name what the relay is known by.</summary>
    [Theory]
    [MemberData(nameof(Backends))]
    public void A_relay_on_all_addresses_is_named_by_what_it_is_bound_to(string backend)
    {
        using UdpEnd server = Open(backend);
        using UdpEnd peer = Open(backend);
        UdpSocket? relay = server.Sockets.TryOpen(TransportAddress.From(IPAddress.Any, 0), Relay with { Backend = server.Sockets.Backend });
        Assert.NotNull(relay);
        Assert.True(server.Poller.TryAdd(relay));
        peer.Send(Loopback(relay.Bound.Port), peer.At4, [4, 5]);
        Received came = Assert.Single(server.Receive(1));
        Assert.Equal((relay.Bound, peer.At4), (came.Local, came.Remote));
        server.Send(peer.At4, relay.Bound, [1, 2, 3]);
        Assert.Equal(Loopback(relay.Bound.Port), Assert.Single(peer.Receive(1)).Remote);
    }

    [Theory]
    [MemberData(nameof(Backends))]
    public void A_port_that_is_taken_is_refused_without_an_exception_and_free_again_after_the_close(string backend)
    {
        using UdpEnd server = Open(backend);
        using UdpEnd other = Open(backend);
        UdpSocket relay = OpenRelay(server);
        TransportAddress address = relay.Bound;
        Assert.Null(other.Sockets.TryOpen(address, Relay));
        server.Poller.Remove(relay);
        server.Sockets.Close(relay);
        UdpSocket? again = other.Sockets.TryOpen(address, Relay);
        Assert.Equal(address, again?.Bound);

        // Nothing leaves through a socket that is closed, and the loss is counted.
        server.Send(other.At4, address, [1]);
        Assert.Equal(1, server.Counters.Read(SocketCounter.DroppedNoSource));
    }

    [Theory]
    [MemberData(nameof(Backends))]
    public void A_held_socket_keeps_its_port_and_serves_whoever_adopts_it(string backend)
    {
        using UdpEnd maker = Open(backend);
        using UdpEnd taker = Open(backend);
        using UdpEnd peer = Open(backend);
        UdpSocket? held = maker.Sockets.TryHold(Loopback(0), Relay with { Backend = maker.Sockets.Backend });
        Assert.NotNull(held);
        Assert.Null(taker.Sockets.TryOpen(held.Bound, Relay));
        maker.Send(peer.At4, held.Bound, [1]);
        Assert.Equal(1, maker.Counters.Read(SocketCounter.DroppedNoSource));

        taker.Sockets.Adopt(held);
        Assert.True(taker.Poller.TryAdd(held));
        taker.Send(peer.At4, held.Bound, [2, 3]);
        Assert.Equal(held.Bound, Assert.Single(peer.Receive(1)).Remote);
        peer.Send(held.Bound, peer.At4, [4]);
        Assert.Equal((held.Bound, peer.At4), Assert.Single(taker.Receive(1)) is var came ? (came.Local, came.Remote) : default);
        Assert.Equal((1, 0), (taker.Counters.Read(SocketCounter.DatagramsReceived), maker.Counters.Read(SocketCounter.DatagramsReceived)));
    }

    [Theory]
    [MemberData(nameof(Backends))]
    public void A_held_socket_that_nobody_adopts_gives_its_port_back(string backend)
    {
        using UdpEnd maker = Open(backend);
        UdpSocket? held = maker.Sockets.TryHold(Loopback(0), Relay with { Backend = maker.Sockets.Backend });
        Assert.NotNull(held);
        TransportAddress address = held.Bound;
        held.Dispose();
        Assert.NotNull(maker.Sockets.TryOpen(address, Relay with { Backend = maker.Sockets.Backend }));
    }

    [Theory]
    [MemberData(nameof(Backends))]
    public void A_socket_that_is_closed_in_the_turn_that_found_it_readable_is_skipped(string backend)
    {
        using UdpEnd server = Open(backend);
        using UdpEnd peer = Open(backend);
        UdpSocket relay = OpenRelay(server);
        peer.Send(relay.Bound, peer.At4, [1]);
        Assert.Equal(1, server.Poller.Wait(MonotonicClock.Now, MonotonicClock.Now + TimeSpan.FromSeconds(10)));
        Assert.Same(relay, server.Poller.GetReady(0));
        server.Poller.Remove(relay);
        server.Sockets.Close(relay);
        Assert.Null(server.Poller.GetReady(0));
    }

    [Theory]
    [MemberData(nameof(Backends))]
    public void A_payload_is_sent_from_where_it_lies_behind_the_bytes_written_for_it(string backend)
    {
        using UdpEnd server = Open(backend);
        using UdpEnd peer = Open(backend);
        using PacketPool pool = new(1);
        Assert.True(pool.TryRent(out PacketBuffer memory));
        // Runs of one size to one destination, which Linux gathers into one message; then other sizes, an empty payload, an empty header.
        (int Header, int Payload)[] shapes = [(4, 1000), (4, 1000), (4, 1000), (4, 200), (0, 700), (36, 0), (0, 0), (4, 1000)];
        new Random(7).NextBytes(memory.Room);
        List<byte[]> sent = [];
        for (int index = 0; index < shapes.Length; index++)
        {
            (int header, int payload) = shapes[index];
            ReadOnlySpan<byte> body = memory.Room.Slice(13 * index, payload);
            Span<byte> room = server.Batch.Reserve(peer.At4, server.At4, 64);
            room[..header].Fill((byte)index);
            server.Batch.Commit(header, body);
            sent.Add([.. Enumerable.Repeat((byte)index, header), .. body]);
        }

        server.Batch.Flush();
        Assert.Equal(sent, peer.Receive(shapes.Length).Select(packet => packet.Bytes));
        Assert.Equal(sent.Sum(packet => packet.Length), server.Counters.Read(SocketCounter.BytesSent));
        memory.Release();
    }

    [Theory]
    [MemberData(nameof(Backends))]
    public void What_several_sockets_received_can_be_passed_on_at_once_where_it_is_kept(string backend)
    {
        using UdpEnd server = Open(backend);
        using UdpEnd peer = Open(backend);
        UdpSocket[] relays = [.. Enumerable.Range(0, 6).Select(_ => OpenRelay(server))];
        byte[][] sent = [.. Enumerable.Range(0, relays.Length * 60).Select(number => BitConverter.GetBytes(number))];
        for (int number = 0; number < sent.Length; number++)
        {
            peer.Send(relays[number / 60].Bound, peer.At4, sent[number]);
        }

        WaitForAll(server, relays);
        WaitForAll(server, relays);
        int calls = 0;
        int restarts = 0;
        foreach (UdpSocket relay in relays)
        {
            bool keeps = calls++ > 0 && relay.CanKeep;
            if (!keeps)
            {
                server.Batch.Flush();
                restarts++;
            }

            Assert.True(keeps ? relay.ReceiveKeeping() : relay.Receive());
            while (relay.TryRead(out Datagram datagram))
            {
                server.Batch.Reserve(peer.At4, relay.Bound, 0);
                server.Batch.Commit(0, datagram.Bytes);
                if (!relay.KeepsBytes)
                {
                    server.Batch.Flush();
                }
            }
        }

        server.Batch.Flush();
        Assert.Equal(sent.Select(Convert.ToHexString).Order(), peer.Receive(sent.Length).Select(packet => Convert.ToHexString(packet.Bytes)).Order());

        // Room for two batches of 64: every third call begins anew.
        Assert.Equal(backend == nameof(UdpBackend.Linux) ? relays.Length / 2 : relays.Length, restarts);
    }

    private static void WaitForAll(UdpEnd end, UdpSocket[] sockets) =>
        Assert.Equal(sockets.Length, end.Poller.Wait(MonotonicClock.Now, MonotonicClock.Now + TimeSpan.FromSeconds(10)));

    /// <summary>A look for a second message costs a quarter of a receive: only a socket that stays ready is worth it.</summary>
    [Fact]
    public void A_relay_that_becomes_ready_gives_one_message_and_all_others_if_it_stays_so()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        using UdpEnd server = Open(nameof(UdpBackend.Linux));
        using UdpEnd peer = Open(nameof(UdpBackend.Linux));
        UdpSocket relay = OpenRelay(server);
        foreach (int[] expected in (int[][])[[1, 9], [1, 2]])
        {
            for (int number = 0; number < expected.Sum(); number++)
            {
                peer.Send(relay.Bound, peer.At4, [(byte)number]);
            }

            int came = 0;
            foreach (int count in expected)
            {
                WaitForAll(server, [relay]);
                Assert.True(relay.Receive());
                for (int number = 0; number < count; number++)
                {
                    Assert.True(relay.TryRead(out Datagram datagram));
                    Assert.Equal(came++, datagram.Bytes[0]);
                }

                Assert.False(relay.TryRead(out _));
                Assert.False(relay.MayHaveMore);
            }

            // A turn in which another socket is ready.
            peer.Send(server.At4, peer.At4, [1]);
            Assert.Single(server.Receive(1));
        }
    }

    [Fact]
    public void An_ICMP_error_says_whom_it_concerns_and_stops_nothing()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        using UdpEnd server = Open(nameof(UdpBackend.Linux));
        using UdpEnd peer = Open(nameof(UdpBackend.Linux));
        UdpSocket relay = OpenRelay(server);
        TransportAddress nobody;
        using (UdpEnd closing = Open(nameof(UdpBackend.Linux)))
        {
            nobody = closing.At4;
        }

        server.Send(nobody, relay.Bound, [1]);
        Assert.Equal(1, server.Poller.Wait(MonotonicClock.Now, MonotonicClock.Now + TimeSpan.FromSeconds(10)));
        Assert.True(relay.HasErrors);
        Assert.True(relay.TryReadError(out PathError error));

        // RFC 792: destination unreachable, port unreachable.
        Assert.Equal(new PathError(nobody, 3, 3, 0), error);
        Assert.False(relay.TryReadError(out _));
        Assert.False(relay.HasErrors);

        // The system says the next such error to whoever sends next; that packet goes out all the same.
        server.Send(nobody, relay.Bound, [1]);
        server.Send(peer.At4, relay.Bound, [2]);
        Assert.Equal([2], Assert.Single(peer.Receive(1)).Bytes);
    }

    [Fact]
    public void DF_is_a_matter_of_the_moment()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        using UdpEnd server = Open(nameof(UdpBackend.Linux));
        UdpSocket relay = OpenRelay(server);
        Assert.True(relay.TrySetDontFragment(true));
        Assert.True(relay.TrySetDontFragment(false));
    }
}
