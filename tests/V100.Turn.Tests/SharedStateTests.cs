using System.Collections.Concurrent;
using V100.Net;
using V100.Turn.Tests.World;

namespace V100.Turn.Tests;

/// <summary>Shards on threads of their own share ports, quotas and directory without a lock, and without a mistake.</summary>
public class SharedStateTests
{
    private const int Threads = 4;
    private const int Rounds = 2_000;

    [Fact]
    public void Shards_on_several_threads_never_share_a_port_and_give_everything_back()
    {
        var world = new TurnWorld(TurnWorld.Settings(relays: [TurnWorld.RelayAddress], portMax: 50_011, maxPerUser: 9), Threads, entropy: new SystemEntropy());
        var open = new ConcurrentDictionary<TransportAddress, int>();
        int granted = 0;
        Parallel.For(0, Threads, shard =>
        {
            var random = new Random(shard);
            RawClient[] clients = [.. Enumerable.Range(0, 4).Select(i => world.Client($"203.0.113.{shard + 1}:{40000 + i}", i % 2 == 0 ? "alice" : "bob", shard: shard).Greet())];
            for (int round = 0; round < Rounds; round++)
            {
                if (Live(clients[random.Next(clients.Length)], open, shard, random))
                {
                    Interlocked.Increment(ref granted);
                }

                Assert.InRange(world.Server.Quotas.ChargedTo("alice"), 0, 9);
            }
        });

        Assert.True(granted > 0);
        Assert.Empty(open);
        world.Advance(31);
        world.AssertEmpty();
    }

    /// <summary>One life: allocate, be found, end. False when the server has no room just now.</summary>
    private static bool Live(RawClient client, ConcurrentDictionary<TransportAddress, int> open, int shard, Random random)
    {
        RawMessage request = RawClient.AllocateMessage();
        if (random.Next(4) == 0)
        {
            request.Add(Wire.EvenPort, 0);
        }

        RawMessage answer = client.Request(request);
        if (answer.Error != 0)
        {
            Assert.True(answer.Error is 486 or 508, $"{answer.Error}");
            return false;
        }

        TransportAddress relayed = TurnWorld.Parse(answer.Address(Wire.XorRelayedAddress));
        Assert.True(open.TryAdd(relayed, shard), $"{relayed} is open twice");
        Assert.True(client.World.Server.Directory.TryFindRelay(relayed, out RelayLocation location));
        Assert.Equal(shard, location.Shard);
        Assert.Contains(client.World.Server.Directory.Allocations, allocation => allocation.Client == client.Flow);
        Assert.True(open.TryRemove(relayed, out _));
        Assert.Equal(0, client.Refresh(0).Error);
        return true;
    }

    [Fact]
    public void Settings_are_replaced_while_shards_work()
    {
        var world = new TurnWorld(shards: Threads, entropy: new SystemEntropy());
        TurnSettings[] settings = [TurnWorld.Settings(), TurnWorld.Settings(rules: TurnWorld.Rules() with { Denied = [System.Net.IPNetwork.Parse("192.0.2.0/24")] })];
        Parallel.For(0, Threads, shard =>
        {
            RawClient client = world.Client($"203.0.113.{shard + 1}:40000", shard: shard);
            client.Allocate();
            for (int round = 0; round < Rounds; round++)
            {
                if (shard == 0)
                {
                    world.Server.Apply(settings[round % 2]);
                }

                Assert.True(client.CreatePermission("192.0.2.10:7000").Error is 0 or 403);
                Assert.True(client.Send("192.0.2.10:7000", 1).Route.Kind is TurnRouteKind.ToPeer or TurnRouteKind.Nothing);
            }

            client.Refresh(0);
        });
        world.AssertEmpty();
    }

    [Fact]
    public void Nothing_that_shows_itself_shows_a_password()
    {
        var credentials = new TurnCredentials(TurnWorld.Realm, TurnWorld.Users, "a secret");
        TurnSettings settings = TurnWorld.Settings(credentials);
        CredentialKey key = credentials.MakeKey("alice"u8, PasswordAlgorithm.Md5, 0);
        foreach (object shown in new object[] { credentials, settings, key, new TurnShard.Proof(key, true) })
        {
            string text = shown.ToString()!;
            Assert.DoesNotContain("secret", text, StringComparison.Ordinal);
            Assert.DoesNotContain("wonderland", text, StringComparison.Ordinal);
        }
    }
}
