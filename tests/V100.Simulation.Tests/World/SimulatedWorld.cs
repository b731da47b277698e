using V100.Net;
using V100.Net.Crypto;
using V100.Sfu.Bwe;
using V100.Sfu.Peers;
using V100.Sfu.Rooms;
using V100.Sfu.Sdp;

namespace V100.Simulation.World;

/// <summary>A server, clients, the network between them, and the only clock that they have.</summary>
internal sealed class SimulatedWorld : IDisposable
{
    /// <summary>Steps of one run; more means that something never rests.</summary>
    private const long MaxSteps = 20_000_000;

    private readonly Random _random;
    private readonly int _dtlsSessionsAtStart = DtlsAssociation.LiveAssociations;
    private readonly List<SimulatedClient> _clients = [];
    private readonly Dictionary<SimulatedClient, Session> _sessions = [];
    private int _nextHost;

    public SimulatedWorld(int seed, int shardCount = 2, ShardLimits? limits = null, RoomLimits? roomLimits = null)
    {
        _random = new Random(seed);
        Network = new SimulatedNetwork(_random.Next());
        Server = new SimulatedServer(Network, shardCount, _random.Next(), Now, limits, roomLimits);
    }

    public SimulatedNetwork Network { get; }
    public IReadOnlyList<SimulatedClient> Clients => _clients;
    public SimulatedServer Server { get; }
    public Random Random => _random;

    // Not the origin, where a forgotten initial value would pass for a time.
    public Instant Now { get; private set; } = new(5_000_000_000);

    /// <summary>Sees each datagram before the server does.</summary>
    public Action<SimulatedPacket>? BeforeServer { get; set; }

    public TransportAddress NextAddress() => TransportAddress.FromIPv4(0x0A000001 + (uint)_nextHost++, (ushort)_random.Next(1024, 65536));

    public SimulatedClient Add(ClientOffer offer)
    {
        var client = new SimulatedClient(Network, NextAddress(), offer, _random.Next());
        _clients.Add(client);
        return client;
    }

    /// <summary>Posts the client's offer; the room is made by the first.</summary>
    public Session Join(SimulatedClient client, string identity, SessionRole role, string? target = null, string room = "room")
    {
        var request = new JoinRequest { Room = room, Identity = identity, Role = role, Offer = client.OfferText, Target = target };
        Session session = Server.Use(
            rooms =>
            {
                JoinOutcome outcome = rooms.Join(request, Now, DateTimeOffset.UnixEpoch, out Session joined, out SdpError error);
                Assert.True(outcome == JoinOutcome.Joined, $"{outcome}: {error.Message}");
                return joined;
            },
            Now);
        _sessions[client] = session;
        client.Accept(session.AnswerText, Now);
        return session;
    }

    /// <summary>The client's last session, open or closed.</summary>
    public Session SessionOf(SimulatedClient client) => _sessions[client];

    /// <summary>The same, and the world lets go of it: nobody but the server holds what the server knows of the client.</summary>
    public Session TakeSession(SimulatedClient client)
    {
        Session session = _sessions[client];
        _sessions.Remove(client);
        return session;
    }

    /// <summary>ICE restart as WHIP clients do it (RFC 9725, 4.3.3): new credentials in a fragment, the server's in the answer.</summary>
    public void RestartIce(SimulatedClient client)
    {
        string fragment = client.BeginIceRestart();
        string answer = "";
        IceRestartOutcome outcome = Server.Use(rooms => rooms.HandleFragment(SessionOf(client), fragment, out answer, out _), Now);
        Assert.Equal(IceRestartOutcome.Restarted, outcome);
        client.AcceptIceRestart(answer, Now);
    }

    public SimulatedClient Publish(string identity = "alice", Action<SimulatedClient>? configure = null, ClientOffer? offer = null)
    {
        SimulatedClient client = Add(offer ?? ClientOffer.Publisher(_random));
        configure?.Invoke(client);
        Join(client, identity, SessionRole.Publish);
        return client;
    }

