using V100.Net;
using V100.Net.Crypto;
using V100.Sfu.Forwarding;
using V100.Sfu.Ice;
using V100.Sfu.Sdp;
using V100.Sfu.Srtp;
using V100.Stun;

namespace V100.Sfu.Peers;

/// <summary>
/// One client's transport: ICE, DTLS and SRTP both ways, with the tracks that it publishes and the subscriptions that it
/// plays. Owned by one shard, called on its thread alone; the contract is that of <see cref="SfuShard"/>.
/// </summary>
internal sealed partial class Peer
{
    private readonly SfuShard _shard;
    private readonly IceLiteAgent _ice;
    private readonly TimerNode _timer;
    private DtlsSession? _dtls;
    private int _seenWishes;
    private IceRestart? _appliedRestart;
    private bool _connected;
    private bool _closed;
    private TransportAddress _remote;
    private TransportAddress _local;

    public Peer(SfuShard shard, PeerDescriptor descriptor)
    {
        _shard = shard;
        Descriptor = descriptor;
        NegotiatedSession negotiated = descriptor.Negotiated;
        _ice = new IceLiteAgent(descriptor.LocalIce, descriptor.RemoteIce, descriptor.TieBreaker);
        _timer = new TimerNode(this);
        _received = new ReceivedTrack?[negotiated.Sections.Length];
        _subscriptions = new Subscription?[negotiated.Sections.Length];
        int videos = Array.FindAll(negotiated.Sections, section => section.IsSent && section.Kind == MediaKind.Video).Length;
        foreach (MediaSection section in negotiated.Sections)
        {
            if (descriptor.Published[section.Index] is { } track)
            {
                _received[section.Index] = new ReceivedTrack(shard, this, track);
                track.Receiver = _received[section.Index];
                track.PublisherShard = shard.Index;
            }

            if (section.IsSent)
            {
                _subscriptions[section.Index] = new Subscription(shard, this, section, isOnlyVideo: videos == 1);
            }
        }

    }

    public PeerDescriptor Descriptor { get; }

    /// <summary>Where packets to the client go: the selected pair, once keys are there.</summary>
    public bool CanSend => _srtpSender is not null && !_closed;

    public ref readonly TransportAddress Remote => ref _remote;
    public ref readonly TransportAddress Local => ref _local;

    /// <summary>Lets a protected packet go, which stands where the shard's output reserved room for it.</summary>
    public void Commit(int length)
    {
        _shard.Output.Commit(length);
        Descriptor.Traffic.CountSent(length);
    }

    /// <summary>Makes it so that <see cref="HandleDeadline"/> is called at <paramref name="deadline"/> or before.</summary>
    public void WakeAt(Instant deadline)
    {
        if (deadline != Instant.Never && (!_timer.IsScheduled || deadline < _timer.Deadline))
        {
            _shard.Wheel.Schedule(_timer, deadline);
        }
    }

    /// <summary>One ICE connectivity check, whose USERNAME names this peer.</summary>
    public void HandleCheck(in StunReader request, in Datagram datagram, Instant now)
    {
        if (Descriptor.Wishes != _seenWishes)
        {
            Synchronize(now); // A restart's first check may come before the command that tells of it.
            if (_closed)
            {
                _shard.Counters.Increment(SfuCounter.StunRejected);
                return;
            }
        }

        IceCheckOutcome outcome = _ice.HandleRequest(in request, in datagram, now, _shard.Output);
        if (!outcome.IsValid)
        {
            _shard.Counters.Increment(SfuCounter.StunRejected);
            return;
        }

        _shard.Counters.Increment(SfuCounter.StunAnswered);
        UnregisterRemoved();
        if (outcome.NewPair || !_shard.IsRegistered(datagram.Remote, this))
        {
            // Not only a new pair: another client's check, with the source address forged, may have taken the address.
            _shard.Register(datagram.Remote, this);
        }

        if (outcome.SelectedChanged)
        {
            _ice.TryGetSelected(out _remote, out _local);
        }

        WakeAt(_ice.NextDeadline);

        if (_dtls is null)
        {
            // A DTLS object exists only after a valid check from that address.
            _dtls = new DtlsSession(_shard.Dtls, Descriptor.Negotiated.DtlsRole, Descriptor.Negotiated.RemoteFingerprint);
            _dtls.Start(now);
            AfterDtls(now);
        }
    }

    private void UnregisterRemoved()
    {
        foreach (ref readonly IcePair pair in _ice.Removed)
        {
            if (!_ice.IsValidPair(in pair.Remote))
            {
                _shard.Unregister(in pair.Remote, this);
            }
        }
    }

    /// <summary>DTLS, SRTP or SRTCP from an address with a valid check.</summary>
    public void HandleDatagram(PacketKind kind, in Datagram datagram, Instant now)
    {
        switch (kind)
        {
            case PacketKind.Dtls:
                _shard.Counters.Increment(SfuCounter.DtlsReceived);
                _dtls!.HandleDatagram(datagram.Bytes, now);
                AfterDtls(now);
                break;
            case PacketKind.Rtp:
                HandleRtp(datagram.Bytes, now);
                break;
            case PacketKind.Rtcp:
                HandleRtcp(datagram.Bytes, now);
                break;
            default:
                _shard.Counters.Increment(SfuCounter.DroppedMalformed);
                break;
        }
    }

