using V100.Net;
using V100.Turn.Tests.World;

namespace V100.Turn.Tests;

/// <summary>The conformance list's line about the IP header of what is relayed (RFC 8656, 14).</summary>
public class IpFieldsConformanceTests
{
    private const string Peer = "192.0.2.10:7000";

    // Expedited forwarding, congestion experienced.
    private const byte Marked = 46 << 2 | 3;

    private static readonly byte[] s_channelData = [0x40, 0, 0, 1, 7];
    private static readonly byte[] s_send = new RawMessage(Wire.SendIndication).AddXorAddress(Wire.XorPeerAddress, Peer).Add(Wire.Data, 7).Bytes;

    private readonly TurnWorld _world = new();
    private readonly byte[] _response = new byte[TurnShard.MaxResponseLength];

    [Theory]
    [InlineData(64, 63)]
    [InlineData(2, 1)]
    [InlineData(0, 0)]
    public void Line_60_DSCP_and_ECN_are_copied_and_the_TTL_is_one_less(byte hopLimit, byte onward)
    {
        RawClient client = Bound(_world.Client(), out RelayId relay);
        IpFields fields = new(Marked, hopLimit);
        foreach (byte[] message in (byte[][])[s_channelData, s_send])
        {
            TurnRoute toPeer = _world.Shard.HandleClientMessage(client.Flow, message, _response, _world.Now, fields);
            Assert.Equal((TurnRouteKind.ToPeer, new IpFields(Marked, onward)), (toPeer.Kind, toPeer.Fields));
        }

        foreach (ushort port in (ushort[])[7000, 7001])
        {
            TurnRoute toClient = FromPeer(relay, port, fields);
            Assert.Equal((TurnRouteKind.ToClient, new IpFields(Marked, onward)), (toClient.Kind, toClient.Fields));
        }
    }

    [Fact]
    public void Line_60_What_has_no_hop_left_is_dropped_and_counted_and_costs_nobody_anything()
    {
        RawClient client = Bound(_world.Client(), out RelayId relay);
        IpFields last = new(Marked, 1);
        Assert.Equal(TurnRouteKind.Nothing, _world.Shard.HandleClientMessage(client.Flow, s_channelData, _response, _world.Now, last).Kind);
        Assert.Equal(TurnRouteKind.Nothing, _world.Shard.HandleClientMessage(client.Flow, s_send, _response, _world.Now, last).Kind);
        Assert.Equal(TurnRouteKind.Nothing, FromPeer(relay, 7000, last).Kind);
        Assert.Equal(TurnRouteKind.Nothing, FromPeer(relay, 7001, last).Kind);
        Assert.Equal(4, _world.Count(TurnCounter.DroppedHopLimit));
        Assert.Equal(0, _world.Count(TurnCounter.BytesToPeer) + _world.Count(TurnCounter.BytesToClient));

        // What is for the server itself has arrived.
        byte[] refresh = client.Sign(new RawMessage(Wire.RefreshRequest).AddUInt32(Wire.Lifetime, 600)).Bytes;
        TurnRoute answer = _world.Shard.HandleClientMessage(client.Flow, refresh, _response, _world.Now, last);
        Assert.Equal((TurnRouteKind.Respond, default(IpFields)), (answer.Kind, answer.Fields));
    }

    [Fact]
    public void Line_60_A_stream_has_no_such_fields()
    {
        RawClient client = Bound(_world.StreamClient(), out RelayId relay);
        Assert.Equal(default, _world.Shard.HandleClientMessage(client.Flow, s_send, _response, _world.Now).Fields);
        foreach (byte hopLimit in (byte[])[1, 64])
        {
            TurnRoute toClient = FromPeer(relay, 7000, new IpFields(Marked, hopLimit));
            Assert.Equal((TurnRouteKind.ToClient, default(IpFields)), (toClient.Kind, toClient.Fields));
        }
    }

    [Fact]
    public void Line_60_The_servers_own_media_is_the_last_hop()
    {
        TransportAddress media = TurnWorld.Parse($"{TurnWorld.RelayAddress}:3478");
        var world = new TurnWorld(TurnWorld.Settings(rules: TurnWorld.Rules() with { MediaAddresses = [media] }));
        RawClient client = world.Client();
        client.Allocate();
        client.CreatePermission($"{media}");
        byte[] send = new RawMessage(Wire.SendIndication).AddXorAddress(Wire.XorPeerAddress, $"{media}").Add(Wire.Data, 7).Bytes;
        TurnRoute route = world.Shard.HandleClientMessage(client.Flow, send, _response, world.Now, new IpFields(0, 1));
        Assert.Equal(TurnRouteKind.ToOwnMedia, route.Kind);
    }

    private RawClient Bound(RawClient client, out RelayId relay)
    {
        relay = _world.Sockets[0].At(client.Allocate());
        Assert.Equal(0, client.ChannelBind(0x4000, Peer).Error);
        return client;
    }

    private TurnRoute FromPeer(RelayId relay, ushort port, IpFields fields) => _world.Shard.HandlePeerDatagram(
        relay, TurnWorld.Parse(Peer).WithPort(port), 1, new byte[TurnShard.MaxHeaderLength], _world.Now, fields);
}
