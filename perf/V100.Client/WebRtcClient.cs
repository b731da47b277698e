using V100.Net;
using V100.Net.Crypto;
using V100.Sfu.Rtcp;
using V100.Sfu.Rtp;
using V100.Sfu.Srtp;
using V100.Simulation.World;
using V100.Stun;

namespace V100.Client;

/// <summary>A decrypted RTP packet, valid during the call.</summary>
internal delegate void PlaintextHandler(ReadOnlySpan<byte> packet, Instant now);

/// <summary>One part of a decrypted compound of RTCP, valid during the call.</summary>
internal delegate void ReportHandler(in RtcpPacket part, Instant now);

/// <summary>
/// A WebRTC client out of the server's own machines: ICE, DTLS as the client, SRTP both ways. It gets bytes and time and writes
/// what it sends into a <see cref="TransmitBatch"/>, so it runs over sockets as well as without any; once it is connected, a
/// packet allocates nothing.
/// </summary>
/// <remarks>
/// <see cref="OfferText"/> goes to the server, its answer to <see cref="Accept"/>; then <see cref="HandleDatagram"/> for what comes,
/// <see cref="HandleDeadline"/> at <see cref="NextDeadline"/>, and a flush of the batch after each. Of one thread at a time.
/// </remarks>
internal sealed class WebRtcClient : IDisposable
{
    private const int MaxPacketLength = 2048;

    private readonly DtlsContext _context;
    private readonly TransmitBatch _output;
    private readonly ControllingAgent _ice;
    private readonly byte[] _plaintext = new byte[MaxPacketLength];
    private TransportAddress _server;
    private DtlsSession? _dtls;
    private SrtpSender? _sender;
    private SrtpReceiver? _receiver;

    /// <param name="context">The clients' certificate; they may share one.</param>
    /// <param name="offer">What it sends or wants.</param>
    /// <param name="address">Where it is.</param>
    /// <param name="output">Gets its packets, with <paramref name="address"/> as their source.</param>
    /// <param name="random">Credentials and transactions.</param>
    public WebRtcClient(DtlsContext context, ClientOffer offer, in TransportAddress address, TransmitBatch output, Random random)
    {
        _context = context;
        _output = output;
        Offer = offer;
        Address = address;
        _ice = new ControllingAgent(random);
    }

    public ClientOffer Offer { get; }
    public TransportAddress Address { get; }
    public string OfferText => Offer.ToSdp(_ice.Ufrag, _ice.Password, _context.Certificate.Fingerprint);
    public ServerAnswer Answer { get; private set; } = null!;

    /// <summary>Keys are there, both ways, and the session was not ended.</summary>
    public bool IsConnected => _sender is not null && !HasEnded;

    /// <summary>The handshake failed, or the server said goodbye.</summary>
    public bool HasEnded => _dtls is { State: DtlsState.Closed or DtlsState.Failed };

    /// <summary>Packets that were not authentic, or came before the keys.</summary>
    public long Undecrypted { get; private set; }

    /// <summary>Gets each RTP packet.</summary>
    public PlaintextHandler? Received { get; set; }

    /// <summary>Gets each part of RTCP.</summary>
    public ReportHandler? Reported { get; set; }

    public Instant NextDeadline => Instant.Earlier(_ice.NextDeadline, _dtls?.NextDeadline ?? Instant.Never);

    /// <summary>Takes the answer, or the offer where the server made it.</summary>
    /// <exception cref="InvalidDataException">The server wants to be the DTLS client, which this client does not do.</exception>
    public void Accept(string answer, in TransportAddress server, Instant now)
    {
        Answer = new ServerAnswer(answer);
        if (Answer.Setup != "passive" && (Answer.Setup, Offer.Setup) != ("actpass", "active"))
        {
            throw new InvalidDataException($"The answer says a=setup:{Answer.Setup}.");
        }

        _server = server;
        _ice.Start(Answer.Ufrag, Answer.Password, now);
    }

    /// <summary>New credentials; the body that tells the server of them (RFC 8840, 9). <see cref="AcceptIceRestart"/> follows.</summary>
    public string BeginIceRestart()
    {
        _ice.Renew();
        return $"a=ice-ufrag:{_ice.Ufrag}\r\na=ice-pwd:{_ice.Password}\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:{Offer.Sections[0].Mid}\r\n";
    }

    public void AcceptIceRestart(string fragment, Instant now)
    {
        var answer = new ServerAnswer(fragment);
        _ice.Start(answer.Ufrag, answer.Password, now);
    }

