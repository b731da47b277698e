using System.Diagnostics;
using System.Runtime.InteropServices;
using V100.Net.Native;

namespace V100.Net.Crypto;

/// <summary>
/// One DTLS 1.2 association over datagrams: the handshake with any loss, order, duplication and fragmentation, and its end.
/// OpenSSL does the protocol; time comes as an argument. What the association is for is the derived type's:
/// <see cref="DtlsSession"/> gives the keys of SRTP, <see cref="DtlsServerSession"/> carries packets.
/// </summary>
/// <remarks>
/// <para>
/// The calling contract: the derived type's <c>Start</c> once. Then <see cref="HandleDatagram"/> for each datagram from the
/// peer and <see cref="HandleDeadline"/> when <see cref="NextDeadline"/> has come. After each of these, and after
/// <see cref="Close"/>, drain <see cref="TryPollDatagram"/> (what is not drained is lost like a lost packet) and read
/// <see cref="State"/>. Of one thread at a time. No input throws; nothing blocks.
/// </para>
/// <para>
/// Bounds: a handshake that is not done after <see cref="HandshakeTimeoutMs"/> fails; datagrams beyond
/// <see cref="MaxInputLength"/> are dropped, as are those that would make OpenSSL keep more than a few records of an
/// epoch that has not begun. Where OpenSSL has no memory for an association, it is <see cref="DtlsState.Failed"/> from the beginning.
/// </para>
/// </remarks>
public abstract unsafe class DtlsAssociation : IDisposable
{
    /// <summary>The wait before a flight is sent again; it doubles up to <see cref="MaxRetransmitMs"/>.</summary>
    public const int FirstRetransmitMs = 75;
    public const int MaxRetransmitMs = 5_000;
    public const int HandshakeTimeoutMs = 30_000;
    public const int MaxInputLength = 16 * 1024;

    private protected const int MaxSendFragment = 2048;

    private const int MaxEarlyDatagrams = 32;

    /// <summary>An alert's record has 39 bytes with AES-GCM.</summary>
    private const int MaxGoodbyeLength = 64;

    private static int s_liveAssociations;
    private static long s_handshakesEnded;

    private readonly OpenSsl.SslHandle _ssl;
    private readonly DtlsRole _role;

    /// <summary>Null once OpenSSL's object is gone; what is left to send then stands in <see cref="_kept"/> as in the BIO's output.</summary>
    private DtlsBio* _bio;
    private byte[] _kept = [];
    private int _keptFlightLength;
    private Instant _giveUpAt = Instant.Never;
    private Instant _retransmitAt = Instant.Never;
    private Instant _nextAnswerAt;
    private int _retransmitMs;
    private int _retransmissions;
    private int _earlyDatagrams;
    private int _pendingStart;
    private int _pendingEnd;
    private bool _disposed;

