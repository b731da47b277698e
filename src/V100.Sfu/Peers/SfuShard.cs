using System.Diagnostics;
using V100.Net;
using V100.Net.Crypto;
using V100.Sfu.Bwe;
using V100.Sfu.Forwarding;
using V100.Sfu.Ice;
using V100.Stun;

namespace V100.Sfu.Peers;

/// <summary>
/// All peers of one worker: the media server's state machine. Nothing in it is shared with another shard but what
/// <see cref="PeerDirectory"/>, <see cref="PeerDescriptor"/>, <see cref="PublishedTrack"/> and <see cref="ShardLinks"/> say.
/// </summary>
/// <remarks>
/// One thread calls it. Each turn: <see cref="HandleDatagram"/> for what came, <see cref="HandleCommand"/> for what the
/// control plane posted, <see cref="HandleMessages"/> for what other shards sent, <see cref="HandleDeadline"/>. Then flush
/// the <see cref="TransmitBatch"/>, wake the workers of <see cref="TakeWakeups"/>, drain <see cref="TryPollEvent"/>, and
/// sleep until <see cref="NextDeadline"/>. It never throws on what came from the network, and in steady state it allocates nothing.
/// </remarks>
public sealed class SfuShard : IDisposable
{
    /// <summary>Messages of one ring that one turn takes, so that a busy neighbour does not starve the sockets.</summary>
    private const int MessagesPerTurn = 1024;

    private readonly ShardLinks _links;
    private readonly Dictionary<TransportAddress, Peer> _byAddress = [];
    private readonly HashSet<Peer> _peers = [];
    private readonly Queue<PeerEvent> _events = new();
    private ulong _wakeups;
    private int _peerCount;

    /// <param name="index">Which shard of <paramref name="links"/> this is.</param>
    /// <param name="links">The rings to the others.</param>
    /// <param name="directory">What all shards can find.</param>
    /// <param name="dtls">The certificate and settings of every handshake.</param>
    /// <param name="output">Where packets go.</param>
    /// <param name="entropy">Random bytes.</param>
    /// <param name="limits">The bounds.</param>
    /// <param name="now">The time at the start.</param>
    public SfuShard(
        int index, ShardLinks links, PeerDirectory directory, DtlsContext dtls, TransmitBatch output, IEntropy entropy, ShardLimits limits, Instant now)
    {
        Index = index;
        _links = links;
        Directory = directory;
        Dtls = dtls;
        Output = output;
        Entropy = entropy;
        Limits = limits;
        Pool = new PacketPool(limits.MaxPacketBuffers);
        Wheel = new TimerWheel(now);
    }

    public int Index { get; }

    /// <summary>What this shard counts; anyone may read.</summary>
    public CounterBlock<SfuCounter> Counters { get; } = new();

    /// <summary>Estimates of subscribers' paths, one of each about once a second; anyone may read.</summary>
    public EstimateHistogram Estimates { get; } = new();

    /// <summary>The decisions of traced sessions; one reader.</summary>
    public DecisionTrace Trace { get; } = new();

    /// <summary>Peers that live on this shard now; anyone may read.</summary>
    public int PeerCount => Volatile.Read(ref _peerCount);

    /// <summary>Packet buffers that caches or rings hold now.</summary>
    public long BuffersInUse => Pool.InUse;

    internal PeerDirectory Directory { get; }
    internal DtlsContext Dtls { get; }
    internal TransmitBatch Output { get; }
    internal IEntropy Entropy { get; }
    internal ShardLimits Limits { get; }
    internal PacketPool Pool { get; }

    /// <summary>What waits in the pacers of all its peers.</summary>
    internal PacketBlocks<Departure> Waiting { get; } = new();
    internal TimerWheel Wheel { get; }

    public Instant NextDeadline => Wheel.NextDeadline;

    /// <summary>One datagram that is DTLS, SRTP or SRTCP.</summary>
    public void HandleDatagram(PacketKind kind, in Datagram datagram, Instant now)
    {
        if (_byAddress.TryGetValue(datagram.Remote, out Peer? peer))
        {
            peer.HandleDatagram(kind, in datagram, now);
        }
        else if (Directory.TryFind(datagram.Remote, out PeerDescriptor elsewhere) && elsewhere.OwnerShard is var owner && owner >= 0 && owner != Index)
        {
            HandOver(owner, in datagram);
        }
        else
        {
            Counters.Increment(SfuCounter.DroppedUnknownFlow);
        }
    }

