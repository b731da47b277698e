using V100.Net;
using V100.Turn.Tests.World;

namespace V100.Turn.Tests;

/// <summary>The packet path and the validation of a credential allocate nothing.</summary>
public class PacketPathTests
{
    private const string Peer = "192.0.2.10:7000";
    private const int Runs = 1000;

    private readonly TurnWorld _world = new(TurnWorld.Settings(TurnWorld.Credentials("secret"), maxBitsPerSecond: 1_000_000_000_000));
    private readonly byte[] _response = new byte[TurnShard.MaxResponseLength];
    private readonly byte[] _header = new byte[TurnShard.MaxHeaderLength];

    [Theory]
    [InlineData(TransportProtocol.Udp)]
    [InlineData(TransportProtocol.Tls)]
    public void Data_of_every_kind_both_ways(TransportProtocol transport)
    {
        RawClient client = transport == TransportProtocol.Udp ? _world.Client() : _world.StreamClient(transport: transport);
        TransportAddress relayed = client.Allocate();
        client.ChannelBind(0x4000, Peer);
        RelayId relay = _world.Sockets[0].At(relayed);
        TransportAddress withChannel = TurnWorld.Parse(Peer);
        TransportAddress without = withChannel.WithPort(1);
        ClientFlow flow = client.Flow;
        byte[] channelData = [0x40, 0, 0, 100, .. new byte[100]];
        byte[] send = new RawMessage(Wire.SendIndication).AddXorAddress(Wire.XorPeerAddress, Peer).Add(Wire.Data, new byte[100]).Bytes;
        Assert.Equal(TurnRouteKind.ToPeer, AssertFree(() => _world.Shard.HandleClientMessage(flow, channelData, _response, _world.Now).Kind));
        Assert.Equal(TurnRouteKind.ToPeer, AssertFree(() => _world.Shard.HandleClientMessage(flow, send, _response, _world.Now).Kind));
        Assert.Equal(TurnRouteKind.ToClient, AssertFree(() => _world.Shard.HandlePeerDatagram(relay, withChannel, 100, _header, _world.Now).Kind));
        Assert.Equal(TurnRouteKind.ToClient, AssertFree(() => _world.Shard.HandlePeerDatagram(relay, without, 100, _header, _world.Now).Kind));
        Assert.Equal(TurnRouteKind.ToClient, AssertFree(() => _world.Shard.HandlePeerError(relay, without, 3, 3, 0, _header, _world.Now).Kind));
        Assert.Equal(TurnRouteKind.Nothing, AssertFree(() => _world.Shard.HandlePeerDatagram(relay, Stranger, 100, _header, _world.Now).Kind));
    }

    [Theory]
    [InlineData(false, 0)]
    [InlineData(true, 0)]
    [InlineData(false, 1)]
    [InlineData(false, 2)]
    public void A_request_with_credentials_is_checked_and_answered(bool namesAlgorithm, int kind)
    {
        string name = $"{TurnWorld.StartUnixSeconds + 1000}:carol";
        string password = Convert.ToBase64String(System.Security.Cryptography.HMACSHA1.HashData("secret"u8, System.Text.Encoding.UTF8.GetBytes(name)));
        RawClient client = kind == 0 ? _world.Client() : _world.Client(user: name, password: password);
        client.NamesAlgorithm = namesAlgorithm;
        client.Allocate();
        client.CreatePermission(Peer);
        ClientFlow flow = client.Flow;
        RawMessage message = kind == 1
            ? new RawMessage(Wire.CreatePermissionRequest).AddXorAddress(Wire.XorPeerAddress, Peer)
            : new RawMessage(Wire.RefreshRequest).AddUInt32(Wire.Lifetime, 600);
        byte[] request = client.Sign(message).Bytes;
        Assert.Equal(TurnRouteKind.Respond, AssertFree(() => _world.Shard.HandleClientMessage(flow, request, _response, _world.Now).Kind));
        Assert.Equal(0, RawMessage.Parse(_response.AsSpan(0, _response[3] + 20)).Error);
    }

    private static TransportAddress Stranger { get; } = TurnWorld.Parse("192.0.2.99:1");

    private static TurnRouteKind AssertFree(Func<TurnRouteKind> operation)
    {
        TurnRouteKind kind = default;
        for (int warmUp = 0; warmUp < 200; warmUp++)
        {
            kind = operation();
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int run = 0; run < Runs; run++)
        {
            kind = operation();
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        return kind;
    }
}
