using System.Text.Json;
using V100.Net.Crypto;
using V100.Sfu.Tests.Rtp;
using Xunit.Abstractions;

namespace V100.Net.Tests.Crypto;

public class DtlsSessionTests(ITestOutputHelper output)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(29);

    private static (byte[] ClientKey, byte[] ClientSalt, byte[] ServerKey, byte[] ServerSalt) Export(DtlsSession session)
    {
        SrtpProfile profile = session.SrtpProfile;
        byte[] clientKey = new byte[profile.KeyLength()];
        byte[] clientSalt = new byte[profile.SaltLength()];
        byte[] serverKey = new byte[profile.KeyLength()];
        byte[] serverSalt = new byte[profile.SaltLength()];
        Assert.True(session.TryExportSrtpKeys(clientKey, clientSalt, serverKey, serverSalt));
        return (clientKey, clientSalt, serverKey, serverSalt);
    }

    private static void AssertSameKeys(DtlsPair pair)
    {
        (byte[] clientKey, byte[] clientSalt, byte[] serverKey, byte[] serverSalt) = Export(pair.Client);
        (byte[] clientKey2, byte[] clientSalt2, byte[] serverKey2, byte[] serverSalt2) = Export(pair.Server);
        Assert.Equal(clientKey, clientKey2);
        Assert.Equal(clientSalt, clientSalt2);
        Assert.Equal(serverKey, serverKey2);
        Assert.Equal(serverSalt, serverSalt2);
        Assert.NotEqual(clientKey, serverKey);
        Assert.NotEqual(clientSalt, serverSalt);
        Assert.Contains(clientKey, value => value != 0);
    }

    [Fact]
    public void Two_sessions_agree_in_two_round_trips_and_export_the_same_keys()
    {
        using var pair = new DtlsPair();
        pair.Start();
        Instant start = pair.Now;
        pair.Run(Patience);
        Assert.True(pair.Established, $"{pair.Client.FailureReason} {pair.Server.FailureReason}");
        Assert.True(pair.Now - start <= TimeSpan.FromMilliseconds(40), $"took {pair.Now - start}");
        Assert.Equal(SrtpProfile.AeadAes128Gcm, pair.Client.SrtpProfile);
        Assert.Equal(SrtpProfile.AeadAes128Gcm, pair.Server.SrtpProfile);
        Assert.Equal(Instant.Never, pair.Client.NextDeadline);
        Assert.Equal(Instant.Never, pair.Server.NextDeadline);
        AssertSameKeys(pair);
        Assert.All(pair.Sent, datagram => Assert.InRange(datagram.Length, 1, 1200));
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
            using var pair = new DtlsPair(seed, maxDatagramLength)
            {
                Loss = loss,
                Duplication = duplication,
                Delay = TimeSpan.FromMilliseconds(delayMs),
            };
            pair.Start();
            pair.Run(Patience);
            Assert.True(
                pair.Established,
                $"seed {seed}: client {pair.Client.State} {pair.Client.FailureReason}, server {pair.Server.State} {pair.Server.FailureReason}");
            AssertSameKeys(pair);
            Assert.All(pair.Sent, datagram => Assert.InRange(datagram.Length, 1, maxDatagramLength));
        }
    }

    [Fact]
    public void A_lost_flight_is_sent_again_after_the_first_interval()
    {
        int flight = 0;
        using var pair = new DtlsPair { Drop = (_, _) => flight++ == 0 };
        pair.Start();
        Instant start = pair.Now;
        pair.Run(Patience);
        Assert.True(pair.Established);
        Assert.InRange((pair.Now - start).TotalMilliseconds, DtlsSession.FirstRetransmitMs, DtlsSession.FirstRetransmitMs + 40);
    }

    /// <summary>
    /// The server is done and the client is not: the client's Finished comes again as a new record, or the server's
    /// replay check would drop it, and the server answers with its last flight.
    /// </summary>
    [Theory]
    [InlineData(1, false)]
    [InlineData(4, false)]
    [InlineData(4, true)]
    public void The_last_flight_lost_several_times_is_asked_for_and_answered_again(int losses, bool releases)
    {
        int lost = 0;
        using var pair = new DtlsPair();
        (byte[] Key, byte[] Salt)? exported = null;
        pair.Drop = (to, _) =>
        {
            bool isLast = to == pair.Client && pair.Server.State == DtlsState.Established;
            if (isLast && releases && exported is null)
            {
                (byte[] key, byte[] salt, _, _) = Export(pair.Server);
                exported = (key, salt);
                pair.Server.ReleaseHandshake();
            }

            return isLast && lost++ < losses;
        };
        pair.Start();
        pair.Run(Patience);
        Assert.True(pair.Established, $"{pair.Client.State}");
        Assert.Equal(losses + 1, lost);
        if (exported is { } taken)
        {
            (byte[] key, byte[] salt, _, _) = Export(pair.Client);
            Assert.Equal(taken.Key, key);
            Assert.Equal(taken.Salt, salt);
        }
        else
        {
            AssertSameKeys(pair);
        }
    }

    /// <summary>What a peer sees that has an own replay check, whatever it did with the first copy of a message.</summary>
    [Fact]
    public void No_record_number_is_used_twice_within_a_flight_and_its_retransmissions()
    {
        var numbers = new HashSet<string>();
        using var session = new DtlsSession(DtlsPair.ClientContext, DtlsRole.Client, DtlsPair.ServerContext.Certificate.FingerprintSha256);
        var now = new Instant(5);
        session.Start(now);
        for (int turn = 0; turn <= DtlsBio.Renditions; turn++)
        {
            int datagrams = 0;
            while (session.TryPollDatagram(out ReadOnlySpan<byte> datagram))
            {
                datagrams++;
                Assert.True(numbers.Add(Convert.ToHexString(datagram.Slice(3, 8))), $"turn {turn}");
            }

            Assert.True(datagrams > 0, $"turn {turn}");
            now = session.NextDeadline;
            session.HandleDeadline(now);
        }
    }

    [Fact]
    public void A_handshake_that_nobody_answers_fails_at_its_time_with_a_bounded_number_of_datagrams()
    {
        using var pair = new DtlsPair { Loss = 1 };
        pair.Start();
        Instant start = pair.Now;
        pair.Run(TimeSpan.FromSeconds(100));
        Assert.Equal(DtlsState.Failed, pair.Client.State);
        Assert.Equal(DtlsState.Failed, pair.Server.State);
        Assert.Equal("the handshake timed out", pair.Client.FailureReason);
        Assert.Equal(Instant.Never, pair.Client.NextDeadline);
        Assert.InRange(pair.Sent.Count, 8, 14);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Another_fingerprint_fails_the_session_before_it_is_established(bool atServer)
    {
        byte[] wrong = new byte[32];
        using var pair = new DtlsPair(expectedByClient: atServer ? null : wrong, expectedByServer: atServer ? wrong : null);
        pair.Start();
        pair.Run(Patience);
        (DtlsSession checker, DtlsSession other) = atServer ? (pair.Server, pair.Client) : (pair.Client, pair.Server);
        Assert.Equal(DtlsState.Failed, checker.State);
        Assert.Equal("the peer's certificate does not have the expected fingerprint", checker.FailureReason);
        Assert.Equal(SrtpProfile.None, checker.SrtpProfile);
        Assert.False(checker.TryExportSrtpKeys(new byte[16], new byte[12], new byte[16], new byte[12]));
        Assert.Equal(DtlsState.Failed, other.State);
        Assert.Contains("bad certificate", other.FailureReason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true, false, false)]
    [InlineData(false, false, false)]
    [InlineData(true, true, false)]
    [InlineData(false, true, false)]
    [InlineData(true, false, true)]
    [InlineData(false, false, true)]
    [InlineData(true, true, true)]
    [InlineData(false, true, true)]
    public void Closing_closes_the_other_side_whoever_gave_the_handshake_back(bool server, bool serverReleases, bool clientReleases)
    {
        using var pair = new DtlsPair();
        pair.Start();
        pair.Run(Patience);
        Release(pair, serverReleases, clientReleases);
        (DtlsSession first, DtlsSession second) = server ? (pair.Server, pair.Client) : (pair.Client, pair.Server);
        first.Close();
        Assert.Equal(DtlsState.Closed, first.State);
        pair.Collect();
        pair.Run(TimeSpan.FromSeconds(1), untilEstablished: false);
        Assert.Equal(DtlsState.Closed, second.State);
        Assert.Null(second.FailureReason);
    }

    private static void Release(DtlsPair pair, bool server, bool client)
    {
        (server ? pair.Server : null)?.ReleaseHandshake();
        (client ? pair.Client : null)?.ReleaseHandshake();
        Assert.Equal(!server, pair.Server.TryExportSrtpKeys(new byte[16], new byte[12], new byte[16], new byte[12]));
        Assert.Equal(!client, pair.Client.TryExportSrtpKeys(new byte[16], new byte[12], new byte[16], new byte[12]));
        Assert.True(pair.Established);
    }

    /// <summary>Any bit of it changed, it is no goodbye; as it is, it is one.</summary>
    [Fact]
    public void A_session_that_gave_its_handshake_back_takes_no_forged_goodbye()
    {
        using var pair = new DtlsPair();
        pair.Start();
        pair.Run(Patience);
        Release(pair, server: true, client: false);
        pair.Client.Close();
        Assert.True(pair.Client.TryPollDatagram(out ReadOnlySpan<byte> polled));
        byte[] goodbye = polled.ToArray();
        for (int bit = 0; bit < 8 * goodbye.Length; bit++)
        {
            byte[] forged = [.. goodbye];
            forged[bit / 8] ^= (byte)(1 << bit % 8);
            pair.Server.HandleDatagram(forged, pair.Now);
            Assert.Equal(DtlsState.Established, pair.Server.State);
        }

        for (int length = 0; length < goodbye.Length; length++)
        {
            pair.Server.HandleDatagram(goodbye.AsSpan(0, length), pair.Now);
            Assert.Equal(DtlsState.Established, pair.Server.State);
        }

        pair.Server.HandleDatagram(goodbye, pair.Now);
        Assert.Equal(DtlsState.Closed, pair.Server.State);
        Assert.True(pair.Server.TryPollDatagram(out ReadOnlySpan<byte> answer));
        Assert.Equal(goodbye.Length, answer.Length);
    }

    [Fact]
    public void Nothing_is_given_back_before_the_handshake_is_done_or_after_the_end()
    {
        using var pair = new DtlsPair();
        pair.Client.ReleaseHandshake();
        pair.Start();
        pair.Client.ReleaseHandshake();
        pair.Server.ReleaseHandshake();
        pair.Run(Patience);
        Assert.True(pair.Established);
        AssertSameKeys(pair);
        pair.Server.Close();
        pair.Server.ReleaseHandshake();
        pair.Server.ReleaseHandshake();
        Assert.True(pair.Server.TryPollDatagram(out _));
        Assert.Equal(DtlsState.Closed, pair.Server.State);
    }

    [Fact]
    public void What_comes_to_a_session_that_gave_its_handshake_back_allocates_nothing()
    {
        using var pair = new DtlsPair();
        pair.Start();
        pair.Run(Patience);
        Release(pair, server: true, client: false);
        byte[] forged = new byte[39];
        (forged[0], forged[1], forged[2], forged[4], forged[12]) = (21, 254, 253, 1, 26);
        byte[] repeated = pair.Sent[^2];
        Instant now = pair.Now;
        long before = 0;
        int answers = 0;
        for (int turn = 0; turn < 1_200; turn++)
        {
            before = turn == 200 ? GC.GetAllocatedBytesForCurrentThread() : before;
            now += TimeSpan.FromSeconds(1);
            pair.Server.HandleDatagram(forged, now);
            pair.Server.HandleDatagram(repeated, now);
            answers += pair.Server.TryPollDatagram(out _) ? 1 : 0;
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal(1_200, answers);
        Assert.Equal(DtlsState.Established, pair.Server.State);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_established_session_ignores_what_is_forged_or_replayed(bool releases)
    {
        using var pair = new DtlsPair();
        pair.Start();
        pair.Run(Patience);
        if (releases)
        {
            Release(pair, server: true, client: true);
        }

        List<byte[]> handshake = [.. pair.Sent];
        Random random = Seeds.NewRandom(output);
        foreach (byte[] datagram in handshake)
        {
            for (int turn = 0; turn < 50; turn++)
            {
                byte[] mutated = [.. datagram];
                mutated[random.Next(mutated.Length)] ^= (byte)(1 << random.Next(8));
                // Alerts and application data reach OpenSSL; the rest must not.
                mutated[0] = (byte)(20 + random.Next(5));
                pair.Deliver(pair.Server, mutated);
                pair.Deliver(pair.Client, mutated);
            }
        }

        Assert.True(pair.Established);
        if (!releases)
        {
            AssertSameKeys(pair);
        }
    }

    [Fact]
    public void Noise_and_mutated_handshakes_never_throw()
    {
        using var pair = new DtlsPair();
        pair.Start();
        pair.Run(Patience);
        List<byte[]> corpus = [.. pair.Sent];
        Random random = Seeds.NewRandom(output);
        for (int round = 0; round < 60; round++)
        {
            using var server = new DtlsSession(DtlsPair.ServerContext, DtlsRole.Server, new byte[32]);
            server.Start(new Instant(1));
            for (int turn = 0; turn < 30; turn++)
            {
                byte[] bytes = [.. corpus[random.Next(corpus.Count)]];
                for (int change = random.Next(4); change > 0; change--)
                {
                    bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
                }

                server.HandleDatagram(bytes.AsSpan(0, random.Next(4) == 0 ? random.Next(bytes.Length) : bytes.Length), new Instant(turn));
                while (server.TryPollDatagram(out _))
                {
                }
            }

            Assert.NotEqual(DtlsState.Established, server.State);
        }
    }

    [Theory]
    [InlineData(DtlsRole.Client)]
    [InlineData(DtlsRole.Server)]
    public void Without_memory_a_session_has_failed_from_the_beginning(DtlsRole role)
    {
        using var session = new DtlsSession(ContextsWithoutMemory.Media, role, new byte[32]);
        session.Start(new Instant(1));
        session.HandleDatagram([22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1], new Instant(2));
        session.HandleDeadline(new Instant(long.MaxValue));
        session.Close();
        Assert.Equal(DtlsState.Failed, session.State);
        Assert.NotNull(session.FailureReason);
        Assert.False(session.TryPollDatagram(out _));
        Assert.False(session.TryExportSrtpKeys(default, default, default, default));
    }

    public static TheoryData<string> Clients() => ["aiortc", "chromium", "firefox", "gst", "pion", "wrtc"];

    [Theory]
    [MemberData(nameof(Clients))]
    public void The_first_flight_of_every_real_client_is_answered_in_either_order(string client)
    {
        using Stream stream = typeof(DtlsSessionTests).Assembly.GetManifestResourceStream("client-hellos.json")!;
        string[] flight = JsonSerializer.Deserialize<Dictionary<string, string[]>>(stream)![client];
        foreach (bool reversed in new[] { false, true })
        {
            using var server = new DtlsSession(DtlsPair.ServerContext, DtlsRole.Server, new byte[32]);
            server.Start(new Instant(1));
            foreach (string datagram in reversed ? flight.Reverse() : flight)
            {
                Assert.False(server.TryPollDatagram(out _), "answered before the flight was whole");
                server.HandleDatagram(Convert.FromHexString(datagram), new Instant(2));
            }

            Assert.Equal(DtlsState.Handshaking, server.State);
            Assert.True(server.TryPollDatagram(out ReadOnlySpan<byte> answer), $"reversed: {reversed}");
            // A handshake record that holds ServerHello.
            Assert.Equal(22, answer[0]);
            Assert.Equal(2, answer[13]);
        }
    }

    [Fact]
    public void Two_thousand_handshakes_leave_nothing_behind()
    {
        int before = DtlsAssociation.LiveAssociations;
        long residentAfterWarmUp = 0;
        for (int turn = 0; turn < 2000; turn++)
        {
            using var pair = new DtlsPair(turn);
            pair.Start();
            pair.Run(Patience);
            Assert.True(pair.Established);
            if (turn == 400)
            {
                residentAfterWarmUp = Environment.WorkingSet;
            }
        }

        // Other tests run beside this one and have sessions for a moment.
        Assert.InRange(DtlsAssociation.LiveAssociations, 0, before + 16);
        // 1,600 pairs of leaked sessions would be about 150 MB.
        Assert.InRange(Environment.WorkingSet - residentAfterWarmUp, long.MinValue, 40_000_000);
    }
}
