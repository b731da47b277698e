using System.Diagnostics;
using V100.Net;
using V100.Net.Sockets;
using V100.Stun;
using V100.Turn;

namespace V100.Server.Workers;

/// <summary>
/// Carries out what a worker's <see cref="TurnShard"/> decides: it owns the relay sockets, sends each payload from where it lies, and
/// hands over in the process what is for this server's own media or for another worker's allocation.
/// </summary>
/// <remarks>
/// The worker's thread alone calls it. <see cref="EndReceive"/> must come before the bytes of a datagram that was given to it are
/// overwritten.
/// </remarks>
internal sealed class TurnDriver : IRelaySockets, IDisposable
{
    /// <summary>Messages that one turn takes from each neighbour.</summary>
    private const int MessagesPerTurn = 64;

    /// <summary>Packets on their way between workers; beyond it they are dropped and counted.</summary>
    private const int MaxBuffers = 8192;

    // What the kernel holds for a relay while the worker is busy elsewhere: 100 ms at 80 Mbit/s.
    private static readonly UdpOptions RelaySocket = new() { Shared = false, ReportsErrors = true, ReportsFields = true, BufferBytes = 1 << 20 };

    private readonly UdpWorker _worker;
    private readonly TransmitBatch _output;
    private readonly TransmitBatch _relayed;
    private readonly WorkerLinks<TurnMessage> _links;
    private readonly PacketPool _pool = new(MaxBuffers);
    private readonly IMediaInlet _media;
    private readonly Dictionary<TransportAddress, RelayId> _relays = [];
    private readonly TcpRelays _tcp;
    private readonly byte[] _response = new byte[TurnShard.MaxResponseLength];
    private readonly byte[] _header = new byte[TurnShard.MaxHeaderLength];
    private readonly byte[] _mediaMessage = new byte[2 * PacketBuffer.Capacity];
    private UdpSocket?[] _sockets = new UdpSocket?[64];
    private TransportAddress _lastLocal;
    private RelayId _lastRelay;
    private ulong _wakeups;

    /// <param name="worker">Whose sockets it opens.</param>
    /// <param name="commons">What all workers share.</param>
    /// <param name="output">Where answers to clients go, and data to those who have a connection.</param>
    /// <param name="media">Gets what clients send to this server's own media.</param>
    /// <param name="now">The time at the start.</param>
    public TurnDriver(UdpWorker worker, WorkerCommons commons, TransmitBatch output, IMediaInlet media, Instant now)
    {
        _worker = worker;
        _links = commons.TurnLinks;
        _tcp = new TcpRelays(worker.Wakeable, commons.Connections);
        _output = output;
        _media = media;
        _relayed = new TransmitBatch(worker.Transmitter);
        Shard = new TurnShard(worker.Index, commons.Turn, this, new SystemEntropy(), now);
    }

    public TurnShard Shard { get; }

    public CounterBlock<RelayCounter> Counters { get; } = new();

    /// <summary>Packet buffers on their way to other workers.</summary>
    public long BuffersInUse => _pool.InUse;

    /// <summary>Connections between relayed addresses and peers.</summary>
    public int PeerConnectionCount => _tcp.Count;

    public Instant NextDeadline => Instant.Earlier(Shard.NextDeadline, _tcp.NextDeadline);

    public void HandleDeadline(Instant now)
    {
        Shard.HandleDeadline(now);
        _tcp.HandleDeadline(Shard, now);
        DrainOutputs();
    }

    public void HandleCommand(in TurnCommand command, Instant now)
    {
        Shard.HandleCommand(in command, now);
        DrainOutputs();
    }

    /// <summary>A STUN message over UDP that is not an ICE check.</summary>
    public void HandleStun(in StunReader message, in Datagram datagram, Instant now)
    {
        var flow = new ClientFlow(datagram.Remote, datagram.Local);
        TurnRoute route = Shard.HandleStun(in flow, in message, _response, now, datagram.Fields);
        Carry(in route, in flow, datagram.Bytes, _response, now, stays: true, datagram.Fields);
    }

    public void HandleChannelData(in Datagram datagram, Instant now)
    {
        var flow = new ClientFlow(datagram.Remote, datagram.Local);
        TurnRoute route = Shard.HandleChannelData(in flow, datagram.Bytes, now, datagram.Fields);
        Carry(in route, in flow, datagram.Bytes, default, now, stays: true, datagram.Fields);
    }

