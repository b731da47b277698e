using V100.Net;
using V100.Net.Crypto;
using V100.Sfu.Rtcp;
using V100.Sfu.Rtp;
using V100.Sfu.Srtp;
using V100.Stun;

namespace V100.Simulation.World;

/// <summary>
/// A whole WebRTC client from the other side of the network: offer, ICE checks, DTLS in either role, SRTP, what it publishes and
/// what it plays. Driven by the world: <see cref="HandleDatagram"/>, and <see cref="HandleDeadline"/> at <see cref="NextDeadline"/>.
/// </summary>
internal sealed class SimulatedClient : IDisposable
{
    private static readonly Lazy<DtlsContext> _dtlsContext = new(() => new DtlsContext(DtlsCertificate.Create()));

    private readonly SimulatedNetwork _network;
    private readonly byte[] _buffer = new byte[4096];
    private readonly TransportFeedbackBuilder _transportFeedback = new();
    private DtlsSession? _dtls;
    private SrtpSender? _sender;
    private SrtpReceiver? _receiver;
    private ushort _transportSequence;
    private SequenceUnwrapper _receivedTransportSequences;
    private Instant _now;

    public SimulatedClient(SimulatedNetwork network, TransportAddress address, ClientOffer offer, int seed)
    {
        _network = network;
        Address = address;
        Offer = offer;
        Random = new Random(seed);
        Ice = new ClientIce(Random);
        Ice.CreateCredentials();
        foreach (OfferSection section in offer.Sections)
        {
            foreach (string? rid in section.Sends ? section.Rids.DefaultIfEmpty() : [])
            {
                Publications.Add(new Publication(this, section, Random, rid));
            }
        }
    }

    public Random Random { get; }
    public ClientIce Ice { get; }
    public ClientOffer Offer { get; }
    public TransportAddress Address { get; private set; }
    public string OfferText => Offer.ToSdp(Ice.Ufrag, Ice.Password, _dtlsContext.Value.Certificate.Fingerprint);
    public ServerAnswer Answer { get; private set; } = null!;
    public List<Publication> Publications { get; } = [];
    public List<Playback> Playbacks { get; } = [];
    public Publication Audio => Publications.Find(publication => !publication.IsVideo)!;
    public Publication Video => Publications.Find(publication => publication.IsVideo)!;

    /// <summary>One of the simulcast encodings.</summary>
    public Publication Encoding(string rid) => Publications.Find(publication => publication.Rid == rid)!;
    public Playback AudioPlayback => Playbacks.Find(playback => playback.Section.Kind == Sfu.Sdp.MediaKind.Audio)!;
    public Playback VideoPlayback => Playbacks.Find(playback => playback.Section.Kind == Sfu.Sdp.MediaKind.Video)!;

    public bool IsConnected => _sender is not null && !IsClosed;
    public DtlsState? DtlsState => _dtls?.State;

    /// <summary>The server ended DTLS with close_notify.</summary>
    public bool IsClosed => _dtls is { State: V100.Net.Crypto.DtlsState.Closed or V100.Net.Crypto.DtlsState.Failed };
    public Instant ConnectedAt { get; private set; } = Instant.Never;
    public SrtpSender Sender => _sender!;
    public int TransportFeedbackPackets => TransportFeedbackTimes.Count;
    public List<Instant> TransportFeedbackTimes { get; } = [];

    /// <summary>The transport-wide numbers that feedback was about, and whether it said that the packet came.</summary>
    public Dictionary<int, bool> TransportSequencesReported { get; } = [];
    public int TransportPacketsSent => _transportSequence;

    /// <summary>The transport-wide numbers of what came, without wraps, as it came.</summary>
    public List<long> TransportSequencesReceived { get; } = [];
    public int ReceiverReports { get; private set; }

    /// <summary>What the server said of the client's sources.</summary>
    public List<ReportBlock> Reported { get; } = [];
    public int UndecryptedPackets { get; private set; }
    public int PacketsReceived { get; private set; }