    /// <summary>One STUN message with a USERNAME: an ICE check.</summary>
    public void HandleCheck(in StunReader request, in Datagram datagram, Instant now)
    {
        if (!request.TryGet(StunAttributeType.Username, out ReadOnlySpan<byte> username)
            || !IceUfrag.TryParseUsername(username, out IceUfrag ufrag)
            || !Directory.TryFind(ufrag, out PeerDescriptor descriptor))
        {
            Counters.Increment(SfuCounter.DroppedUnknownUfrag);
            return;
        }

        int owner = descriptor.OwnerShard;
        if (owner == Index)
        {
            if (descriptor.Peer is { } owned)
            {
                owned.HandleCheck(in request, in datagram, now);
            }
            else
            {
                Counters.Increment(SfuCounter.StunRejected); // The peer is closed, and the control plane has not heard of it yet.
            }
        }
        else if (owner >= 0)
        {
            HandOver(owner, in datagram);
        }
        else if (StunIntegrity.Verify(in request, descriptor.LocalIce.Key) && TryClaim(descriptor, now, out Peer peer))
        {
            peer.HandleCheck(in request, in datagram, now);
        }
        else
        {
            Counters.Increment(SfuCounter.StunRejected);
        }
    }

    private bool TryClaim(PeerDescriptor descriptor, Instant now, out Peer peer)
    {
        peer = null!;
        if (_peers.Count >= Limits.MaxPeers || !descriptor.TryClaim(Index))
        {
            return false;
        }

        peer = new Peer(this, descriptor);
        descriptor.Peer = peer;
        _peers.Add(peer);
        Volatile.Write(ref _peerCount, _peers.Count);
        peer.Synchronize(now);
        return true;
    }

    /// <summary>Copies a datagram into the ring of the shard that owns its peer.</summary>
    private void HandOver(int owner, in Datagram datagram)
    {
        if (datagram.Bytes.Length > PacketBuffer.Capacity)
        {
            Counters.Increment(SfuCounter.DroppedTooLong);
            return;
        }

        if (!Pool.TryRent(out PacketBuffer buffer))
        {
            Counters.Increment(SfuCounter.DroppedNoBuffer);
            return;
        }

        datagram.Bytes.CopyTo(buffer.Room);
        buffer.Length = datagram.Bytes.Length;
        Counters.Increment(SfuCounter.HandedOver);
        Send(owner, new ShardMessage { Kind = ShardMessageKind.Datagram, Buffer = buffer, Remote = datagram.Remote, Local = datagram.Local });
    }

    /// <summary>Puts a message into the ring of another shard; with a full ring it is dropped and counted, its buffer given back.</summary>
    internal void Send(int shard, in ShardMessage message)
    {
        if (_links.Ring(Index, shard).TryWrite(in message))
        {
            _wakeups |= 1UL << shard;
            return;
        }

        Counters.Increment(SfuCounter.DroppedRingFull);
        message.Buffer?.Release();
    }

    /// <summary>The shards that must look at their rings, one bit each, since the last call.</summary>
    public ulong TakeWakeups()
    {
        ulong wakeups = _wakeups;
        _wakeups = 0;
        return wakeups;
    }

    /// <summary>Takes what other shards sent. True when something may be left for the next turn.</summary>
    public bool HandleMessages(Instant now)
    {
        bool more = false;
        for (int from = 0; from < _links.ShardCount; from++)
        {
            SpscRing<ShardMessage> ring = _links.Ring(from, Index);
            int taken = 0;
            while (taken < MessagesPerTurn && ring.TryRead(out ShardMessage message))
            {
                HandleMessage(in message, now);
                taken++;
            }

            more |= taken == MessagesPerTurn;
        }

        return more;
    }

    private void HandleMessage(in ShardMessage message, Instant now)
    {
        switch (message.Kind)
        {
            case ShardMessageKind.Media:
                Deliver(message.Media, now);
                message.Buffer!.Release();
                break;
            case ShardMessageKind.SenderReport:
                message.Track!.FanoutOn(Index)?.HandleSenderReport(message.Clock);
                break;
            case ShardMessageKind.KeyframeRequest:
                message.Track!.Receiver?.RequestKeyframe(message.Encoding, message.BeginsOn, now);
                break;
            case ShardMessageKind.Datagram:
                HandleHandedOver(message.Buffer!, message.Remote, message.Local, now);
                break;
            case ShardMessageKind.AddressTaken:
                HandleAddressTaken(message.Remote);
                break;
        }
    }

    private void HandleHandedOver(PacketBuffer buffer, in TransportAddress remote, in TransportAddress local, Instant now)
    {
        var datagram = new Datagram(buffer.Room[..buffer.Length], remote, local);
        PacketKind kind = PacketDemux.Classify(datagram.Bytes);
        if (kind != PacketKind.Stun)
        {
            HandleDatagram(kind, in datagram, now);
        }
        else if (StunReader.TryParse(datagram.Bytes, out StunReader request))
        {
            HandleCheck(in request, in datagram, now);
        }

        buffer.Release();
    }

    /// <summary>A published packet to every shard that has subscribers, this one included. The caller keeps its reference.</summary>
    internal void Publish(in MediaPacket packet, Instant now)
    {
        ulong shards = packet.Track.SubscriberShards;
        if (shards == 0)
        {
            Counters.Increment(SfuCounter.DroppedNoSubscriber);
            return;
        }

        ulong others = shards & ~(1UL << Index);
        for (ulong left = others; left != 0; left &= left - 1)
        {
            int shard = System.Numerics.BitOperations.TrailingZeroCount(left);
            PublishTo(shard, in packet, now);
        }

        if (others != shards)
        {
            Deliver(in packet, now);
        }
    }

