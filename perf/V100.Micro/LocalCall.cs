using V100.Client;
using V100.Net;
using V100.Net.Crypto;
using V100.Sfu.Peers;
using V100.Sfu.Rooms;
using V100.Sfu.Sdp;
using V100.Simulation.World;
using V100.Stun;

namespace V100.Micro;

/// <summary>
/// One shard of the server with a publisher and its subscribers, joined by real offers, checks and handshakes, on one thread and
/// with a clock that stands still between calls. Where the server's packets go can be changed: to the clients, or to whoever measures.
/// </summary>
internal sealed class LocalCall : IPacketTransmitter, IDisposable
{
    private const int MaxSteps = 100_000;
    private static readonly TimeSpan _step = TimeSpan.FromMilliseconds(1);

    private readonly DtlsContext _serverDtls = new(DtlsCertificate.Create());
    private readonly DtlsContext _clientDtls = new(DtlsCertificate.Create());
    private readonly Queue<(byte[] Bytes, TransportAddress From, TransportAddress To)> _onTheWay = new();
    private readonly Dictionary<TransportAddress, WebRtcClient> _clients = [];
    private readonly PeerDirectory _peers = new();
    private readonly RoomDirectory _rooms;
    private readonly TransmitBatch _clientOutput;
    private readonly Random _random = new(1);

    /// <param name="server">Where its packets come from.</param>
    /// <param name="subscribers">Where each subscriber is.</param>
    public LocalCall(in TransportAddress server, ReadOnlySpan<TransportAddress> subscribers)
    {
        Server = server;
        Output = new TransmitBatch(this);
        _clientOutput = new TransmitBatch(new ToServer(this));
        var entropy = new SystemEntropy();
        Shard = new SfuShard(0, new ShardLinks(1), _peers, _serverDtls, Output, entropy, new ShardLimits(), Now);
        _rooms = new RoomDirectory(new RoomLimits(), new TransportParameters([server], _serverDtls.Certificate.Fingerprint, 1), _peers, entropy);
        Publisher = Join(ClientOffer.Publisher(_random), TransportAddress.FromIPv4(0x7F00_0002, 40_000), "publisher", SessionRole.Publish);
        Video = new VideoSource(Publisher.Offer.Sections[1], _random);
        Subscribers = new WebRtcClient[subscribers.Length];
        for (int index = 0; index < subscribers.Length; index++)
        {
            Subscribers[index] = Join(ClientOffer.Subscriber(), subscribers[index], $"subscriber-{index}", SessionRole.Subscribe);
        }

        Advance(() => Publisher.IsConnected && Array.TrueForAll(Subscribers, client => client.IsConnected));
    }

    public SfuShard Shard { get; }
    public TransmitBatch Output { get; }
    public TransportAddress Server { get; }
    public WebRtcClient Publisher { get; }
    public WebRtcClient[] Subscribers { get; }
    public VideoSource Video { get; }
    public Instant Now { get; private set; } = new(5_000_000_000);

    /// <summary>Gets what the server sends in place of the clients.</summary>
    public IPacketTransmitter? Wire { get; set; }

    /// <summary>Writes the publisher's next packet, encrypted. Returns its length.</summary>
    /// <param name="packet">Gets it.</param>
    /// <param name="plaintext">As long as the RTP packet.</param>
    public int WriteNext(Span<byte> packet, Span<byte> plaintext)
    {
        long index = Video.NextSequence;
        return Publisher.ProtectRtp(plaintext, Video.Write(plaintext, default, endsFrame: true, Now), index, packet);
    }

    /// <summary>Lets time pass, with all its checks, reports and feedback, which go to the clients.</summary>
    public void Advance(TimeSpan span)
    {
        Instant end = Now + span;
        Advance(() => Now >= end);
    }

    public void Transmit(TransmitBatch batch)
    {
        if (Wire is not null)
        {
            Wire.Transmit(batch);
            return;
        }

        for (int index = 0; index < batch.Count; index++)
        {
            ReadOnlySpan<byte> packet = batch.GetPacket(index, out TransportAddress remote, out TransportAddress local);
            _onTheWay.Enqueue((packet.ToArray(), local, remote));
        }
    }

    private WebRtcClient Join(ClientOffer offer, in TransportAddress address, string identity, SessionRole role)
    {
        var client = new WebRtcClient(_clientDtls, offer, address, _clientOutput, _random);
        var request = new JoinRequest { Room = "room", Identity = identity, Role = role, Offer = client.OfferText, Target = role == SessionRole.Subscribe ? "publisher" : null };
        JoinOutcome outcome = _rooms.Join(request, Now, DateTimeOffset.UnixEpoch, out Session session, out SdpError error);
        if (outcome != JoinOutcome.Joined)
        {
            throw new InvalidOperationException($"{identity} cannot join: {outcome} {error.Message}");
        }

        client.Accept(session.AnswerText, Server, Now);
        _clients.Add(address, client);
        return client;
    }

    private void Advance(Func<bool> done)
    {
        IPacketTransmitter? wire = Wire;
        Output.Flush();
        Wire = null;
        for (int step = 0; !done(); step++)
        {
            Premise.Holds(step < MaxSteps);
            Now += _step;
            foreach (WebRtcClient client in _clients.Values)
            {
                if (client.NextDeadline <= Now)
                {
                    client.HandleDeadline(Now);
                }
            }

            Shard.HandleDeadline(Now);
            Deliver();
        }

        Wire = wire;
    }

    private void Deliver()
    {
        do
        {
            PassEvents();
            _clientOutput.Flush();
            Output.Flush();
            while (_onTheWay.TryDequeue(out (byte[] Bytes, TransportAddress From, TransportAddress To) packet))
            {
                var datagram = new Datagram(packet.Bytes, packet.From, packet.To);
                if (packet.To == Server)
                {
                    HandleOnServer(datagram);
                }
                else if (_clients.TryGetValue(packet.To, out WebRtcClient? client))
                {
                    client.HandleDatagram(datagram, Now);
                }
            }

            _clientOutput.Flush();
            Output.Flush();
        }
        while (_onTheWay.Count > 0);
    }

    private void PassEvents()
    {
        while (Shard.TryPollEvent(out PeerEvent e))
        {
            Premise.Holds(e.Kind != PeerEventKind.Closed);
            _rooms.HandleEvent(in e, Now);
        }

        while (_rooms.TryPollCommand(out int shard, out ShardCommand command))
        {
            if (shard >= 0)
            {
                Shard.HandleCommand(in command, Now);
            }
        }
    }

    private void HandleOnServer(in Datagram datagram)
    {
        PacketKind kind = PacketDemux.Classify(datagram.Bytes);
        if (kind != PacketKind.Stun)
        {
            Shard.HandleDatagram(kind, datagram, Now);
        }
        else if (StunReader.TryParse(datagram.Bytes, out StunReader check))
        {
            Shard.HandleCheck(in check, datagram, Now);
        }
    }

    public void Dispose()
    {
        Wire = new Discarding();
        Shard.Dispose();
        Output.Dispose();
        foreach (WebRtcClient client in _clients.Values)
        {
            client.Dispose();
        }

        _clientOutput.Dispose();
        _serverDtls.Dispose();
        _clientDtls.Dispose();
    }

    private sealed class ToServer(LocalCall call) : IPacketTransmitter
    {
        public void Transmit(TransmitBatch batch)
        {
            for (int index = 0; index < batch.Count; index++)
            {
                ReadOnlySpan<byte> packet = batch.GetPacket(index, out TransportAddress remote, out TransportAddress local);
                call._onTheWay.Enqueue((packet.ToArray(), local, remote));
            }
        }
    }
}