    private void AfterDtls(Instant now)
    {
        FlushDtls();
        switch (_dtls!.State)
        {
            case DtlsState.Established when _srtpSender is null:
                StartMedia(now);
                break;
            case DtlsState.Failed:
                _shard.Counters.Increment(SfuCounter.DtlsFailed);
                Close(PeerCloseReason.DtlsFailed, now);
                break;
            case DtlsState.Closed:
                Close(PeerCloseReason.DtlsClosed, now);
                break;
            default:
                WakeAt(_dtls.NextDeadline);
                break;
        }
    }

    private void FlushDtls()
    {
        while (_dtls!.TryPollDatagram(out ReadOnlySpan<byte> datagram))
        {
            datagram.CopyTo(_shard.Output.Reserve(in _remote, in _local, datagram.Length));
            _shard.Output.Commit(datagram.Length);
        }
    }

    /// <summary>Keys are there: both directions of SRTP begin (RFC 5764, 4.2).</summary>
    private void StartMedia(Instant now)
    {
        SrtpProfile profile = _dtls!.SrtpProfile;
        Span<byte> clientKey = stackalloc byte[profile.KeyLength()];
        Span<byte> clientSalt = stackalloc byte[profile.SaltLength()];
        Span<byte> serverKey = stackalloc byte[profile.KeyLength()];
        Span<byte> serverSalt = stackalloc byte[profile.SaltLength()];
        if (!_dtls.TryExportSrtpKeys(clientKey, clientSalt, serverKey, serverSalt))
        {
            Close(PeerCloseReason.DtlsFailed, now);
            return;
        }

        _dtls.ReleaseHandshake();
        bool isServer = Descriptor.Negotiated.DtlsRole == DtlsRole.Server;
        _srtpReceiver = isServer
            ? new SrtpReceiver(profile, clientKey, clientSalt, _shard.Limits.MaxSourcesPerPeer)
            : new SrtpReceiver(profile, serverKey, serverSalt, _shard.Limits.MaxSourcesPerPeer);
        _srtpSender = isServer ? new SrtpSender(profile, serverKey, serverSalt) : new SrtpSender(profile, clientKey, clientSalt);
        _connected = true;
        _shard.Counters.Increment(SfuCounter.PeersConnected);
        _shard.Report(new PeerEvent(PeerEventKind.Connected, Descriptor, PeerCloseReason.None));
        StartReports(now);
        Synchronize(now);
        StartAdaptation(now);
    }

    /// <summary>Makes true what the control plane wants: closed, restarted, playing these sources.</summary>
    public void Synchronize(Instant now)
    {
        _seenWishes = Descriptor.Wishes;
        if (Descriptor.CloseReason is var reason and not PeerCloseReason.None)
        {
            Close(reason, now);
            return;
        }

        if (Descriptor.WantedIceRestart is { } restart && restart != _appliedRestart)
        {
            _appliedRestart = restart;
            _ice.Restart(restart.Local, restart.Remote);
        }

        foreach (Subscription? subscription in _subscriptions)
        {
            subscription?.SetSource(Descriptor.GetSource(subscription.Section.Index), now);
        }

        if (CanSend)
        {
            Adapt(now);
        }
    }

    public void HandleDeadline(Instant now)
    {
        if (_closed)
        {
            return;
        }

        if (now >= _ice.ConsentDeadline)
        {
            Close(PeerCloseReason.ConsentExpired, now);
            return;
        }

        if (now >= _ice.NextDeadline)
        {
            if (_ice.HandleDeadline(now))
            {
                _ice.TryGetSelected(out _remote, out _local);
            }

            UnregisterRemoved();
        }

        WakeAt(_ice.NextDeadline);
        if (_dtls is { State: DtlsState.Handshaking })
        {
            _dtls.HandleDeadline(now);
            AfterDtls(now);
        }

        if (CanSend)
        {
            HandleMediaDeadlines(now);
        }
    }

    /// <summary>Ends everything and gives everything back. The client learns of it by close_notify and RTCP BYE.</summary>
    public void Close(PeerCloseReason reason, Instant now)
    {
        if (_closed)
        {
            return;
        }

        if (CanSend)
        {
            SendGoodbye();
        }

        _closed = true;
        if (_dtls is not null)
        {
            _dtls.Close();
            FlushDtls();
            _dtls.Dispose();
        }

        _shard.Wheel.Cancel(_timer);
        foreach (ref readonly IcePair pair in _ice.Pairs)
        {
            _shard.Unregister(in pair.Remote, this);
        }

        foreach (Subscription? subscription in _subscriptions)
        {
            subscription?.SetSource(null, now);
        }

        CloseAdaptation();
        foreach (ReceivedTrack? track in _received)
        {
            track?.Close();
        }

        _srtpReceiver?.Dispose();
        _srtpSender?.Dispose();
        _shard.Remove(this);
        if (_connected)
        {
            _shard.Counters.Increment(SfuCounter.PeersClosed);
        }

        _shard.Report(new PeerEvent(PeerEventKind.Closed, Descriptor, reason));
    }
}