    /// <summary>One message that came over a connection or a DTLS session.</summary>
    /// <param name="flow">Whose.</param>
    /// <param name="message">Valid during the call.</param>
    /// <param name="now">The time.</param>
    public void HandleClientMessage(in ClientFlow flow, Span<byte> message, Instant now)
    {
        TurnRoute route = Shard.HandleClientMessage(in flow, message, _response, now);
        Carry(in route, in flow, message, _response, now, stays: false);
    }

    /// <summary>A connection or a DTLS session ended.</summary>
    public void HandleClientClosed(in ClientFlow flow, Instant now)
    {
        TurnRoute route = Shard.HandleClientClosed(in flow, now);
        Carry(in route, in flow, default, default, now, stays: false);
    }

    /// <summary>A datagram that came to a relay socket.</summary>
    public void HandlePeerDatagram(in Datagram datagram, Instant now)
    {
        if (!TryFindRelay(in datagram.Local, out RelayId relay))
        {
            Counters.Increment(RelayCounter.DroppedClosedRelay);
            return;
        }

        TurnRoute route = Shard.HandlePeerDatagram(relay, datagram.Remote, datagram.Bytes.Length, _header, now, datagram.Fields);
        Carry(in route, default, datagram.Bytes, _header, now, stays: true);
    }

    /// <summary>An ICMP error came for what a relay socket sent.</summary>
    public void HandlePathError(in TransportAddress local, in PathError error, Instant now)
    {
        if (TryFindRelay(in local, out RelayId relay))
        {
            TurnRoute route = Shard.HandlePeerError(relay, error.Remote, error.Type, error.Code, error.Data, _header, now);
            Carry(in route, default, default, _header, now, stays: false);
        }
    }

    /// <summary>What this server's media sends to a relayed address of this process, as a packet of that address's peer.</summary>
    /// <param name="packet">Unchanged until the flush of <see cref="EndReceive"/>.</param>
    /// <param name="location">Whose the relayed address is.</param>
    /// <param name="media">The media address that it comes from.</param>
    /// <param name="now">The time.</param>
    public void HandleMedia(ReadOnlySpan<byte> packet, RelayLocation location, in TransportAddress media, Instant now)
    {
        if (location.Shard == Shard.Index)
        {
            RelayMedia(packet, location.Relay, in media, now);
        }
        else if (TryCopy(packet, out PacketBuffer copy))
        {
            Send(location.Shard, new TurnMessage(TurnMessageKind.FromMedia, copy, default, location.Relay, media));
        }
    }

    /// <summary>
    /// It may be the flush of the output that calls, in the middle of something that this class sends: so it leaves the output and the
    /// header of that alone.
    /// </summary>
    private void RelayMedia(ReadOnlySpan<byte> packet, RelayId relay, in TransportAddress media, Instant now)
    {
        Span<byte> message = _mediaMessage;
        TurnRoute route = Shard.HandlePeerDatagram(relay, media, packet.Length, message, now);
        if (route.Kind != TurnRouteKind.ToClient)
        {
            return;
        }

        int length = route.HeaderLength + packet.Length + route.PaddingLength;
        if (route.Flow.Transport == TransportProtocol.Udp)
        {
            SendToClient(in route, packet, message, stays: true);
        }
        else if (length > message.Length)
        {
            Counters.Increment(RelayCounter.DroppedTooLong);
        }
        else
        {
            packet.CopyTo(message[route.HeaderLength..]);
            message[(length - route.PaddingLength)..length].Clear();
            _media.SendByConnection(message[..length], route.Flow.Client);
        }
    }

    /// <summary>Takes what other workers sent. True when more may wait.</summary>
    public bool HandleMessages(Instant now)
    {
        bool more = _tcp.HandleReports(Shard, now);
        DrainOutputs();
        for (int from = 0; from < _links.Count; from++)
        {
            SpscRing<TurnMessage> ring = _links.Ring(from, Shard.Index);
            int taken = 0;
            while (taken < MessagesPerTurn && ring.TryRead(out TurnMessage message))
            {
                HandleMessage(in message, now);
                EndReceive();
                message.Buffer?.Release();
                taken++;
            }

            more |= taken == MessagesPerTurn;
        }

        return more || _tcp.HasFailures;
    }

    private void HandleMessage(in TurnMessage message, Instant now)
    {
        ClientFlow flow = message.Flow;
        if (message.Kind == TurnMessageKind.ClientClosed)
        {
            Shard.HandleClientClosed(in flow, now);
            DrainOutputs();
            return;
        }

        Span<byte> bytes = message.Buffer!.Room[..message.Buffer.Length];
        if (message.Kind == TurnMessageKind.FromMedia)
        {
            RelayMedia(bytes, message.Relay, message.Peer, now);
            return;
        }

        TurnRoute route = Shard.HandleClientMessage(in flow, bytes, _response, now, message.Fields);
        if (route.Kind == TurnRouteKind.HandOver)
        {
            // The flow moved on meanwhile: the client repeats what matters.
            Counters.Increment(RelayCounter.DroppedMovedFlow);
            return;
        }

        Carry(in route, in flow, bytes, _response, now, stays: true);
    }