    /// <param name="context">Must outlive the construction only.</param>
    /// <param name="role">Which end this is.</param>
    /// <param name="expectedFingerprintSha256">32 bytes where a fingerprint vouches for the peer's certificate, else none.</param>
    /// <param name="maxDatagramLength">No datagram of a handshake becomes longer.</param>
    private protected DtlsAssociation(
        OpenSsl.SslContextHandle context, DtlsRole role, ReadOnlySpan<byte> expectedFingerprintSha256, int maxDatagramLength)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxDatagramLength, 256);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(maxDatagramLength, MaxSendFragment);

        _role = role;
        Interlocked.Increment(ref s_liveAssociations);
        OpenSsl.ClearErrors();
        _ssl = OpenSsl.SSL_new(context);
        _bio = _ssl.IsInvalid ? null : DtlsBio.Attach(_ssl, expectedFingerprintSha256, maxDatagramLength);
        if (_bio is null)
        {
            Fail(OpenSsl.TakeErrorReason());
            return;
        }

        OpenSsl.SSL_ctrl(_ssl, OpenSsl.ControlSetMtu, maxDatagramLength, null);
        OpenSsl.SSL_ctrl(_ssl, OpenSsl.ControlSetMaxSendFragment, MaxSendFragment, null);
        if (role == DtlsRole.Server)
        {
            OpenSsl.SSL_set_accept_state(_ssl);
        }
        else
        {
            OpenSsl.SSL_set_connect_state(_ssl);
        }
    }

    public DtlsState State { get; private set; }

    /// <summary>Why the association failed, in words for a log; null in every other state.</summary>
    public string? FailureReason { get; private set; }

    public virtual Instant NextDeadline => State == DtlsState.Handshaking ? Instant.Earlier(_retransmitAt, _giveUpAt) : Instant.Never;

    /// <summary>Associations that are not disposed: a gauge, and how a test finds a leak.</summary>
    internal static int LiveAssociations => Volatile.Read(ref s_liveAssociations);

    /// <summary>Handshakes of all associations that came to an end, whichever.</summary>
    internal static long HandshakesEnded => Volatile.Read(ref s_handshakesEnded);

    private protected OpenSsl.SslHandle Ssl => _ssl;

    private protected DtlsBio* Bio => _bio;

    public virtual void HandleDatagram(ReadOnlySpan<byte> datagram, Instant now)
    {
        ReadOnlySpan<byte> rest = datagram;
        if (datagram.Length > MaxInputLength || !DtlsRecord.TryRead(ref rest, out DtlsRecord first))
        {
            return;
        }

        if (State == DtlsState.Handshaking)
        {
            if (!HoldsNextEpoch(datagram) || _earlyDatagrams++ < MaxEarlyDatagrams)
            {
                Advance(datagram, now);
            }
        }
        else if (State == DtlsState.Established)
        {
            if (first.ContentType is DtlsRecord.Alert or DtlsRecord.ApplicationData)
            {
                TakeEstablished(datagram, now);
            }
            else
            {
                AnswerRetransmission(now);
            }
        }
    }

    /// <summary>
    /// The next datagram to send, valid until the next call of any other member. Says false when there is none.
    /// </summary>
    public bool TryPollDatagram(out ReadOnlySpan<byte> datagram)
    {
        if (_pendingStart == _pendingEnd)
        {
            datagram = default;
            return false;
        }

        ReadOnlySpan<byte> output = _bio is null ? _kept : _bio->Output;
        ReadOnlySpan<byte> pending = output[_pendingStart.._pendingEnd];
        int length = MemoryMarshal.Read<ushort>(pending);
        datagram = pending.Slice(DtlsBio.LengthPrefix, length);
        _pendingStart += DtlsBio.LengthPrefix + length;
        return true;
    }

    public virtual void HandleDeadline(Instant now)
    {
        if (State != DtlsState.Handshaking)
        {
            return;
        }

        if (now >= _giveUpAt)
        {
            Fail("the handshake timed out");
        }
        else if (now >= _retransmitAt)
        {
            // The versions after the first are fresh records; when all are used up, they go around.
            int versions = _bio->Versions;
            int version = versions > 1 ? 1 + _retransmissions % (versions - 1) : 0;
            _retransmissions++;
            (_pendingStart, _pendingEnd) = _bio->Version(version);
            _retransmitMs = Math.Min(_retransmitMs * 2, MaxRetransmitMs);
            _retransmitAt = now + TimeSpan.FromMilliseconds(_retransmitMs);
        }
    }

    /// <summary>Says goodbye to the peer, if the handshake was done; no later call has any effect.</summary>
    public void Close()
    {
        if (State == DtlsState.Established)
        {
            SendCloseNotify();
        }

        if (State is DtlsState.Established or DtlsState.Handshaking)
        {
            State = DtlsState.Closed;
        }
    }

    public void Dispose()
    {
        if (!_disposed)
        {
            _disposed = true;
            if (State is DtlsState.Established or DtlsState.Handshaking)
            {
                State = DtlsState.Closed;
            }

            _pendingStart = _pendingEnd = 0;
            CountEnd();
            _ssl.Dispose();
            DisposeKeys();
            Interlocked.Decrement(ref s_liveAssociations);
        }

        GC.SuppressFinalize(this);
    }

    /// <summary>Bounds the handshake in time.</summary>
    private protected void BeginHandshake(Instant now)
    {
        Debug.Assert(_giveUpAt == Instant.Never, "started twice");
        _giveUpAt = now + TimeSpan.FromMilliseconds(HandshakeTimeoutMs);
    }

    /// <summary>Whether what was agreed serves; else why not, and the association ends with a goodbye.</summary>
    private protected abstract string? Accept();

    /// <summary>
    /// Lets OpenSSL take what came over the established association, within a call of the BIO. Gives the reason of a failure.
    /// </summary>
    private protected abstract string? TakeRecords(out bool closed);

    /// <summary>The established association is through with one input: its buffers, about 20 kB, may go or stay.</summary>
    private protected abstract void ManageBuffers(Instant now);

    /// <summary>What came to the established association and may be the peer's word.</summary>
    private protected virtual void TakeEstablished(ReadOnlySpan<byte> datagram, Instant now) => Advance(datagram, now);

    /// <summary>Forgets keys that are not OpenSSL's.</summary>
    private protected virtual void DisposeKeys()
    {
    }

    /// <summary>
    /// Gives OpenSSL's object back, about 40 kB, and keeps what it would still write: the last flight, and the goodbye, which is made in
    /// advance. The derived type reads what comes from now on. False, and all is as before, where OpenSSL makes no goodbye.
    /// </summary>
    private protected bool TryReleaseSsl()
    {
        Debug.Assert(State == DtlsState.Established && _bio is not null);
        byte* goodbye = stackalloc byte[MaxGoodbyeLength];
        OpenSsl.ClearErrors();
        _bio->BeginCall(null, 0);
        EnsureBuffers();
        _bio->BeginWriteThrough(goodbye, MaxGoodbyeLength);
        _ = OpenSsl.SSL_shutdown(_ssl);
        int length = _bio->EndWriteThrough();
        OpenSsl.ClearErrors();
        if (length == 0)
        {
            return false;
        }

        ReadOnlySpan<byte> flight = _bio->Output;
        _keptFlightLength = flight.Length;
        _kept = new byte[flight.Length + DtlsBio.LengthPrefix + length];
        flight.CopyTo(_kept);
        MemoryMarshal.Write(_kept.AsSpan(flight.Length), (ushort)length);
        new ReadOnlySpan<byte>(goodbye, length).CopyTo(_kept.AsSpan(flight.Length + DtlsBio.LengthPrefix));
        CountEnd();
        _bio = null;
        _ssl.Dispose();
        return true;
    }

    /// <summary>Once, before OpenSSL's object goes.</summary>
    private void CountEnd()
    {
        if (_bio is not null)
        {
            Interlocked.Increment(ref s_handshakesEnded);
        }
    }

    /// <summary>Lets OpenSSL go on with one datagram, or with none, and takes what it wrote as the next flight.</summary>
    private protected void Advance(ReadOnlySpan<byte> datagram, Instant now)
    {
        bool wasHandshaking = State == DtlsState.Handshaking;
        bool handshakeDone = false;
        string? failure = null;
        bool closed = false;
        bool wrote;
        OpenSsl.ClearErrors();
        fixed (byte* input = datagram)
        {
            _bio->BeginCall(input, datagram.Length);
            if (wasHandshaking)
            {
                int result = OpenSsl.SSL_do_handshake(_ssl);
                handshakeDone = result == 1;
                failure = handshakeDone ? null : FailureOf(result, out closed);
            }

            if (!wasHandshaking || handshakeDone)
            {
                failure = TakeRecords(out closed);
            }

            wrote = _bio->EndCall();
        }

        if (wrote)
        {
            BeginFlight(now);
        }

        if (handshakeDone && failure is null)
        {
            Complete();
        }

        Conclude(failure, closed);
        if (State == DtlsState.Established)
        {
            ManageBuffers(now);
        }
    }

    /// <summary>Ends the association if a call into OpenSSL says so.</summary>
    private protected void Conclude(string? failure, bool closed)
    {
        if (failure is not null)
        {
            Fail(_bio is not null && _bio->PeerMismatched ? "the peer's certificate does not have the expected fingerprint" : failure);
        }
        else if (closed && State != DtlsState.Failed)
        {
            // RFC 5246 section 7.2.1: a close_notify is answered with one.
            if (State == DtlsState.Established)
            {
                SendCloseNotify();
            }

            State = DtlsState.Closed;
        }
    }

    private protected string? FailureOf(int result, out bool closed)
    {
        int error = OpenSsl.SSL_get_error(_ssl, result);
        closed = error == OpenSsl.ErrorZeroReturn;
        return closed || error is OpenSsl.ErrorNone or OpenSsl.ErrorWantRead ? null : OpenSsl.TakeErrorReason();
    }

    private void BeginFlight(Instant now)
    {
        (_pendingStart, _pendingEnd) = _bio->Version(0);
        _retransmissions = 0;
        _retransmitMs = FirstRetransmitMs;
        _retransmitAt = now + TimeSpan.FromMilliseconds(FirstRetransmitMs);
    }

    private void Complete()
    {
        string? refusal = Accept();
        if (refusal is not null)
        {
            SendCloseNotify();
            Fail(refusal);
            return;
        }

        State = DtlsState.Established;
        // The server made the last flight and must be able to repeat it; a client has nothing to repeat.
        if (_role == DtlsRole.Client)
        {
            _pendingStart = _pendingEnd = 0;
        }

        _bio->Shrink(keepFlight: _role == DtlsRole.Server);
    }

    // RFC 6347 section 4.2.4: in FINISHED, a retransmission of the peer's last flight is answered with ours. The client
    // that asks has not accepted our Finished yet, so the same records do. At most once per first interval, so that a
    // forged record draws no stream of answers.
    private void AnswerRetransmission(Instant now)
    {
        (int Start, int End) flight = _bio is null ? (0, _keptFlightLength) : _bio->Versions > 0 ? _bio->Version(0) : default;
        if (_role == DtlsRole.Server && now >= _nextAnswerAt && flight.End > 0)
        {
            (_pendingStart, _pendingEnd) = flight;
            _nextAnswerAt = now + TimeSpan.FromMilliseconds(FirstRetransmitMs / 2);
        }
    }

    private void SendCloseNotify()
    {
        if (_bio is null)
        {
            (_pendingStart, _pendingEnd) = (_keptFlightLength, _kept.Length);
            return;
        }

        OpenSsl.ClearErrors();
        _bio->BeginCall(null, 0);
        EnsureBuffers();
        _ = OpenSsl.SSL_shutdown(_ssl);
        TakeWritten();
        OpenSsl.ClearErrors();
    }

    /// <summary>Ends a call of the BIO; what OpenSSL wrote in it is to be sent, once.</summary>
    private protected void TakeWritten()
    {
        if (_bio->EndCall())
        {
            (_pendingStart, _pendingEnd) = _bio->Version(0);
        }
    }

    /// <summary>
    /// Reading, though there is nothing to read, makes the buffers that an established association gave back: OpenSSL 3.0 writes
    /// a DTLS record without looking whether it has one. Within a call of the BIO without input.
    /// </summary>
    private protected void EnsureBuffers()
    {
        byte none;
        nuint length;
        _ = OpenSsl.SSL_peek_ex(_ssl, &none, 1, &length);
    }

    private protected void Fail(string reason)
    {
        State = DtlsState.Failed;
        FailureReason = reason;
    }

    /// <summary>Whether a record is encrypted: before the peer's ChangeCipherSpec OpenSSL can only keep it for later.</summary>
    private static bool HoldsNextEpoch(ReadOnlySpan<byte> datagram)
    {
        while (DtlsRecord.TryRead(ref datagram, out DtlsRecord record))
        {
            if (record.Epoch > 0)
            {
                return true;
            }
        }

        return false;
    }
}