    /// <summary>Changes a handshake record on its way out.</summary>
    public Func<byte[], byte[]>? DamagesDtls { get; set; }

    /// <summary>No handshake datagram of the client becomes longer: what does not fit is sent in fragments.</summary>
    public int MaxHandshakeDatagramLength { get; set; } = 1200;

    public Instant NextDeadline
    {
        get
        {
            Instant next = Instant.Earlier(Ice.NextDeadline, _dtls?.NextDeadline ?? Instant.Never);
            if (IsConnected)
            {
                foreach (Publication publication in Publications)
                {
                    next = Instant.Earlier(next, publication.NextDeadline);
                }

                foreach (Playback playback in Playbacks)
                {
                    next = Instant.Earlier(next, playback.NextDeadline);
                }

                next = Instant.Earlier(next, _transportFeedback.NextDeadline);
            }

            return next;
        }
    }

    public void Accept(string answer, Instant now)
    {
        Answer = new ServerAnswer(answer);
        for (int index = 0; index < Offer.Sections.Length; index++)
        {
            if (!Offer.Sections[index].Sends && Answer.IsAccepted(index))
            {
                (uint media, uint retransmissions) = Answer.Ssrcs(index);
                Playbacks.Add(new Playback(this, Offer.Sections[index], Answer.Mid(index), media, retransmissions));
            }
        }

        Ice.Start(Answer.Ufrag, Answer.Password, now);
    }

    /// <summary>New credentials; the body that tells the server of them.</summary>
    public string BeginIceRestart()
    {
        Ice.CreateCredentials();
        return $"a=ice-ufrag:{Ice.Ufrag}\r\na=ice-pwd:{Ice.Password}\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:{Offer.Sections[0].Mid}\r\n";
    }

    public void AcceptIceRestart(string answer, Instant now)
    {
        var fragment = new ServerAnswer(answer);
        Ice.Start(fragment.Ufrag, fragment.Password, now);
    }

    /// <summary>The NAT gives another port, or the network another address: what is sent comes from there from now on.</summary>
    public void Rebind(TransportAddress address) => Address = address;

    public ushort NextTransportSequence() => _transportSequence++;

    public void HandleDatagram(byte[] bytes, Instant now)
    {
        _now = now;
        PacketsReceived++;
        switch (PacketDemux.Classify(bytes))
        {
            case PacketKind.Stun:
                Ice.HandleResponse(bytes, Address, now);
                StartDtlsWhenValid(now);
                break;
            case PacketKind.Dtls:
                StartDtls(now); // RFC 8842, 5.5: the other side's first record may come before the answer to the check.
                _dtls!.HandleDatagram(bytes, now);
                AfterDtls(now);
                break;
            case PacketKind.Rtp:
                HandleRtp(bytes, now);
                break;
            case PacketKind.Rtcp:
                HandleRtcp(bytes, now);
                break;
        }
    }

    public void HandleDeadline(Instant now)
    {
        _now = now;
        if (Ice.NextDeadline <= now)
        {
            Send(Ice.WriteCheck(now));
        }

        if (_dtls is not null && _dtls.NextDeadline <= now)
        {
            _dtls.HandleDeadline(now);
            AfterDtls(now);
        }

        if (!IsConnected)
        {
            return;
        }

        foreach (Publication publication in Publications)
        {
            publication.HandleDeadline(now);
        }

        foreach (Playback playback in Playbacks)
        {
            playback.HandleDeadline(now);
        }

        SendTransportFeedback(now);
    }

    /// <summary>What came by its transport-wide number, as browsers tell a sender.</summary>
    private void SendTransportFeedback(Instant now)
    {
        Span<byte> packet = stackalloc byte[1200];
        while (_transportFeedback.NextDeadline <= now)
        {
            var writer = new SpanWriter(packet);
            if (!_transportFeedback.WriteFeedback(ref writer, new Ssrc(1), new Ssrc(Playbacks[0].Ssrc)))
            {
                return;
            }

            SendRtcp(writer.Written);
        }
    }

