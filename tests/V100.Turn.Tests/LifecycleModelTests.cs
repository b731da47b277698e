using V100.Net;
using V100.Turn.Tests.World;
using Xunit.Abstractions;

namespace V100.Turn.Tests;

/// <summary>Random lives of allocations, permissions and channels against a model that knows nothing but the times of RFC 8656.</summary>
public class LifecycleModelTests(ITestOutputHelper output)
{
    private const int Clients = 3;
    private const int Peers = 4;

    [Fact]
    public void Whatever_clients_do_the_server_does_as_the_model()
    {
        int seed = Seeds.New(output);
        for (int round = 0; round < 20 * Seeds.Scale; round++)
        {
            Run(new Random(seed + round), seed + round);
        }
    }

    /// <summary>One client's allocation: until when it lives, and until when its permissions and channels do.</summary>
    private sealed class Model
    {
        public Instant Until = new(-1);
        public TransportAddress Relayed;
        public readonly Dictionary<int, Instant> Permissions = [];
        public readonly Dictionary<int, (string Peer, Instant Until)> Channels = [];

        public bool Lives(Instant now) => now < Until;

        public bool Permits(int peer, Instant now) => Permissions.TryGetValue(peer, out Instant until) && now < until;

        public void Forget(Instant now)
        {
            foreach ((int number, (_, Instant until)) in Channels)
            {
                if (until + TimeSpan.FromSeconds(300) <= now)
                {
                    Channels.Remove(number);
                }
            }
        }
    }

    private static void Run(Random random, int seed)
    {
        var world = new TurnWorld(TurnWorld.Settings(portMax: 50_015), seed: seed);
        RawClient[] clients = [.. Enumerable.Range(0, Clients).Select(i => world.Client($"203.0.113.5:{40000 + i}"))];
        Model[] models = [.. clients.Select(_ => new Model())];
        for (int step = 0; step < 400; step++)
        {
            int who = random.Next(Clients);
            RenewNonce(clients[who]);
            switch (random.Next(9))
            {
                case 0:
                    Allocate(clients[who], models[who]);
                    break;
                case 1:
                    Refresh(clients[who], models[who], random);
                    break;
                case 2 or 3:
                    CreatePermission(clients[who], models[who], random.Next(Peers));
                    break;
                case 4:
                    ChannelBind(clients[who], models[who], 0x4000 + random.Next(4), random.Next(Peers), 7000 + random.Next(2));
                    break;
                case 5:
                    Send(clients[who], models[who], random.Next(Peers));
                    break;
                case 6:
                    SendChannelData(clients[who], models[who], 0x4000 + random.Next(4));
                    break;
                case 7:
                    FromPeer(clients[who], models[who], random.Next(Peers), 7000 + random.Next(2));
                    break;
                default:
                    // Never at a border itself: what expires there may do so a tick later.
                    world.Advance(random.Next(4) == 0 ? random.Next(400) + 0.37 : random.Next(20) + 0.013);
                    break;
            }

            Assert.Equal(models.Count(model => model.Lives(world.Now)), world.Sockets[0].Open.Count);
            Assert.Equal(world.Sockets[0].Open.Count, world.Server.Quotas.Total);
            Assert.Equal(world.Sockets[0].Open.Count, world.Server.Ports.TakenCount);
        }

        world.Advance(4000);
        world.AssertEmpty();
    }

    private static string Peer(int peer, int port = 7000) => $"192.0.2.{peer + 1}:{port}";

    private static void RenewNonce(RawClient client) => client.Greet();

    private static void Allocate(RawClient client, Model model)
    {
        Instant now = client.World.Now;
        RawMessage answer = client.Request(RawClient.AllocateMessage());
        Assert.Equal(model.Lives(now) ? 437 : 0, answer.Error);
        if (answer.Error == 0)
        {
            model.Until = now + TimeSpan.FromSeconds(600);
            model.Relayed = TurnWorld.Parse(answer.Address(Wire.XorRelayedAddress));
            model.Permissions.Clear();
            model.Channels.Clear();
        }
    }

    private static void Refresh(RawClient client, Model model, Random random)
    {
        Instant now = client.World.Now;
        uint wanted = new uint[] { 0, 1, 600, 1000, 100_000 }[random.Next(5)];
        RawMessage answer = client.Refresh(wanted);
        Assert.Equal(model.Lives(now) ? 0 : 437, answer.Error);
        if (answer.Error == 0)
        {
            model.Until = wanted == 0 ? now : now + TimeSpan.FromSeconds(Math.Clamp(wanted, 600, 3600));
        }
    }

    private static void CreatePermission(RawClient client, Model model, int peer)
    {
        Instant now = client.World.Now;
        Assert.Equal(model.Lives(now) ? 0 : 437, client.CreatePermission(Peer(peer)).Error);
        model.Permissions[peer] = now + TimeSpan.FromSeconds(300);
    }

    private static void ChannelBind(RawClient client, Model model, int number, int peer, int port)
    {
        Instant now = client.World.Now;
        model.Forget(now);
        string address = Peer(peer, port);
        bool conflict = model.Channels.Any(channel => (channel.Key == number) != (channel.Value.Peer == address));
        RawMessage answer = client.ChannelBind(number, address);
        Assert.Equal(!model.Lives(now) ? 437 : conflict ? 400 : 0, answer.Error);
        if (answer.Error == 0)
        {
            model.Channels[number] = (address, now + TimeSpan.FromSeconds(600));
            model.Permissions[peer] = now + TimeSpan.FromSeconds(300);
        }
    }

    private static void Send(RawClient client, Model model, int peer)
    {
        Instant now = client.World.Now;
        Outcome outcome = client.Send(Peer(peer), 1, 2, 3);
        bool passes = model.Lives(now) && model.Permits(peer, now);
        Assert.Equal(passes ? TurnRouteKind.ToPeer : TurnRouteKind.Nothing, outcome.Route.Kind);
        if (passes)
        {
            Assert.Equal((Peer(peer), model.Relayed), (outcome.Route.Peer.ToString(), outcome.Route.RelayedAddress));
            Assert.Equal([1, 2, 3], outcome.Bytes);
        }
    }

    private static void SendChannelData(RawClient client, Model model, int number)
    {
        Instant now = client.World.Now;
        Outcome outcome = client.SendChannelData(number, 4, 5);
        bool passes = model.Lives(now) && model.Channels.TryGetValue(number, out (string Peer, Instant Until) channel) && now < channel.Until;
        Assert.Equal(passes ? TurnRouteKind.ToPeer : TurnRouteKind.Nothing, outcome.Route.Kind);
        if (passes)
        {
            Assert.Equal(model.Channels[number].Peer, outcome.Route.Peer.ToString());
            Assert.Equal([4, 5], outcome.Bytes);
        }
    }

    private static void FromPeer(RawClient client, Model model, int peer, int port)
    {
        Instant now = client.World.Now;
        if (!model.Lives(now))
        {
            return;
        }

        string address = Peer(peer, port);
        byte[]? got = client.FromPeer(model.Relayed, address, 9);
        if (!model.Permits(peer, now))
        {
            Assert.Null(got);
            return;
        }

        int number = model.Channels.FirstOrDefault(channel => channel.Value.Peer == address && now < channel.Value.Until).Key;
        Assert.NotNull(got);
        if (number != 0)
        {
            Assert.Equal([(byte)(number >> 8), (byte)number, 0, 1, 9], got);
        }
        else
        {
            RawMessage data = RawMessage.Parse(got);
            Assert.Equal(address, data.Address(Wire.XorPeerAddress));
            Assert.Equal([9], data.Get(Wire.Data));
        }
    }
}
