using System.Threading.Channels;
using V100.Net;
using V100.Net.Crypto;
using V100.Server.Connections;
using V100.Sfu.Peers;
using V100.Stun;
using V100.Turn;

namespace V100.Server.Workers;

/// <summary>Takes what arrives for the media server by another way than the shared port.</summary>
internal interface IMediaInlet
{
    /// <summary>A packet that a client relays to this server's own media; <see cref="Datagram.Remote"/> is its relayed address.</summary>
    void HandleMedia(in Datagram datagram, Instant now);

    /// <summary>Sends what this server's own media relays to a client that has a connection or a DTLS session, at once.</summary>
    void SendByConnection(ReadOnlySpan<byte> packet, in TransportAddress remote);
}

/// <summary>What all workers share besides their shards' own tables.</summary>
internal sealed record WorkerCommons(
    ShardLinks ShardLinks,
    PeerDirectory Peers,
    DtlsContext Dtls,
    TurnServer Turn,
    WorkerLinks<TurnMessage> TurnLinks,
    ConnectionTable Connections,
    MailboxSink Inboxes,
    ushort DtlsPort,
    ushort DiscoveryPort,
    ChannelWriter<PeerEvent> Events);

/// <summary>What one worker does: it tells the protocols on the port apart and drives its shards of the media server and of the relay.</summary>
internal sealed class WorkerDriver : IWorkerDriver, IMediaInlet, IDtlsInlet, IPacketTransmitter, IDisposable
{
    /// <summary>Control requests that wait at one worker; beyond it the control plane tries again, or refuses.</summary>
    private const int MailboxCapacity = 4096;
    private const int CommandsPerTurn = 256;

    private readonly UdpWorker _worker;
    private readonly TransmitBatch _output;
    private readonly ChannelWriter<PeerEvent> _events;
    private readonly TurnServer _turn;
    private readonly ConnectionTable _connections;
    private readonly ConnectionInbox _inbox;
    private readonly KeptConnections _kept;
    private readonly ushort _port;
    private readonly ushort _dtlsPort;
    private readonly ushort _discoveryPort;
    private PeerEvent? _heldEvent;
    private Instant _now;

    public WorkerDriver(UdpWorker worker, WorkerCommons commons, Instant now)
    {
        _worker = worker;
        _output = new TransmitBatch(this);
        _events = commons.Events;
        _turn = commons.Turn;
        _port = worker.Port;
        _dtlsPort = commons.DtlsPort;
        _discoveryPort = commons.DiscoveryPort;
        _connections = commons.Connections;
        _inbox = commons.Inboxes.Inbox(worker.Index);
        _kept = new KeptConnections(IsServed);
        _now = now;
        Mailbox = new Mailbox<ShardCommand>(MailboxCapacity, worker.Wakeable);
        TurnMailbox = new Mailbox<TurnCommand>(MailboxCapacity, worker.Wakeable);
        Shard = new SfuShard(worker.Index, commons.ShardLinks, commons.Peers, commons.Dtls, _output, new SystemEntropy(), new ShardLimits(), now);
        Relay = new TurnDriver(worker, commons, _output, this, now);
        DtlsClients = new DtlsClients(worker.Index, worker.Transmitter, this, commons.Connections.Limits.MaxConnectionsPerAddress, now);
    }

    public Mailbox<ShardCommand> Mailbox { get; }
    public Mailbox<TurnCommand> TurnMailbox { get; }
    public SfuShard Shard { get; }
    public TurnDriver Relay { get; }
    public DtlsClients DtlsClients { get; }
    public CounterBlock<DemuxCounter> Counters { get; } = new();

    public Instant NextDeadline => Instant.Earlier(
        Instant.Earlier(Shard.NextDeadline, Relay.NextDeadline), Instant.Earlier(DtlsClients.NextDeadline, _kept.NextDeadline));