    /// <summary>Gone without a word, like a process that was killed.</summary>
    public void Vanish()
    {
        Ice.Stop();
        foreach (Publication publication in Publications)
        {
            publication.Stop();
        }

        Dispose();
        Playbacks.Clear();
    }

    /// <summary>Ends DTLS with close_notify.</summary>
    public void Close(Instant now)
    {
        _now = now;
        Ice.Stop();
        _dtls!.Close();
        FlushDtls();
    }

    public void Send(ReadOnlySpan<byte> bytes) => _network.Send(bytes, Address, SimulatedServer.Address, _now);

    public void SendRtp(ReadOnlySpan<byte> plaintext, long index)
    {
        Assert.True(RtpReader.TryParseHeader(plaintext, out RtpReader header));
        plaintext.CopyTo(_buffer);
        int length = _sender!.ProtectRtp(_buffer, header.HeaderLength, _buffer.AsSpan(header.HeaderLength, plaintext.Length - header.HeaderLength), index);
        Assert.NotEqual(0, length);
        Send(_buffer.AsSpan(0, length));
    }

    public void SendRtcp(ReadOnlySpan<byte> plaintext)
    {
        plaintext.CopyTo(_buffer);
        int length = _sender!.ProtectRtcp(_buffer, plaintext.Length);
        Assert.NotEqual(0, length);
        Send(_buffer.AsSpan(0, length));
    }

    private void StartDtlsWhenValid(Instant now)
    {
        if (Ice.IsValid)
        {
            StartDtls(now);
        }
    }

    private void StartDtls(Instant now)
    {
        if (_dtls is null)
        {
            DtlsRole role = Answer.Setup == "passive" ? DtlsRole.Client : DtlsRole.Server;
            _dtls = new DtlsSession(_dtlsContext.Value, role, Answer.Fingerprint, MaxHandshakeDatagramLength);
            _dtls.Start(now);
            AfterDtls(now);
        }
    }

    private void AfterDtls(Instant now)
    {
        FlushDtls();
        if (_dtls!.State != V100.Net.Crypto.DtlsState.Established || _sender is not null)
        {
            return;
        }

        SrtpProfile profile = _dtls.SrtpProfile;
        byte[] clientKey = new byte[profile.KeyLength()];
        byte[] clientSalt = new byte[profile.SaltLength()];
        byte[] serverKey = new byte[profile.KeyLength()];
        byte[] serverSalt = new byte[profile.SaltLength()];
        Assert.True(_dtls.TryExportSrtpKeys(clientKey, clientSalt, serverKey, serverSalt));
        bool isClient = Answer.Setup == "passive";
        _sender = isClient ? new SrtpSender(profile, clientKey, clientSalt) : new SrtpSender(profile, serverKey, serverSalt);
        _receiver = isClient ? new SrtpReceiver(profile, serverKey, serverSalt) : new SrtpReceiver(profile, clientKey, clientSalt);
        ConnectedAt = now;
        foreach (Publication publication in Publications)
        {
            publication.Start(now);
        }
    }

    private void FlushDtls()
    {
        while (_dtls!.TryPollDatagram(out ReadOnlySpan<byte> datagram))
        {
            Send(DamagesDtls?.Invoke(datagram.ToArray()) ?? datagram);
        }
    }

    private void HandleRtp(byte[] bytes, Instant now)
    {
        if (_receiver is null || !RtpReader.TryParseHeader(bytes, out RtpReader header)
            || _receiver.UnprotectRtp(bytes, header.HeaderLength, header.Ssrc.Value, header.SequenceNumber.Value, _buffer, out int length, out _) != SrtpResult.Ok)
        {
            UndecryptedPackets++;
            return;
        }

        byte[] plaintext = _buffer.AsSpan(0, length).ToArray();
        uint ssrc = header.Ssrc.Value;
        Playback? playback = Playbacks.Find(playback => playback.Owns(ssrc));
        NoteTransportSequence(plaintext, playback, now);
        Assert.True(playback is not null, $"RTP of SSRC {ssrc:x8}, which the answer does not name");
        playback.HandleRtp(plaintext, now);
    }

