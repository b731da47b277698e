using System.Diagnostics;
using V100.Net.Native;

namespace V100.Net.Crypto;

/// <summary>
/// An association that carries packets (RFC 7350: STUN and TURN over DTLS). One packet is one record, and what is sent is one
/// datagram. Reading and writing allocate nothing.
/// </summary>
/// <remarks>
/// <para>
/// The calling contract is that of <see cref="DtlsAssociation"/>, and: after each datagram drain <see cref="TryReadPacket"/> too.
/// It may end the association (a goodbye behind a packet): read the state and poll the datagrams after it.
/// </para>
/// <para>
/// Bounds: a packet longer than the reader's room is dropped, as is one beyond <see cref="MaxPacketLength"/> on the way out. The
/// buffers of OpenSSL, about 20 kB, go after <see cref="IdleMs"/> without a packet and come back with the next. Who calls ends an
/// association that has nothing to do: see <see cref="LastReceivedAt"/>.
/// </para>
/// </remarks>
public abstract unsafe class DtlsPacketAssociation : DtlsAssociation
{
    public const int MaxPacketLength = MaxSendFragment;

    /// <summary>By how much a datagram is longer than its packet, at most: header, explicit nonce and tag of AES-GCM.</summary>
    public const int MaxOverhead = DtlsRecord.HeaderLength + 8 + 16;
    public const int IdleMs = 1_000;

    private Instant _releaseAt = Instant.Never;
    private bool _hasPackets;

    /// <summary>
    /// Packets that overtook the end of the handshake are kept where <c>SSL_has_pending</c> does not look; until they are all
    /// read, OpenSSL takes no other datagram.
    /// </summary>
    private bool _hasEarlyPackets = true;

    private protected DtlsPacketAssociation(OpenSsl.SslContextHandle context, DtlsRole role, int maxDatagramLength)
        : base(context, role, default, maxDatagramLength)
    {
    }

    /// <summary>What ALPN selected ("stun.turn", "stun.nat-discovery"); empty where the client offers nothing.</summary>
    public ReadOnlySpan<byte> ApplicationProtocol
    {
        get
        {
            byte* name = null;
            uint length = 0;
            if (State == DtlsState.Established)
            {
                OpenSsl.SSL_get0_alpn_selected(Ssl, &name, &length);
            }

            return new ReadOnlySpan<byte>(name, (int)length);
        }
    }

    /// <summary>When the last datagram came that was the peer's beyond doubt, a hello with its cookie included.</summary>
    public Instant LastReceivedAt { get; private protected set; }

    /// <summary>Datagrams to the established association that held no packet of its peer: forged, repeated, mutilated, or empty.</summary>
    public long Rejected { get; private set; }

    public override Instant NextDeadline => State == DtlsState.Established ? _releaseAt : base.NextDeadline;

    public override void HandleDatagram(ReadOnlySpan<byte> datagram, Instant now)
    {
        bool wasEstablished = State == DtlsState.Established;
        Span<byte> nowhere = stackalloc byte[1];
        while (TryReadPacket(nowhere, out _))
        {
        }

        base.HandleDatagram(datagram, now);
        if (_hasPackets || !wasEstablished && State == DtlsState.Established)
        {
            LastReceivedAt = now;
        }
        else if (wasEstablished && State == DtlsState.Established && (datagram.IsEmpty || datagram[0] == DtlsRecord.ApplicationData))
        {
            Rejected++;
        }
    }

    public override void HandleDeadline(Instant now)
    {
        if (State == DtlsState.Established && now >= _releaseAt)
        {
            // What nobody has read stands in them.
            _releaseAt = _hasPackets ? now + TimeSpan.FromMilliseconds(IdleMs) : Instant.Never;
            if (!_hasPackets)
            {
                _ = OpenSsl.SSL_free_buffers(Ssl);
            }
        }

        base.HandleDeadline(now);
    }

    /// <summary>The next packet that came; false when there is none.</summary>
    /// <param name="packet">Its room, not empty; a packet that does not fit it is dropped.</param>
    /// <param name="length">Bytes of the packet.</param>
    public bool TryReadPacket(Span<byte> packet, out int length)
    {
        length = 0;
        bool fits = false;
        while (_hasPackets && !fits && State == DtlsState.Established)
        {
            nuint read;
            bool closed = false;
            string? failure = null;
            Bio->BeginCall(null, 0);
            fixed (byte* room = packet)
            {
                int result = OpenSsl.SSL_read_ex(Ssl, room, (nuint)packet.Length, &read);
                Debug.Assert(result == 1, "what was looked at is there");
                fits = result == 1 && ((int)read < packet.Length || OpenSsl.SSL_pending(Ssl) == 0);
                length = fits ? (int)read : 0;
            }

            if (!fits)
            {
                DropRestOfPacket();
            }

            _hasPackets = false;
            if (_hasEarlyPackets || OpenSsl.SSL_has_pending(Ssl) == 1)
            {
                OpenSsl.ClearErrors();
                failure = TakeRecords(out closed);
            }

            TakeWritten();
            Conclude(failure, closed);
        }

        return fits;
    }

    /// <summary>Makes the datagram that carries a packet to the peer.</summary>
    /// <param name="packet">From 1 to <see cref="MaxPacketLength"/> bytes.</param>
    /// <param name="datagram">Room for <see cref="MaxOverhead"/> bytes more than the packet has.</param>
    /// <param name="now">The time.</param>
    /// <param name="length">Bytes of the datagram.</param>
    /// <returns>False, and nothing to send, when the association is not established or a length is another.</returns>
    public bool TryWritePacket(ReadOnlySpan<byte> packet, Span<byte> datagram, Instant now, out int length)
    {
        length = 0;
        if (State != DtlsState.Established || packet.Length is 0 or > MaxPacketLength || datagram.Length < packet.Length + MaxOverhead)
        {
            return false;
        }

        OpenSsl.ClearErrors();
        if (_releaseAt == Instant.Never)
        {
            Bio->BeginCall(null, 0);
            EnsureBuffers();
            Bio->EndCall();
            OpenSsl.ClearErrors();
        }

        ManageBuffers(now);
        fixed (byte* bytes = packet)
        fixed (byte* target = datagram)
        {
            nuint taken;
            Bio->BeginWriteThrough(target, datagram.Length);
            bool written = OpenSsl.SSL_write_ex(Ssl, bytes, (nuint)packet.Length, &taken) == 1;
            length = Bio->EndWriteThrough();
            return written && length > 0;
        }
    }

    private protected override string? Accept() => null;

    private protected override string? TakeRecords(out bool closed)
    {
        byte first;
        nuint length;
        int result;
        do
        {
            // An empty packet is taken by looking at it.
            result = OpenSsl.SSL_peek_ex(Ssl, &first, 1, &length);
        }
        while (result == 1 && length == 0);

        _hasPackets = result == 1;
        _hasEarlyPackets &= _hasPackets;
        closed = false;
        return _hasPackets ? null : FailureOf(result, out closed);
    }

    private protected override void ManageBuffers(Instant now) => _releaseAt = now + TimeSpan.FromMilliseconds(IdleMs);

    private void DropRestOfPacket()
    {
        const int ChunkLength = 256;
        byte* chunk = stackalloc byte[ChunkLength];
        nuint read = ChunkLength;
        while (read == ChunkLength && OpenSsl.SSL_pending(Ssl) > 0 && OpenSsl.SSL_read_ex(Ssl, chunk, ChunkLength, &read) == 1)
        {
        }
    }
}
