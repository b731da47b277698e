using System.Text;
using V100.Net.Crypto;
using V100.Sfu.Tests.Rtp;
using Xunit.Abstractions;

namespace V100.Net.Tests.Crypto;

public class DtlsServerSessionTests(ITestOutputHelper output)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(29);

    private static void AssertEstablished(DtlsServerPair pair, string? what = null) => Assert.True(
        pair.Established,
        $"{what}: client {pair.Client.State} {pair.Client.FailureReason}, server {pair.Server?.State} {pair.Server?.FailureReason}");

    private static DtlsServerPair MakeEstablished()
    {
        var pair = new DtlsServerPair();
        pair.Start();
        pair.Run(Patience);
        AssertEstablished(pair);
        return pair;
    }

    [Fact]
    public void A_session_begins_with_the_second_hello_and_stands_after_three_round_trips()
    {
        using var pair = new DtlsServerPair();
        pair.Start();
        Instant start = pair.Now;
        pair.Run(Patience);
        AssertEstablished(pair);
        Assert.True(pair.Now - start <= TimeSpan.FromMilliseconds(60), $"took {pair.Now - start}");
        Assert.Equal((1, 1), (pair.Listener.Answered, pair.Begun));
        Assert.True(pair.Server!.ApplicationProtocol.IsEmpty);
        Assert.All(pair.Sent, sent => Assert.InRange(sent.Bytes.Length, 1, 1200));
    }

    [Theory]
    [InlineData(0.1, 0.0, 10, 1200)]
    [InlineData(0.3, 0.1, 10, 1200)]
    [InlineData(0.0, 0.5, 60, 1200)]
    [InlineData(0.0, 0.0, 60, 256)]
    [InlineData(0.2, 0.2, 60, 256)]
    [InlineData(0.1, 0.2, 300, 300)]
    public void Loss_duplication_reordering_and_small_fragments_only_cost_time(
        double loss, double duplication, int delayMs, int maxDatagramLength)
    {
        for (int seed = 1; seed <= 40; seed++)
        {
            using var pair = new DtlsServerPair(seed, maxDatagramLength: maxDatagramLength)
            {
                Loss = loss,
                Duplication = duplication,
                Delay = TimeSpan.FromMilliseconds(delayMs),
            };
            pair.Start();
            pair.Run(Patience);
            AssertEstablished(pair, $"seed {seed}");
            Assert.All(pair.Sent, sent => Assert.InRange(sent.Bytes.Length, 1, maxDatagramLength));
        }
    }

    [Fact]
    public void Packets_keep_their_borders_both_ways()
    {
        using DtlsServerPair pair = MakeEstablished();
        byte[][] packets = [.. new[] { 1, 20, 1200, 1400, DtlsPacketAssociation.MaxPacketLength }.Select((length, index) => Pattern(length, index))];
        foreach (byte[] packet in packets)
        {
            Assert.True(pair.Send(pair.Client, packet));
            pair.Run(TimeSpan.FromMilliseconds(20), untilEstablished: false);
            Assert.True(pair.Send(pair.Server!, packet));
            pair.Run(TimeSpan.FromMilliseconds(20), untilEstablished: false);
        }

        Assert.Equal(packets, pair.ReceivedByServer);
        Assert.Equal(packets, pair.ReceivedByClient);
        Assert.Equal(0, pair.Server!.Rejected);
    }

    [Fact]
    public void Records_that_share_a_datagram_are_packets_of_their_own()
    {
        using DtlsServerPair pair = MakeEstablished();
        byte[][] packets = [Pattern(100, 1), Pattern(7, 2), Pattern(300, 3)];
        var datagram = new List<byte>();
        byte[] buffer = new byte[512];
        foreach (byte[] packet in packets)
        {
            Assert.True(pair.Client.TryWritePacket(packet, buffer, pair.Now, out int length));
            datagram.AddRange(buffer[..length]);
        }

        pair.Client.Close();
        Assert.True(pair.Client.TryPollDatagram(out ReadOnlySpan<byte> goodbye));
        pair.Deliver(toServer: true, [.. datagram, .. goodbye]);
        Assert.Equal(packets, pair.ReceivedByServer);
        Assert.Equal(DtlsState.Closed, pair.Server!.State);
        Assert.Null(pair.Server.FailureReason);
    }

    [Theory]
    [InlineData(99)]
    [InlineData(1)]
    public void A_packet_that_does_not_fit_is_dropped_and_the_next_is_read(int room)
    {
        using DtlsServerPair pair = MakeEstablished();
        byte[] buffer = new byte[1024];
        Assert.True(pair.Client.TryWritePacket(Pattern(700, 1), buffer, pair.Now, out int longLength));
        byte[] tooLong = buffer[..longLength];
        Assert.True(pair.Client.TryWritePacket([5], buffer, pair.Now, out int shortLength));
        pair.Server!.HandleDatagram([.. tooLong, .. buffer[..shortLength]], pair.Now);
        byte[] packet = new byte[room];
        Assert.True(pair.Server.TryReadPacket(packet, out int length));
        Assert.Equal((1, 5), (length, packet[0]));
        Assert.False(pair.Server.TryReadPacket(packet, out _));
        Assert.Equal(DtlsState.Established, pair.Server.State);
    }

    [Fact]
    public void What_is_not_read_gives_way_to_what_comes()
    {
        using DtlsServerPair pair = MakeEstablished();
        byte[] buffer = new byte[256];
        for (byte number = 1; number <= 3; number++)
        {
            Assert.True(pair.Client.TryWritePacket([number, number], buffer, pair.Now, out int length));
            pair.Server!.HandleDatagram(buffer.AsSpan(0, length), pair.Now);
        }

        Instant idle = pair.Server!.NextDeadline;
        pair.Server.HandleDeadline(idle);
        Assert.True(pair.Server.NextDeadline > idle);
        Assert.True(pair.Server.TryReadPacket(buffer, out int read));
        Assert.Equal((2, 3), (read, buffer[0]));
        Assert.False(pair.Server.TryReadPacket(buffer, out _));
    }

    [Fact]
    public void What_cannot_be_sent_is_refused()
    {
        using DtlsServerPair pair = MakeEstablished();
        byte[] room = new byte[4096];
        Assert.False(pair.Server!.TryWritePacket([], room, pair.Now, out _));
        Assert.False(pair.Server.TryWritePacket(new byte[DtlsPacketAssociation.MaxPacketLength + 1], room, pair.Now, out _));
        Assert.False(pair.Server.TryWritePacket(new byte[100], room.AsSpan(0, 99 + DtlsPacketAssociation.MaxOverhead), pair.Now, out int length));
        Assert.Equal(0, length);
        Assert.True(pair.Server.TryWritePacket(new byte[100], room.AsSpan(0, 100 + DtlsPacketAssociation.MaxOverhead), pair.Now, out length));
        Assert.InRange(length, 101, 100 + DtlsPacketAssociation.MaxOverhead);
        pair.Server.Close();
        Assert.False(pair.Server.TryWritePacket(new byte[100], room, pair.Now, out _));
        using var early = new DtlsClientSession();
        early.Start(pair.Now);
        Assert.False(early.TryWritePacket(new byte[100], room, pair.Now, out _));
    }

    /// <summary>The buffers go while nobody speaks, and either side may speak first after that.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void An_idle_session_has_no_deadline_and_wakes_up_with_a_packet(bool serverSpeaksFirst)
    {
        using DtlsServerPair pair = MakeEstablished();
        for (int turn = 0; turn < 3; turn++)
        {
            Assert.InRange((pair.Server!.NextDeadline - pair.Now).TotalMilliseconds, 0, DtlsPacketAssociation.IdleMs);
            pair.Run(TimeSpan.FromSeconds(2), untilEstablished: false);
            Assert.Equal(Instant.Never, pair.Server.NextDeadline);
            Assert.Equal(Instant.Never, pair.Client.NextDeadline);
            Assert.True(pair.Send(serverSpeaksFirst ? pair.Server : pair.Client, [1, 2, 3]));
            Assert.True(pair.Send(serverSpeaksFirst ? pair.Server : pair.Client, [4, 5, 6]));
            pair.Run(TimeSpan.FromMilliseconds(50), untilEstablished: false);
        }

        Assert.Equal(6, (serverSpeaksFirst ? pair.ReceivedByClient : pair.ReceivedByServer).Count);
    }

    [Fact]
    public void Closing_an_idle_session_says_goodbye()
    {
        using DtlsServerPair pair = MakeEstablished();
        pair.Run(TimeSpan.FromSeconds(2), untilEstablished: false);
        pair.Server!.Close();
        pair.Collect();
        pair.Run(TimeSpan.FromSeconds(1), untilEstablished: false);
        Assert.Equal(DtlsState.Closed, pair.Client.State);
        Assert.Null(pair.Client.FailureReason);
    }

    [Fact]
    public void Forged_and_repeated_packets_are_counted_and_nothing_else()
    {
        using DtlsServerPair pair = MakeEstablished();
        byte[] buffer = new byte[256];
        Assert.True(pair.Client.TryWritePacket(Pattern(100, 1), buffer, pair.Now, out int length));
        byte[] packet = buffer[..length];
        int offset = 0;
        for (; offset < packet.Length; offset++)
        {
            byte[] forged = [.. packet];
            forged[offset] ^= 1;
            // The type and the epoch decide who looks at it.
            if (offset is not (0 or 3 or 4))
            {
                pair.Deliver(toServer: true, forged);
            }
        }

        Assert.Empty(pair.ReceivedByServer);
        Assert.Equal(packet.Length - 3, pair.Server!.Rejected);
        pair.Deliver(toServer: true, packet);
        pair.Deliver(toServer: true, packet);
        Assert.Single(pair.ReceivedByServer);
        Assert.Equal(packet.Length - 2, pair.Server.Rejected);
        Assert.True(pair.Established);
        Assert.False(pair.Server.TryPollDatagram(out _));
    }

    [Fact]
    public void A_packet_allocates_nothing_either_way()
    {
        using DtlsServerPair pair = MakeEstablished();
        byte[] packet = Pattern(1000, 1);
        byte[] datagram = new byte[2048];
        byte[] room = new byte[2048];
        byte[] response = new byte[DtlsListener.MaxResponseLength];
        int received = 0;
        long before = 0;
        for (int turn = 0; turn < 300; turn++)
        {
            if (turn == 100)
            {
                before = GC.GetAllocatedBytesForCurrentThread();
            }

            Exchange(pair.Client, pair.Server!);
            Exchange(pair.Server!, pair.Client);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal(600, received);

        void Exchange(DtlsPacketAssociation from, DtlsPacketAssociation to)
        {
            _ = from.TryWritePacket(packet, datagram, pair.Now, out int length);
            _ = pair.Listener.Examine(datagram.AsSpan(0, length), pair.Server, DtlsServerPair.ClientAddress, pair.Now, response, out _);
            to.HandleDatagram(datagram.AsSpan(0, length), pair.Now);
            while (to.TryReadPacket(room, out int read))
            {
                received += read == packet.Length ? 1 : 0;
            }
        }
    }

    [Theory]
    [InlineData("stun.turn", "stun.turn")]
    [InlineData("stun.nat-discovery", "stun.nat-discovery")]
    [InlineData("h2,stun.nat-discovery,stun.turn", "stun.turn")]
    public void The_protocol_of_the_clients_offer_is_selected(string offered, string expected)
    {
        using var pair = new DtlsServerPair(applicationProtocols: Protocols(offered));
        pair.Start();
        pair.Run(Patience);
        AssertEstablished(pair);
        Assert.Equal(expected, Encoding.ASCII.GetString(pair.Server!.ApplicationProtocol));
        Assert.Equal(expected, Encoding.ASCII.GetString(pair.Client.ApplicationProtocol));
    }

    [Theory]
    [InlineData("h2")]
    [InlineData("stun.turn2,stun.tur,stun")]
    public void A_client_that_offers_other_protocols_alone_is_refused(string offered)
    {
        using var pair = new DtlsServerPair(applicationProtocols: Protocols(offered));
        pair.Start();
        pair.Run(Patience);
        Assert.Equal(DtlsState.Failed, pair.Server!.State);
        Assert.Equal(DtlsState.Failed, pair.Client.State);
        Assert.Contains("no application protocol", pair.Client.FailureReason, StringComparison.Ordinal);
    }

    /// <summary>The server is done and speaks; the client, which is not, hears its last flight again when it asks.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void The_last_flight_is_repeated_after_packets_were_sent(int losses)
    {
        int lost = 0;
        using var pair = new DtlsServerPair();
        pair.Drop = (toServer, bytes) => !toServer && pair.Server?.State == DtlsState.Established && bytes[0] != DtlsRecord.ApplicationData && lost++ < losses;
        pair.Start();
        for (int milliseconds = 0; milliseconds < 1000 && pair.Server?.State != DtlsState.Established; milliseconds++)
        {
            pair.Run(TimeSpan.FromMilliseconds(1));
        }

        Assert.True(pair.Send(pair.Server!, [1, 2, 3]));
        Assert.True(pair.Send(pair.Server!, [4, 5, 6]));
        pair.Run(Patience);
        AssertEstablished(pair);
        Assert.Equal(losses + 1, lost);
        Assert.True(pair.Send(pair.Server!, [7]));
        pair.Run(TimeSpan.FromMilliseconds(50), untilEstablished: false);
        // What came before the flight was kept.
        Assert.Equal([[1, 2, 3], [4, 5, 6], [7]], pair.ReceivedByClient);
    }

    [Fact]
    public void A_client_that_vanishes_amid_the_handshake_is_given_up_at_the_deadline()
    {
        using var pair = new DtlsServerPair { Drop = (toServer, bytes) => toServer && bytes[13] != DtlsHello.MessageType };
        pair.Start();
        Instant start = pair.Now;
        pair.Run(TimeSpan.FromSeconds(100));
        Assert.Equal(DtlsState.Failed, pair.Server!.State);
        Assert.Equal("the handshake timed out", pair.Server.FailureReason);
        Assert.Equal(Instant.Never, pair.Server.NextDeadline);
        Assert.InRange(pair.Sent.Count(sent => !sent.ToServer), 8, 40);
        Assert.True(pair.Now - start >= TimeSpan.FromMilliseconds(DtlsAssociation.HandshakeTimeoutMs));
    }

    /// <summary>RFC 6347 section 4.2.8: the association ends when the new hello shows its cookie, and not before.</summary>
    [Fact]
    public void A_client_that_starts_again_from_its_address_gets_a_new_session()
    {
        using DtlsServerPair pair = MakeEstablished();
        DtlsServerSession first = pair.Server!;
        pair.Drop = (toServer, bytes) => toServer && bytes[0] == DtlsRecord.Handshake && bytes.AsSpan(17, 2) is [0, 1];
        pair.RestartClient();
        pair.Run(TimeSpan.FromMilliseconds(500));
        Assert.Same(first, pair.Server);
        Assert.Equal(DtlsState.Established, first.State);
        pair.Drop = null;
        pair.Run(Patience);
        AssertEstablished(pair);
        Assert.NotSame(first, pair.Server);
        Assert.Equal(2, pair.Begun);
    }

    [Fact]
    public void A_datagram_that_begins_nothing_fails_the_session_that_is_given_it()
    {
        using var session = new DtlsServerSession(DtlsServerPair.Context);
        session.Start([22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1], new Instant(1));
        Assert.Equal(DtlsState.Failed, session.State);
        Assert.NotNull(session.FailureReason);
        Assert.Equal(Instant.Never, session.NextDeadline);
    }

    [Fact]
    public void Late_copies_of_the_handshake_change_nothing()
    {
        using DtlsServerPair pair = MakeEstablished();
        DtlsServerSession server = pair.Server!;
        List<(bool ToServer, byte[] Bytes)> handshake = [.. pair.Sent];
        foreach ((bool toServer, byte[] bytes) in handshake)
        {
            pair.Deliver(toServer, bytes);
        }

        Assert.Same(server, pair.Server);
        AssertEstablished(pair);
        Assert.True(pair.Send(pair.Client, [1]));
        pair.Run(TimeSpan.FromMilliseconds(50), untilEstablished: false);
        Assert.Single(pair.ReceivedByServer);
    }

    [Fact]
    public void Without_memory_a_session_has_failed_from_the_beginning()
    {
        byte[] hello;
        using (DtlsServerPair model = MakeEstablished())
        {
            // The one with the cookie.
            hello = model.Sent.Where(sent => sent.ToServer).ElementAt(1).Bytes;
        }

        using var session = new DtlsServerSession(ContextsWithoutMemory.Server);
        Assert.Equal(DtlsState.Failed, session.State);
        Assert.NotNull(session.FailureReason);
        session.Start(hello, new Instant(1));
        session.HandleDatagram(hello, new Instant(2));
        session.HandleDeadline(new Instant(long.MaxValue));
        session.Close();
        Assert.Equal(DtlsState.Failed, session.State);
        Assert.Equal(Instant.Never, session.NextDeadline);
        Assert.False(session.TryPollDatagram(out _));
        Assert.False(session.TryReadPacket(new byte[100], out _));
        Assert.False(session.TryWritePacket([1], new byte[100], new Instant(3), out _));
        Assert.True(session.ApplicationProtocol.IsEmpty);
    }

    /// <summary>Each state of a handshake gets noise and what the handshake says, changed; nobody gets in by it, and nothing throws.</summary>
    [Fact]
    public void Fuzzed_datagrams_in_each_state_never_throw_and_never_forge_a_packet()
    {
        List<(bool ToServer, byte[] Bytes)> corpus;
        using (DtlsServerPair model = MakeEstablished())
        {
            model.Send(model.Client, Pattern(50, 1));
            corpus = [.. model.Sent];
        }

        Random random = Seeds.NewRandom(output);
        for (int round = 0; round < 60; round++)
        {
            using var pair = new DtlsServerPair(random.Next());
            pair.Start();
            // So far the handshake gets, one datagram more with each turn.
            pair.Run(TimeSpan.FromMilliseconds(round % 8 * 10));
            for (int turn = 0; turn < 100; turn++)
            {
                byte[] bytes = [.. pair.Sent.Count > 0 && random.Next(2) == 0 ? pair.Sent[random.Next(pair.Sent.Count)].Bytes : corpus[random.Next(corpus.Count)].Bytes];
                for (int change = 1 + random.Next(3); change > 0; change--)
                {
                    bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
                }

                pair.Deliver(toServer: true, random.Next(4) == 0 ? bytes[..random.Next(bytes.Length)] : bytes);
                while (pair.Server is not null && pair.Server.TryPollDatagram(out _))
                {
                }
            }

            Assert.True(pair.ReceivedByServer.Count == 0, $"round {round}");
            Assert.True(pair.Server is null || pair.Server.State != DtlsState.Closed, $"round {round}");
        }
    }

    [Fact]
    public void Many_sessions_leave_nothing_behind()
    {
        int before = DtlsAssociation.LiveAssociations;
        long residentAfterWarmUp = 0;
        for (int turn = 0; turn < 1000; turn++)
        {
            using var pair = new DtlsServerPair(turn);
            pair.Start();
            pair.Run(Patience);
            Assert.True(pair.Established);
            Assert.True(pair.Send(pair.Client, [1, 2, 3]));
            pair.Run(TimeSpan.FromMilliseconds(20), untilEstablished: false);
            residentAfterWarmUp = turn == 300 ? Environment.WorkingSet : residentAfterWarmUp;
        }

        // Other tests run beside this one and have sessions for a moment.
        Assert.InRange(DtlsAssociation.LiveAssociations, 0, before + 16);
        // 700 pairs of leaked sessions would be about 60 MB.
        Assert.InRange(Environment.WorkingSet - residentAfterWarmUp, long.MinValue, 30_000_000);
    }

    private static byte[] Protocols(string names) => [.. names.Split(',').SelectMany(name => (byte[])[(byte)name.Length, .. Encoding.ASCII.GetBytes(name)])];

    private static byte[] Pattern(int length, int seed)
    {
        byte[] bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }
}
