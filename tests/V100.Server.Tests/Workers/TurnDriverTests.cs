using System.Net;
using V100.Net;
using V100.Net.Crypto;
using V100.Net.Sockets;
using V100.Server.Connections;
using V100.Server.Workers;
using V100.Sfu.Peers;
using V100.Stun;
using V100.Turn;

namespace V100.Server.Tests.Workers;

/// <summary>A client over TCP, whose messages and whose peers' packets may be longer than any datagram with a header.</summary>
public sealed class TurnDriverTests : IDisposable, IMediaInlet, IPacketTransmitter
{
    private const ushort Channel = 0x4000;
    private static readonly TransportAddress Peer = TransportAddress.FromIPv4(0x7F000001, 9);
    private static readonly ClientFlow Flow = new(
        TransportAddress.FromIPv4(0x7F000001, 5000).Over(TransportProtocol.Tcp, 1), TransportAddress.FromIPv4(0x7F000001, 3478).Over(TransportProtocol.Tcp, 1));

    private readonly Instant _now = MonotonicClock.Now;
    private readonly UdpWorker _worker = new(0, new UdpOptions { Addresses = [IPAddress.Loopback] });
    private readonly DtlsContext _dtls = new(DtlsCertificate.Create());
    private readonly ConnectionTable _table = new(new ConnectionLimits(), 1, new ManualTime());
    private readonly TurnServer _turn;
    private readonly TransmitBatch _output;
    private readonly TurnDriver _driver;
    private readonly List<byte[]> _answers = [];
    private readonly List<(TransportAddress Remote, byte[] Bytes)> _direct = [];
    private byte[] _realm = [];
    private byte[] _nonce = [];

    public TurnDriverTests()
    {
        TurnSettings settings = new()
        {
            Credentials = new TurnCredentials("example", [new("user", "password")]),
            Peers = new PeerPolicy(new PeerRules { Allowed = [IPNetwork.Parse("127.0.0.0/8")] }),
            RelayAddresses = [new RelayAddress(TransportAddress.FromIPv4(0x7F000001, 0))],
        };
        _turn = new TurnServer(settings, 1, new SystemEntropy(), 0, _now);
        _output = new TransmitBatch(this, capacity: 4);
        WorkerCommons commons = new(
            new ShardLinks(1), new PeerDirectory(), _dtls, _turn, new WorkerLinks<TurnMessage>(1, 16), _table, new MailboxSink([_worker.Wakeable]), 0, 0,
            System.Threading.Channels.Channel.CreateBounded<PeerEvent>(1).Writer);
        _driver = new TurnDriver(_worker, commons, _output, this, _now);
        Bind();
    }

    public void Dispose()
    {
        _driver.Dispose();
        _output.Dispose();
        _worker.Dispose();
        _dtls.Dispose();
        _table.Dispose();
    }

    [Fact]
    public void What_is_too_long_for_a_datagram_is_dropped_and_counted_both_ways()
    {
        byte[] message = new byte[ClientConnection.MaxMessageLength - 3];
        (message[0], message[2], message[3]) = (Channel >> 8, (byte)((message.Length - 4) >> 8), (byte)(message.Length - 4));
        _driver.HandleClientMessage(Flow, message, _now);
        Assert.Equal(1, _driver.Counters.Read(RelayCounter.DroppedTooLong));
        _driver.HandlePeerDatagram(new Datagram(new byte[TransmitBatch.MaxPacketLength], Peer, Relayed()), _now);
        Assert.Equal(2, _driver.Counters.Read(RelayCounter.DroppedTooLong));
    }

    /// <summary>The flush of the output is what finds media for relayed addresses: nothing may go back into it then.</summary>
    [Fact]
    public void Media_for_a_stream_client_goes_out_while_the_output_is_full()
    {
        Assert.True(_turn.Directory.TryFindRelay(Relayed(), out RelayLocation location));
        for (int packet = 0; packet < 4; packet++)
        {
            _output.Reserve(Relayed(), Peer, 1);
            _output.Commit(1);
        }

        _driver.HandleMedia([1, 2, 3], location, Peer, _now);
        Assert.Equal(4, _output.Count);
        (TransportAddress remote, byte[] bytes) = Assert.Single(_direct);
        Assert.Equal(Flow.Client, remote);
        Assert.Equal([Channel >> 8, 0, 0, 3, 1, 2, 3, 0], bytes);
    }

    void IMediaInlet.HandleMedia(in Datagram datagram, Instant now) => Assert.Fail("no media");

    void IMediaInlet.SendByConnection(ReadOnlySpan<byte> packet, in TransportAddress remote) => _direct.Add((remote, packet.ToArray()));

    void IPacketTransmitter.Transmit(TransmitBatch batch)
    {
        for (int index = 0; index < batch.Count; index++)
        {
            _answers.Add(batch.GetPacket(index, out _, out _).ToArray());
        }
    }

    private TransportAddress Relayed() => Assert.Single(_turn.Directory.Allocations).Relayed;

    private void Bind()
    {
        StunReader challenge = Ask(StunMethod.Allocate, seals: false);
        Assert.True(challenge.TryGet(StunAttributeType.Realm, out ReadOnlySpan<byte> realm));
        Assert.True(challenge.TryGet(StunAttributeType.Nonce, out ReadOnlySpan<byte> nonce));
        (_realm, _nonce) = (realm.ToArray(), nonce.ToArray());
        Assert.Equal(StunClass.Success, Ask(StunMethod.Allocate, seals: true).Type.Class);
        Assert.Equal(StunClass.Success, Ask(StunMethod.ChannelBind, seals: true).Type.Class);
    }

    private StunReader Ask(StunMethod method, bool seals)
    {
        byte[] request = new byte[512];
        StunWriter writer = new(request, new StunMessageType(method, StunClass.Request), new byte[12]);
        if (method == StunMethod.Allocate)
        {
            writer.WriteUInt32(StunAttributeType.RequestedTransport, 17u << 24);
        }
        else
        {
            writer.WriteUInt32(StunAttributeType.ChannelNumber, (uint)Channel << 16);
            writer.WriteXorAddress(StunAttributeType.XorPeerAddress, Peer);
        }

        if (seals)
        {
            writer.Write(StunAttributeType.Username, "user"u8);
            writer.Write(StunAttributeType.Realm, _realm);
            writer.Write(StunAttributeType.Nonce, _nonce);
#pragma warning disable CA5351 // RFC 8489, 18.5.1: the key of the long-term mechanism.
            writer.WriteIntegrity(new HmacSha1Key(System.Security.Cryptography.MD5.HashData("user:example:password"u8)));
#pragma warning restore CA5351
        }

        _driver.HandleClientMessage(Flow, request.AsSpan(0, writer.Finish()), _now);
        _output.Flush();
        Assert.True(StunReader.TryParse(_answers[^1], out StunReader answer));
        return answer;
    }
}