    private void Deliver(in MediaPacket packet, Instant now)
    {
        if (packet.Track.FanoutOn(Index) is { } fanout)
        {
            fanout.Forward(in packet, now);
        }
        else if (!packet.IsReplayed)
        {
            Counters.Increment(SfuCounter.DroppedNoSubscriber);
        }
    }

    /// <summary>The publisher's clock to every shard with subscribers.</summary>
    internal void PublishClock(PublishedTrack track, in SourceClock clock)
    {
        ulong shards = track.SubscriberShards;
        while (shards != 0)
        {
            int shard = System.Numerics.BitOperations.TrailingZeroCount(shards);
            shards &= shards - 1;
            if (shard == Index)
            {
                track.FanoutOn(Index)?.HandleSenderReport(clock);
            }
            else
            {
                Send(shard, new ShardMessage { Kind = ShardMessageKind.SenderReport, Track = track, Clock = clock });
            }
        }
    }

    /// <summary>A published packet to one shard. The caller keeps its reference.</summary>
    internal void PublishTo(int shard, in MediaPacket packet, Instant now)
    {
        if (shard == Index)
        {
            Deliver(in packet, now);
            return;
        }

        packet.Buffer.AddReferences(1);
        Send(shard, new ShardMessage { Kind = ShardMessageKind.Media, Media = packet, Buffer = packet.Buffer });
    }

    /// <summary>Asks the shard that receives the track for a keyframe; with <paramref name="begins"/>, a cached one will do.</summary>
    internal void RequestKeyframe(PublishedTrack track, int encoding, bool begins, Instant now)
    {
        int publisher = track.PublisherShard;
        if (publisher == Index)
        {
            track.Receiver?.RequestKeyframe(encoding, begins ? Index : -1, now);
        }
        else if (publisher >= 0)
        {
            Send(publisher, new ShardMessage { Kind = ShardMessageKind.KeyframeRequest, Track = track, Encoding = encoding, BeginsOn = begins ? Index : -1 });
        }
    }

    /// <summary>Whether a valid check has come from this address to a peer of this shard.</summary>
    public bool HasPair(in TransportAddress remote) => _byAddress.ContainsKey(remote);

    public void HandleCommand(in ShardCommand command, Instant now)
    {
        Debug.Assert(command.Peer.OwnerShard == Index);
        Peer? peer = command.Peer.Peer;
        switch (command.Kind)
        {
            case ShardCommandKind.Synchronize:
                peer?.Synchronize(now);
                break;
            case ShardCommandKind.Report:
                peer?.Fill(command.Report!);
                command.Report!.Complete();
                break;
        }
    }

    public void HandleDeadline(Instant now)
    {
        while (Wheel.TryExpire(now, out TimerNode node))
        {
            ((Peer)node.Owner).HandleDeadline(now);
        }
    }

    public bool TryPollEvent(out PeerEvent e) => _events.TryDequeue(out e);

    /// <summary>At most two events a peer, so the queue is bounded by the peers.</summary>
    internal void Report(in PeerEvent e) => _events.Enqueue(e);

    internal bool IsRegistered(in TransportAddress remote, Peer peer) =>
        _byAddress.TryGetValue(remote, out Peer? registered) && registered == peer && Directory.IsRegistered(in remote, peer.Descriptor);

    internal void Register(in TransportAddress remote, Peer peer)
    {
        bool isTaken = Directory.TryFind(in remote, out PeerDescriptor former) && former != peer.Descriptor;
        _byAddress[remote] = peer;
        Directory.Register(in remote, peer.Descriptor);
        if (isTaken && former.OwnerShard is var shard && shard >= 0 && shard != Index)
        {
            Send(shard, new ShardMessage { Kind = ShardMessageKind.AddressTaken, Remote = remote });
        }
    }

    /// <summary>Lets go of an address that a peer of another shard has now, or what comes from it here would go on to the former one.</summary>
    private void HandleAddressTaken(in TransportAddress remote)
    {
        if (_byAddress.TryGetValue(remote, out Peer? former) && !Directory.IsRegistered(in remote, former.Descriptor))
        {
            _byAddress.Remove(remote);
        }
    }

    internal void Unregister(in TransportAddress remote, Peer peer)
    {
        if (_byAddress.TryGetValue(remote, out Peer? registered) && registered == peer)
        {
            _byAddress.Remove(remote);
        }

        Directory.Unregister(in remote, peer.Descriptor);
    }

    internal void Remove(Peer peer)
    {
        _peers.Remove(peer);
        Volatile.Write(ref _peerCount, _peers.Count);
        peer.Descriptor.Peer = null;
    }

    /// <summary>Ends every peer and frees the buffers. Other shards must have stopped, or never have had this one's packets.</summary>
    public void Dispose()
    {
        foreach (Peer peer in (Peer[])[.. _peers])
        {
            peer.Close(PeerCloseReason.ServerStopping, Instant.Never);
        }

        Pool.Dispose();
    }
}