    /// <summary>Before the bytes of what was received are overwritten: sends what still lies in them.</summary>
    public void EndReceive() => _relayed.Flush();

    /// <summary>The workers that must look at their rings, one bit each, since the last call.</summary>
    public ulong TakeWakeups()
    {
        ulong wakeups = _wakeups;
        _wakeups = 0;
        return wakeups;
    }

    /// <param name="route">What the shard decided.</param>
    /// <param name="flow">Whose message it was; default for a peer's.</param>
    /// <param name="bytes">The message or payload.</param>
    /// <param name="header">What the shard wrote.</param>
    /// <param name="now">The time.</param>
    /// <param name="stays">The bytes stay as they are until <see cref="EndReceive"/>, in native memory; else what is sent of them is copied.</param>
    /// <param name="fields">What the message's IP header had, for another worker that it is handed to.</param>
    private void Carry(
        in TurnRoute route, in ClientFlow flow, Span<byte> bytes, ReadOnlySpan<byte> header, Instant now, bool stays, IpFields fields = default)
    {
        switch (route.Kind)
        {
            case TurnRouteKind.ToPeer:
                SendToPeer(in route, bytes.Slice(route.PayloadOffset, route.PayloadLength), stays);
                break;
            case TurnRouteKind.ToClient:
                SendToClient(in route, bytes.Slice(route.PayloadOffset, route.PayloadLength), header, stays);
                break;
            case TurnRouteKind.Respond:
                Respond(in route, header);
                break;
            case TurnRouteKind.ToOwnMedia:
                _media.HandleMedia(new Datagram(bytes.Slice(route.PayloadOffset, route.PayloadLength), route.RelayedAddress, route.Peer), now);
                break;
            case TurnRouteKind.HandOver when bytes.IsEmpty:
                Send(route.Shard, new TurnMessage(TurnMessageKind.ClientClosed, null, flow, default, default));
                break;
            case TurnRouteKind.HandOver when TryCopy(bytes, out PacketBuffer copy):
                Send(route.Shard, new TurnMessage(TurnMessageKind.FromClient, copy, flow, default, default, fields));
                break;
        }

        DrainOutputs();
    }

    private void Respond(in TurnRoute route, ReadOnlySpan<byte> response)
    {
        response = response[..route.HeaderLength];
        bool polled = Shard.TryPollOutput(out TurnOutput output);
        if (polled && output.Kind == TurnOutputKind.Splice)
        {
            // From the answer on the client's connection carries the peer's bytes.
            _tcp.Join(in output, response);
            return;
        }

        response.CopyTo(_output.Reserve(route.Flow.Client, route.Flow.Server, response.Length));
        _output.Commit(response.Length);
        if (polled)
        {
            CarryOutput(in output);
        }
    }

    private void SendToPeer(in TurnRoute route, ReadOnlySpan<byte> payload, bool stays)
    {
        UdpSocket socket = _sockets[route.Relay.Slot]!;
        if (route.DontFragment)
        {
            SendUnfragmented(socket, in route, payload);
            return;
        }

        Write(_relayed, route.Peer, socket.Bound, route.Fields, default, payload, 0, stays);
    }

    /// <summary>RFC 8656, 14.9: the DF bit belongs to the socket, so it is set around this one packet.</summary>
    private void SendUnfragmented(UdpSocket socket, in TurnRoute route, ReadOnlySpan<byte> payload)
    {
        _relayed.Flush();
        socket.TrySetDontFragment(true);
        Write(_relayed, route.Peer, socket.Bound, route.Fields, default, payload, 0, stays: false);
        _relayed.Flush();
        socket.TrySetDontFragment(false);
    }

    private void SendToClient(in TurnRoute route, ReadOnlySpan<byte> payload, ReadOnlySpan<byte> header, bool stays)
    {
        ClientFlow flow = route.Flow;
        bool byUdp = flow.Transport == TransportProtocol.Udp;
        Write(
            byUdp ? _relayed : _output, flow.Client, flow.Server, route.Fields, header[..route.HeaderLength], payload, route.PaddingLength, stays && byUdp);
    }