    public void HandleDatagram(in Datagram datagram, Instant now)
    {
        _now = now;
        if (datagram.Local.Port != _port)
        {
            if (datagram.Local.Port == _dtlsPort)
            {
                DtlsClients.HandleDatagram(in datagram, now);
            }
            else if (datagram.Local.Port == _discoveryPort)
            {
                HandleDiscovery(in datagram, now);
            }
            else
            {
                Relay.HandlePeerDatagram(in datagram, now);
            }

            return;
        }

        PacketKind kind = PacketDemux.Classify(datagram.Bytes);
        switch (kind)
        {
            case PacketKind.Rtp or PacketKind.Rtcp or PacketKind.Dtls:
                Shard.HandleDatagram(kind, in datagram, now);
                break;
            case PacketKind.Stun:
                HandleStun(in datagram, now);
                break;
            case PacketKind.ChannelData:
            case PacketKind.Unknown when IsWideChannelData(datagram.Bytes):
                Relay.HandleChannelData(in datagram, now);
                break;
            default:
                Counters.Increment(DemuxCounter.DroppedUnknownProtocol);
                break;
        }
    }

    /// <summary>Channel numbers of RFC 5766 that lie in what became the range of QUIC (RFC 7983, 7).</summary>
    private bool IsWideChannelData(ReadOnlySpan<byte> packet) => packet.Length > 0 && packet[0] >> 6 == 1 && packet[0] <= _turn.Settings.LastChannelNumber >> 8;

    /// <summary>The second port of RFC 5780 serves STUN without credentials, and nothing else.</summary>
    private void HandleDiscovery(in Datagram datagram, Instant now)
    {
        if (StunReader.TryParse(datagram.Bytes, out StunReader message) && message.Type.Method == StunMethod.Binding && !message.Has(StunAttributeType.Username))
        {
            Relay.HandleStun(in message, in datagram, now);
        }
        else
        {
            Counters.Increment(DemuxCounter.DroppedUnknownProtocol);
        }
    }

    private void HandleStun(in Datagram datagram, Instant now)
    {
        if (!StunReader.TryParse(datagram.Bytes, out StunReader message))
        {
            Counters.Increment(DemuxCounter.DroppedMalformedStun);
        }
        else if (IsIceCheck(in message))
        {
            Shard.HandleCheck(in message, in datagram, now);
        }
        else
        {
            Relay.HandleStun(in message, in datagram, now);
        }
    }

    /// <summary>Both kinds of credentials have a USERNAME, but a Binding with one is a connectivity check (RFC 8445, 7.2.2).</summary>
    private static bool IsIceCheck(in StunReader message) => message.Type.Method == StunMethod.Binding && message.Has(StunAttributeType.Username);

    /// <summary>What a client relays to the media port; TURN in TURN is not served.</summary>
    public void HandleMedia(in Datagram datagram, Instant now)
    {
        PacketKind kind = PacketDemux.Classify(datagram.Bytes);
        if (kind is PacketKind.Rtp or PacketKind.Rtcp or PacketKind.Dtls)
        {
            Shard.HandleDatagram(kind, in datagram, now);
        }
        else if (kind == PacketKind.Stun && StunReader.TryParse(datagram.Bytes, out StunReader message) && IsIceCheck(in message))
        {
            Shard.HandleCheck(in message, in datagram, now);
        }
        else
        {
            Counters.Increment(DemuxCounter.DroppedRelayedToMedia);
        }
    }

    void IDtlsInlet.HandlePacket(in TransportAddress remote, in TransportAddress local, Span<byte> packet, Instant now) =>
        Relay.HandleClientMessage(new ClientFlow(remote, local), packet, now);

    void IDtlsInlet.HandleEnd(in TransportAddress remote, in TransportAddress local, Instant now) =>
        Relay.HandleClientClosed(new ClientFlow(remote, local), now);

    bool IDtlsInlet.IsServed(in TransportAddress remote, in TransportAddress local) => Relay.Shard.Serves(new ClientFlow(remote, local));

    private void HandleConnection(in ConnectionMessage message, Instant now)
    {
        ClientConnection connection = message.Connection;
        var flow = new ClientFlow(connection.Remote, connection.Local);
        if (message.Kind == ConnectionMessageKind.Closed)
        {
            _kept.Remove(connection);
            Relay.HandleClientClosed(in flow, now);
            return;
        }

        if (connection.Framing == StreamFraming.LengthPrefixed)
        {
            // RFC 6544: a pair of the media server, whose packets have a length before them.
            HandleMedia(new Datagram(message.Bytes.Span, connection.Remote, connection.Local), now);
        }
        else
        {
            Relay.HandleClientMessage(in flow, message.Bytes.Span, now);
        }

        _kept.Look(connection, now);
    }