    public SimulatedClient Subscribe(string identity = "bob", string? target = "alice", ClientOffer? offer = null)
    {
        SimulatedClient client = Add(offer ?? ClientOffer.Subscriber());
        Join(client, identity, SessionRole.Subscribe, target);
        return client;
    }

    /// <summary>The subscriber limits what it is sent of the picture.</summary>
    public void Limit(SimulatedClient client, LayerConstraints limits) => Server.Use(
        rooms =>
        {
            Session session = SessionOf(client);
            rooms.Constrain(session, session.Peer.Negotiated.Sections.Single(section => section.Kind == MediaKind.Video).Index, in limits);
            return 0;
        },
        Now);

    public void Run(double seconds) => RunUntil(() => false, seconds, mustHold: false);

    /// <summary>Goes on until the condition holds; fails after <paramref name="seconds"/> of the world's time.</summary>
    public void RunUntil(Func<bool> condition, double seconds, bool mustHold = true)
    {
        Instant end = Now + TimeSpan.FromSeconds(seconds);
        for (long step = 0; !condition(); step++)
        {
            Assert.True(step < MaxSteps, "the world does not rest");
            Instant next = NextInstant();
            if (next > end)
            {
                Now = end;
                break;
            }

            Now = next > Now ? next : Now;
            Step();
        }

        Assert.True(!mustHold || condition(), $"not within {seconds} s");
    }

    public void RunUntilConnected(double seconds = 5) =>
        RunUntil(() => _clients.TrueForAll(client => client.IsConnected), seconds);

    /// <summary>Heals the network, ends what clients publish and lets the last packets and retransmissions arrive.</summary>
    public void Settle(double seconds = 1.5)
    {
        // A packet that is lost with none behind it is missed by nobody.
        Network.Heal();
        Run(0.2);
        foreach (Publication publication in _clients.SelectMany(client => client.Publications))
        {
            publication.EndAt(Now);
        }

        Run(seconds);
    }

    /// <summary>Forgets the client and its session, as far as the world goes: the server has to find out by itself.</summary>
    public void Remove(SimulatedClient client)
    {
        client.Dispose();
        _clients.Remove(client);
        _sessions.Remove(client);
    }

    /// <summary>Nothing of any client is left: not in a shard, a table, a cache, or OpenSSL.</summary>
    public void AssertEmpty()
    {
        foreach (SimulatedClient client in _clients)
        {
            client.Dispose();
        }

        Assert.Equal(0, Server.Rooms.SessionCount);
        Assert.Equal(0, Server.PeerCount);
        Assert.Equal(0, Server.Peers.UfragCount);
        Assert.Equal(0, Server.Peers.AddressCount);
        Assert.Equal(0, Server.BuffersInUse);
        Assert.Equal(_dtlsSessionsAtStart, DtlsAssociation.LiveAssociations);
    }

    private Instant NextInstant()
    {
        Instant next = Instant.Earlier(Network.NextDelivery, Server.NextDeadline);
        foreach (SimulatedClient client in _clients)
        {
            next = Instant.Earlier(next, client.NextDeadline);
        }

        return next;
    }

    private void Step()
    {
        while (Network.TryDeliver(Now, out SimulatedPacket packet))
        {
            if (packet.To == SimulatedServer.Address)
            {
                BeforeServer?.Invoke(packet);
                Server.HandleDatagram(packet, Now);
            }
            else
            {
                _clients.Find(client => client.Address == packet.To)?.HandleDatagram(packet.Bytes, Now);
            }
        }

        if (Server.NextDeadline <= Now)
        {
            Server.HandleDeadline(Now);
        }

        foreach (SimulatedClient client in _clients)
        {
            if (client.NextDeadline <= Now)
            {
                client.HandleDeadline(Now);
            }
        }
    }

    public void Dispose()
    {
        foreach (SimulatedClient client in _clients)
        {
            client.Dispose();
        }

        Server.Dispose();
    }
}
