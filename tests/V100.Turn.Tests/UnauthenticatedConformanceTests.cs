using System.Buffers.Binary;
using V100.Net;
using V100.Turn.Tests.World;

namespace V100.Turn.Tests;

/// <summary>What is not authenticated leaves nothing behind, and gets no more answers than the limiter gives.</summary>
public class UnauthenticatedConformanceTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(500)]
    public void Line_68_Forged_requests_leave_no_state_and_hardly_a_byte(int answersPerSecond)
    {
        var world = new TurnWorld(TurnWorld.Settings(unauthenticatedPerSecond: answersPerSecond));
        byte[] binding = new RawMessage(Wire.BindingRequest).Bytes;
        byte[] allocate = RawClient.AllocateMessage().Bytes;
        RawClient victim = world.Client().Greet();
        byte[] forged = victim.Sign(RawClient.AllocateMessage()).Bytes;
        forged[^1] ^= 1;
        var response = new byte[TurnShard.MaxResponseLength];
        int answers = 0;
        long Flood(uint from)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (uint source = from; source < from + 1000; source++)
            {
                var flow = new ClientFlow(TransportAddress.FromIPv4(source * 0x0101_0101, (ushort)source), victim.Flow.Server);
                answers += Give(world, flow, binding, response) + Give(world, flow, allocate, response) + Give(world, flow, forged, response);
            }

            return GC.GetAllocatedBytesForCurrentThread() - before;
        }

        Flood(1);
        Assert.Equal(0, Flood(2001));
        Assert.Equal(6000, answers);
        world.AssertEmpty();
        Assert.Equal(0, world.Count(TurnCounter.CredentialsDerived));
        // No answer is more than the challenge: realm, nonce, algorithms.
        Assert.True(response.AsSpan(200).IndexOfAnyExcept((byte)0) < 0);
    }

    [Fact]
    public void Line_69_Beyond_the_limit_of_a_prefix_there_is_silence()
    {
        var world = new TurnWorld(TurnWorld.Settings(unauthenticatedPerSecond: 10, unauthenticatedBurst: 20));
        Assert.Equal(20, Challenges(world, 50, "203.0.113"));
        Assert.Equal(30, world.Count(TurnCounter.SilencedByLimiter));
        // The neighbour network is another prefix.
        Assert.Equal(20, Challenges(world, 50, "203.0.114"));
        world.Advance(1);
        Assert.Equal(10, Challenges(world, 50, "203.0.113"));
        world.Advance(1000);
        Assert.Equal(20, Challenges(world, 50, "203.0.113"));
    }

    [Fact]
    public void Line_69_Binding_and_streams_are_not_limited()
    {
        var world = new TurnWorld(TurnWorld.Settings(unauthenticatedPerSecond: 10, unauthenticatedBurst: 2));
        RawClient client = world.Client();
        Assert.Equal(2, Enumerable.Range(0, 50).Count(_ => client.Exchange(RawClient.AllocateMessage()) is not null));
        Assert.Equal(50, Enumerable.Range(0, 50).Count(_ => client.Exchange(new RawMessage(Wire.BindingRequest)) is not null));
        RawClient stream = world.StreamClient();
        Assert.Equal(50, Enumerable.Range(0, 50).Count(_ => stream.Exchange(RawClient.AllocateMessage()) is not null));
    }

    [Fact]
    public void Line_69_Who_is_authenticated_is_not_limited()
    {
        var world = new TurnWorld(TurnWorld.Settings(unauthenticatedPerSecond: 1, unauthenticatedBurst: 1));
        RawClient client = world.Client();
        client.Allocate();
        Assert.Null(client.Exchange(RawClient.AllocateMessage()));
        for (int i = 0; i < 50; i++)
        {
            Assert.Equal(0, client.Refresh(600).Error);
            Assert.Equal(437, client.Request(RawClient.AllocateMessage()).Error);
        }
    }

    [Fact]
    public void Line_69_The_default_settings_limit()
    {
        var world = new TurnWorld(new TurnSettings { Credentials = TurnWorld.Credentials(), Peers = new PeerPolicy(TurnWorld.Rules()) });
        Assert.Equal(1000, Challenges(world, 2000, "203.0.113"));
    }

    [Fact]
    public void An_IPv6_prefix_is_a_56()
    {
        var limiter = new UnauthenticatedLimiter(new SeededEntropy(1));
        TurnSettings settings = TurnWorld.Settings(unauthenticatedPerSecond: 1, unauthenticatedBurst: 1);
        bool Try(string address) => limiter.TryAnswer(TurnWorld.Address(address), settings, new Instant(1));
        Assert.True(Try("2001:db8:0:0::1"));
        Assert.False(Try("2001:db8:0:ff::2"));
        Assert.True(Try("2001:db8:0:100::1"));
    }

    [Fact]
    public void A_flood_of_prefixes_takes_no_more_room_and_the_quiet_ones_give_way()
    {
        var limiter = new UnauthenticatedLimiter(new SeededEntropy(1));
        TurnSettings settings = TurnWorld.Settings(unauthenticatedPerSecond: 1, unauthenticatedBurst: 10);
        TransportAddress busy = TurnWorld.Address("203.0.113.1");
        for (int i = 0; i < 10; i++)
        {
            Assert.True(limiter.TryAnswer(busy, settings, new Instant(1)));
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (uint prefix = 1; prefix <= 100_000; prefix++)
        {
            Assert.True(limiter.TryAnswer(TransportAddress.FromIPv4(prefix << 8, 1), settings, new Instant(1)));
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.False(limiter.TryAnswer(busy, settings, new Instant(1)));
    }

    private static int Give(TurnWorld world, in ClientFlow flow, byte[] message, byte[] response)
    {
        TurnRoute route = world.Shard.HandleClientMessage(flow, message, response, world.Now);
        return route.Kind == TurnRouteKind.Respond && BinaryPrimitives.ReadUInt16BigEndian(response.AsSpan(2)) == route.HeaderLength - 20 ? 1 : 0;
    }

    private static int Challenges(TurnWorld world, int requests, string network) =>
        Enumerable.Range(0, requests).Count(i => world.Client($"{network}.{i % 250}:{1000 + i}").Exchange(RawClient.AllocateMessage()) is not null);
}