    private void NoteTransportSequence(byte[] plaintext, Playback? playback, Instant now)
    {
        byte id = playback?.Section.IdOf(Sfu.Sdp.HeaderExtensionKind.TransportCc) ?? 0;
        if (id != 0 && RtpReader.TryParse(plaintext, out RtpReader rtp) && rtp.Extensions.TryGet(id, out ReadOnlySpan<byte> value))
        {
            var sequence = new SequenceNumber(System.Buffers.Binary.BinaryPrimitives.ReadUInt16BigEndian(value));
            TransportSequencesReceived.Add(_receivedTransportSequences.Unwrap(sequence).Value);
            _transportFeedback.OnPacket(sequence, now);
        }
    }

    private void HandleRtcp(byte[] bytes, Instant now)
    {
        if (_receiver is null || _receiver.UnprotectRtcp(bytes, _buffer, out int length) != SrtpResult.Ok)
        {
            UndecryptedPackets++;
            return;
        }

        Assert.True(RtcpReader.TryParse(_buffer.AsSpan(0, length).ToArray(), out RtcpReader reader));
        while (reader.TryRead(out RtcpPacket packet))
        {
            HandleRtcpPart(in packet, now);
        }
    }

    private void HandleRtcpPart(in RtcpPacket packet, Instant now)
    {
        if (SenderReport.TryParse(in packet, out SenderReport report))
        {
            uint sender = report.Sender.Value;
            Playbacks.Find(playback => playback.Ssrc == sender)?.HandleReport(in report, now);
            foreach (ReportBlock block in report.Reports)
            {
                Reported.Add(block);
            }
        }
        else if (packet.Type == RtcpPacketType.ReceiverReport)
        {
            ReceiverReports++;
            Assert.True(ReceiverReport.TryParse(in packet, out ReceiverReport received));
            foreach (ReportBlock block in received.Reports)
            {
                Reported.Add(block);
            }
        }
        else if (GenericNack.TryParse(in packet, out GenericNack nack))
        {
            uint media = nack.Media.Value;
            Publication? publication = Publications.Find(publication => publication.Ssrc == media);
            foreach (SequenceNumber lost in nack)
            {
                publication?.HandleNack(lost);
            }
        }
        else if (PictureLossIndication.TryParse(in packet, out PictureLossIndication indication))
        {
            Publications.Find(publication => publication.Ssrc == indication.Media.Value)?.HandleKeyframeRequest();
        }
        else if (packet.IsTransportFeedback(TransportFeedbackFormat.TransportWideCongestionControl))
        {
            HandleTransportFeedback(in packet, now);
        }
        else if (Goodbye.TryParse(in packet, out Goodbye goodbye))
        {
            for (int index = 0; index < goodbye.Count; index++)
            {
                uint ended = goodbye[index].Value;
                Playbacks.FindAll(playback => playback.Ssrc == ended).ForEach(playback => playback.SaidGoodbye = true);
            }
        }
    }

    private void HandleTransportFeedback(in RtcpPacket packet, Instant now)
    {
        Assert.True(TransportFeedback.TryParse(in packet, out TransportFeedback feedback));
        TransportFeedbackTimes.Add(now);
        foreach (TransportFeedback.Status status in feedback)
        {
            int sequence = status.Sequence.Value;
            TransportSequencesReported[sequence] = status.IsReceived || TransportSequencesReported.GetValueOrDefault(sequence);
        }
    }

    public void Dispose()
    {
        _dtls?.Dispose();
        _sender?.Dispose();
        _receiver?.Dispose();
        _sender = null;
        _receiver = null;
    }
}