    private bool IsServed(ClientConnection connection) => connection.Framing == StreamFraming.LengthPrefixed
        ? Shard.HasPair(connection.Remote)
        : Relay.Shard.Serves(new ClientFlow(connection.Remote, connection.Local));

    public void EndReceive(Instant now) => Relay.EndReceive();

    public void HandlePathError(in TransportAddress local, in PathError error, Instant now) => Relay.HandlePathError(in local, in error, now);

    /// <summary>
    /// What media and answers send: by the sockets, by the client's connection or DTLS session, or to a relayed address of this process
    /// without leaving it.
    /// </summary>
    void IPacketTransmitter.Transmit(TransmitBatch batch)
    {
        // Their receivers need not wait until this worker's packets are on their way.
        WakeOthers();
        bool relays = false;
        for (int index = 0; index < batch.Count; index++)
        {
            ref readonly TransmitBatch.Entry entry = ref batch.Entries[index];
            if (entry.Remote.Protocol != TransportProtocol.Udp)
            {
                SendByConnection(batch.GetPacket(index, out TransportAddress remote, out _), in remote);
                batch.Discard(index);
            }
            else if (_turn.Ports.Covers(in entry.Remote) && _turn.Directory.TryFindRelay(in entry.Remote, out RelayLocation location))
            {
                ReadOnlySpan<byte> packet = batch.GetPacket(index, out _, out TransportAddress local);
                Relay.HandleMedia(packet, location, in local, _now);
                batch.Discard(index);
                relays = true;
            }
        }

        if (relays)
        {
            // Their payloads lie in this batch.
            Relay.EndReceive();
        }

        DtlsClients.Flush();
        _worker.Transmitter.Transmit(batch);
    }

    private void WakeOthers() => _worker.Wake(Shard.TakeWakeups() | Relay.TakeWakeups());

    public void SendByConnection(ReadOnlySpan<byte> packet, in TransportAddress remote)
    {
        if (remote.Protocol == TransportProtocol.Dtls)
        {
            DtlsClients.TrySend(in remote, packet, _now);
        }
        else if (!_connections.TrySend(in remote, packet))
        {
            Counters.Increment(DemuxCounter.DroppedByConnection);
        }
    }

    public bool HandleMessages(Instant now)
    {
        _now = now;
        int taken = 0;
        while (taken < CommandsPerTurn && Mailbox.TryRead(out ShardCommand command))
        {
            Shard.HandleCommand(in command, now);
            taken++;
        }

        while (taken < CommandsPerTurn && TurnMailbox.TryRead(out TurnCommand command))
        {
            Relay.HandleCommand(in command, now);
            taken++;
        }

        while (taken < CommandsPerTurn && _inbox.TryRead(out ConnectionMessage message))
        {
            HandleConnection(in message, now);
            taken++;
        }

        return Shard.HandleMessages(now) | Relay.HandleMessages(now) | taken == CommandsPerTurn;
    }

    public void HandleDeadline(Instant now)
    {
        Shard.HandleDeadline(now);
        Relay.HandleDeadline(now);
        DtlsClients.HandleDeadline(now);
        _kept.HandleDeadline(now);
    }

    public void EndTurn(Instant now)
    {
        _now = now;
        _output.Flush();
        Relay.EndReceive();
        DtlsClients.Flush();
        ReportEvents();
        WakeOthers();
    }

    /// <summary>An event that the control plane has no room for is held, not lost: the next turn tries again.</summary>
    private void ReportEvents()
    {
        if (_heldEvent is { } held)
        {
            if (!_events.TryWrite(held))
            {
                return;
            }

            _heldEvent = null;
        }

        while (Shard.TryPollEvent(out PeerEvent e))
        {
            if (!_events.TryWrite(e))
            {
                _heldEvent = e;
                return;
            }
        }
    }

    /// <summary>Only after the worker's thread has ended.</summary>
    public void Dispose()
    {
        Shard.Dispose();
        Relay.Dispose();
        DtlsClients.Dispose();
        _output.Dispose();
    }
}