    public void HandleDatagram(in Datagram datagram, Instant now)
    {
        switch (PacketDemux.Classify(datagram.Bytes))
        {
            case PacketKind.Stun:
                if (_ice.Answer(in datagram, _output.Reserve(datagram.Remote, Address, MaxPacketLength)) is var length and > 0)
                {
                    _output.Commit(length);
                }

                _ice.HandleResponse(datagram.Bytes, now);
                if (_ice.IsValid)
                {
                    StartDtls(now);
                }

                break;
            case PacketKind.Dtls:
                StartDtls(now); // RFC 8842, 5.5: the server's first record may overtake the answer to the check.
                _dtls!.HandleDatagram(datagram.Bytes, now);
                AfterDtls();
                break;
            case PacketKind.Rtp:
                HandleRtp(datagram.Bytes, now);
                break;
            case PacketKind.Rtcp:
                HandleRtcp(datagram.Bytes, now);
                break;
        }
    }

    public void HandleDeadline(Instant now)
    {
        if (_ice.NextDeadline <= now)
        {
            _output.Commit(_ice.WriteCheck(_output.Reserve(in _server, Address, MaxPacketLength), now));
        }

        if (_dtls is not null && _dtls.NextDeadline <= now)
        {
            _dtls.HandleDeadline(now);
            AfterDtls();
        }
    }

    /// <summary>Encrypts and sends; the header must be whole and <paramref name="index"/> its number with rollovers.</summary>
    public void SendRtp(ReadOnlySpan<byte> plaintext, int headerLength, long index)
    {
        Span<byte> packet = _output.Reserve(in _server, Address, plaintext.Length + SrtpSender.MaxOverhead);
        _output.Commit(ProtectRtp(plaintext, headerLength, index, packet));
    }

    /// <summary>Encrypts and sends a compound, or a part that goes without one.</summary>
    public void SendRtcp(ReadOnlySpan<byte> plaintext)
    {
        Span<byte> packet = _output.Reserve(in _server, Address, plaintext.Length + SrtpSender.MaxOverhead);
        plaintext.CopyTo(packet);
        _output.Commit(ProtectRtcp(packet, plaintext.Length));
    }

    /// <summary>Encrypts only. Returns the length.</summary>
    public int ProtectRtp(ReadOnlySpan<byte> plaintext, int headerLength, long index, Span<byte> packet)
    {
        plaintext[..headerLength].CopyTo(packet);
        return _sender!.ProtectRtp(packet, headerLength, plaintext[headerLength..], index);
    }

    /// <summary>Encrypts a compound of <paramref name="length"/> bytes in place. Returns the length.</summary>
    public int ProtectRtcp(Span<byte> packet, int length) => _sender!.ProtectRtcp(packet, length);

    public void Dispose()
    {
        _dtls?.Dispose();
        _sender?.Dispose();
        _receiver?.Dispose();
    }

    private void StartDtls(Instant now)
    {
        if (_dtls is null)
        {
            _dtls = new DtlsSession(_context, DtlsRole.Client, Answer.Fingerprint);
            _dtls.Start(now);
            AfterDtls();
        }
    }

    private void AfterDtls()
    {
        while (_dtls!.TryPollDatagram(out ReadOnlySpan<byte> datagram))
        {
            datagram.CopyTo(_output.Reserve(in _server, Address, datagram.Length));
            _output.Commit(datagram.Length);
        }

        if (_dtls.State != DtlsState.Established || _sender is not null)
        {
            return;
        }

        SrtpProfile profile = _dtls.SrtpProfile;
        Span<byte> keys = stackalloc byte[2 * SrtpProfileSizes.MaxKeyLength];
        Span<byte> salts = stackalloc byte[2 * SrtpProfileSizes.MaxSaltLength];
        Span<byte> ownKey = keys[..profile.KeyLength()];
        Span<byte> serverKey = keys.Slice(ownKey.Length, ownKey.Length);
        Span<byte> ownSalt = salts[..profile.SaltLength()];
        Span<byte> serverSalt = salts.Slice(ownSalt.Length, ownSalt.Length);
        if (_dtls.TryExportSrtpKeys(ownKey, ownSalt, serverKey, serverSalt))
        {
            _sender = new SrtpSender(profile, ownKey, ownSalt);
            _receiver = new SrtpReceiver(profile, serverKey, serverSalt);
        }
    }

    private void HandleRtp(ReadOnlySpan<byte> packet, Instant now)
    {
        if (_receiver is not null
            && RtpReader.TryParseHeader(packet, out RtpReader header)
            && _receiver.UnprotectRtp(
                packet, header.HeaderLength, header.Ssrc.Value, header.SequenceNumber.Value, _plaintext, out int length, out _) == SrtpResult.Ok)
        {
            Received?.Invoke(_plaintext.AsSpan(0, length), now);
        }
        else
        {
            Undecrypted++;
        }
    }

    private void HandleRtcp(ReadOnlySpan<byte> packet, Instant now)
    {
        if (_receiver is null
            || _receiver.UnprotectRtcp(packet, _plaintext, out int length) != SrtpResult.Ok
            || !RtcpReader.TryParse(_plaintext.AsSpan(0, length), out RtcpReader reader))
        {
            Undecrypted++;
            return;
        }

        while (reader.TryRead(out RtcpPacket part))
        {
            Reported?.Invoke(in part, now);
        }
    }
}
