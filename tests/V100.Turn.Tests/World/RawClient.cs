using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using V100.Net;

namespace V100.Turn.Tests.World;

/// <summary>What a shard made of one message, with the bytes that would go out.</summary>
/// <param name="Route">As the shard returned it.</param>
/// <param name="Bytes">Answer, relayed payload, or whole message to the client.</param>
internal sealed record Outcome(TurnRoute Route, byte[] Bytes);

/// <summary>A client that speaks bytes: it makes its messages, keys and checks without the server's code.</summary>
internal sealed class RawClient(TurnWorld world, ClientFlow flow, string user, string password, int shard)
{
    private byte[] _realm = [];
    private byte[] _nonce = [];

    public TurnWorld World { get; } = world;
    public ClientFlow Flow { get; } = flow;
    public string User { get; } = user;

    public byte[] Nonce
    {
        get => _nonce;
        set => _nonce = value;
    }

    /// <summary>Names SHA-256 as its password algorithm, as a client of RFC 8489 does.</summary>
    public bool NamesAlgorithm { get; set; }

    public byte[] Key => NamesAlgorithm
        ? SHA256.HashData(Encoding.UTF8.GetBytes($"{User}:{TurnWorld.Realm}:{password}"))
        : MD5.HashData(Encoding.UTF8.GetBytes($"{User}:{TurnWorld.Realm}:{password}"));

    /// <summary>Gives bytes to the server, follows a hand-over, and says what became of them.</summary>
    public Outcome Give(byte[] message)
    {
        var response = new byte[TurnShard.MaxResponseLength];
        response.AsSpan().Fill(0xEE);
        ClientFlow flow = Flow;
        TurnRoute route = World.Shards[shard].HandleClientMessage(flow, message, response, World.Now);
        if (route.Kind == TurnRouteKind.HandOver)
        {
            route = World.Shards[route.Shard].HandleClientMessage(flow, message, response, World.Now);
            Assert.NotEqual(TurnRouteKind.HandOver, route.Kind);
        }

        byte[] bytes = route.Kind switch
        {
            TurnRouteKind.Respond => response[..route.HeaderLength],
            TurnRouteKind.ToPeer or TurnRouteKind.ToOwnMedia => message[route.PayloadOffset..(route.PayloadOffset + route.PayloadLength)],
            _ => [],
        };
        return new Outcome(route, bytes);
    }

    /// <summary>The answer, or null for silence.</summary>
    public RawMessage? Exchange(RawMessage request)
    {
        Outcome outcome = Give(request.Bytes);
        if (outcome.Route.Kind == TurnRouteKind.Nothing)
        {
            return null;
        }

        Assert.Equal(TurnRouteKind.Respond, outcome.Route.Kind);
        Assert.Equal(Flow, outcome.Route.Flow);
        RawMessage answer = RawMessage.Parse(outcome.Bytes);
        Assert.Equal(request.TransactionId, answer.TransactionId);
        Assert.Equal(request.Type | (answer.Error == 0 ? 0x0100 : 0x0110), answer.Type);
        Assert.False(answer.Has(Wire.Software));
        return answer;
    }

    /// <summary>Gets realm and nonce by a request without credentials.</summary>
    public RawClient Greet()
    {
        RawMessage answer = Exchange(new RawMessage(Wire.AllocateRequest).AddUInt32(Wire.RequestedTransport, 17u << 24))!;
        Assert.Equal(401, answer.Error);
        _realm = answer.Get(Wire.Realm);
        _nonce = answer.Get(Wire.Nonce);
        return this;
    }

    /// <summary>Adds name, realm, nonce and integrity.</summary>
    public RawMessage Sign(RawMessage message)
    {
        if (_nonce.Length == 0)
        {
            Greet();
        }

        message.Add(Wire.Username, Encoding.UTF8.GetBytes(User)).Add(Wire.Realm, _realm).Add(Wire.Nonce, _nonce);
        if (!NamesAlgorithm)
        {
            return message.AddIntegrity(Key);
        }

        return message.Add(Wire.PasswordAlgorithms, 0, 2, 0, 0, 0, 1, 0, 0).Add(Wire.PasswordAlgorithm, 0, 2, 0, 0).AddIntegritySha256(Key);
    }

    /// <summary>A signed request whose answer must be sealed with the client's key.</summary>
    public RawMessage Request(RawMessage message)
    {
        RawMessage answer = Exchange(Sign(message))!;
        Assert.NotNull(answer);
        Assert.True(answer.IsSealed(Key, NamesAlgorithm), $"error {answer.Error}");
        return answer;
    }

    public static RawMessage AllocateMessage(byte protocol = 17) =>
        new RawMessage(Wire.AllocateRequest).AddUInt32(Wire.RequestedTransport, (uint)protocol << 24);

    /// <summary>Allocates with success; returns the relayed address.</summary>
    public TransportAddress Allocate(byte protocol = 17)
    {
        RawMessage answer = Request(AllocateMessage(protocol));
        Assert.Equal(0, answer.Error);
        return TurnWorld.Parse(answer.Address(Wire.XorRelayedAddress));
    }

    public RawMessage Refresh(uint lifetime) => Request(new RawMessage(Wire.RefreshRequest).AddUInt32(Wire.Lifetime, lifetime));

    public RawMessage CreatePermission(params string[] peers)
    {
        var message = new RawMessage(Wire.CreatePermissionRequest);
        foreach (string peer in peers)
        {
            message.AddXorAddress(Wire.XorPeerAddress, peer);
        }

        return Request(message);
    }

    public RawMessage ChannelBind(int number, string peer) =>
        Request(new RawMessage(Wire.ChannelBindRequest).AddUInt32(Wire.ChannelNumber, (uint)number << 16).AddXorAddress(Wire.XorPeerAddress, peer));

    public Outcome Send(string peer, params byte[] data) =>
        Give(new RawMessage(Wire.SendIndication).AddXorAddress(Wire.XorPeerAddress, peer).Add(Wire.Data, data).Bytes);

    public Outcome SendChannelData(int number, params byte[] data) => Give([(byte)(number >> 8), (byte)number, (byte)(data.Length >> 8), (byte)data.Length, .. data]);

    /// <summary>A peer's datagram to the relayed address of this client's allocation; what the client gets, or null.</summary>
    public byte[]? FromPeer(in TransportAddress relayed, string peer, params byte[] payload)
    {
        foreach ((TurnShard server, SimulatedSockets sockets) in World.Shards.Zip(World.Sockets))
        {
            TransportAddress address = relayed;
            if (!sockets.Open.Any(open => open.Value.Local == address))
            {
                continue;
            }

            var header = new byte[TurnShard.MaxHeaderLength];
            TurnRoute route = server.HandlePeerDatagram(sockets.At(relayed), TurnWorld.Parse(peer), payload.Length, header, World.Now);
            if (route.Kind == TurnRouteKind.Nothing)
            {
                return null;
            }

            Assert.Equal(TurnRouteKind.ToClient, route.Kind);
            Assert.Equal(Flow, route.Flow);
            Assert.Equal(payload.Length, route.PayloadLength);
            return [.. header[..route.HeaderLength], .. payload, .. new byte[route.PaddingLength]];
        }

        return null;
    }

    public static int ChannelNumberOf(byte[] message) => BinaryPrimitives.ReadUInt16BigEndian(message);
}