    private void Write(
        TransmitBatch batch, in TransportAddress remote, in TransportAddress local, IpFields fields, ReadOnlySpan<byte> header, ReadOnlySpan<byte> payload,
        int padding, bool stays)
    {
        // A stream's message may be longer than any datagram, and a datagram with its header in front too.
        int length = header.Length + payload.Length + padding;
        if (length > TransmitBatch.MaxPacketLength)
        {
            Counters.Increment(RelayCounter.DroppedTooLong);
            return;
        }

        if (stays && padding == 0)
        {
            header.CopyTo(batch.Reserve(remote, local, header.Length, fields));
            batch.Commit(header.Length, payload);
            return;
        }

        // Also a Data indication whose payload is not whole words: three pieces cost more than the copy.
        Span<byte> message = batch.Reserve(remote, local, length, fields);
        header.CopyTo(message);
        payload.CopyTo(message[header.Length..]);
        message[(length - padding)..].Clear();
        batch.Commit(length);
    }

    private void DrainOutputs()
    {
        while (Shard.TryPollOutput(out TurnOutput output))
        {
            CarryOutput(in output);
        }
    }

    private void CarryOutput(in TurnOutput output)
    {
        if (output.Kind == TurnOutputKind.SendToClient)
        {
            ReadOnlySpan<byte> message = output.Message.Span;
            message.CopyTo(_output.Reserve(output.Flow.Client, output.Flow.Server, message.Length));
            _output.Commit(message.Length);
        }
        else
        {
            _tcp.Carry(in output);
        }
    }

    private bool TryCopy(ReadOnlySpan<byte> bytes, out PacketBuffer copy)
    {
        copy = null!;
        if (bytes.Length > PacketBuffer.Capacity)
        {
            Counters.Increment(RelayCounter.DroppedTooLong);
            return false;
        }

        if (!_pool.TryRent(out copy))
        {
            Counters.Increment(RelayCounter.DroppedNoBuffer);
            return false;
        }

        bytes.CopyTo(copy.Room);
        copy.Length = bytes.Length;
        return true;
    }

    private void Send(int shard, in TurnMessage message)
    {
        if (_links.Ring(Shard.Index, shard).TryWrite(in message))
        {
            _wakeups |= 1UL << shard;
            return;
        }

        Counters.Increment(RelayCounter.DroppedRingFull);
        message.Buffer?.Release();
    }

    private bool TryFindRelay(in TransportAddress local, out RelayId relay)
    {
        if (local == _lastLocal)
        {
            relay = _lastRelay;
            return true;
        }

        if (!_relays.TryGetValue(local, out relay))
        {
            return false;
        }

        _lastLocal = local;
        _lastRelay = relay;
        return true;
    }

    bool IRelaySockets.SupportsDontFragment => _worker.Backend == UdpBackend.Linux;

    bool IRelaySockets.TryOpen(RelayId relay, in TransportAddress local, RelayTransport transport)
    {
        if (transport == RelayTransport.Tcp)
        {
            return _tcp.TryListen(relay, in local);
        }

        if (_worker.TryOpen(local, RelaySocket) is not { } socket)
        {
            return false;
        }

        Register(relay, socket);
        return true;
    }

    IDisposable? IRelaySockets.TryHold(in TransportAddress local) => _worker.TryHold(local, RelaySocket);

    bool IRelaySockets.TryAdopt(RelayId relay, IDisposable held)
    {
        var socket = (UdpSocket)held;
        if (!_worker.TryAdopt(socket))
        {
            return false;
        }

        Register(relay, socket);
        return true;
    }

    private void Register(RelayId relay, UdpSocket socket)
    {
        if (relay.Slot >= _sockets.Length)
        {
            Array.Resize(ref _sockets, Math.Max(relay.Slot + 1, 2 * _sockets.Length));
        }

        Debug.Assert(_sockets[relay.Slot] is null);
        _sockets[relay.Slot] = socket;
        _relays.Add(socket.Bound, relay);
    }

    void IRelaySockets.Close(RelayId relay)
    {
        if (_tcp.TryClose(relay))
        {
            return;
        }

        // What was relayed before the close still leaves by this socket.
        _relayed.Flush();
        UdpSocket socket = _sockets[relay.Slot]!;
        _sockets[relay.Slot] = null;
        _relays.Remove(socket.Bound);
        _lastLocal = default;
        _worker.Close(socket);
    }

    /// <summary>Only after the worker's thread has ended.</summary>
    public void Dispose()
    {
        _tcp.Dispose();
        _relayed.Dispose();
        _pool.Dispose();
    }
}
