using System.Diagnostics;
using System.Runtime.InteropServices;
using V100.Net.Native;

namespace V100.Net.Crypto;

/// <summary>
/// What OpenSSL reads datagrams from and writes them to: a BIO that keeps their borders, over native memory that the
/// session and OpenSSL's callbacks share and that lives until <c>SSL_free</c>.
/// </summary>
/// <remarks>
/// <para>
/// Retransmission. OpenSSL's timer reads the wall clock; here time is an argument. And a record may not be sent twice as
/// it is: the retransmission of a message is a new record with a new number (RFC 6347 section 4.2.4), since the receiver's
/// replay check drops a number that it has seen, even if it threw the message away then for coming out of order. So the
/// timer of OpenSSL is told to be due at once, <see cref="Renditions"/> times per flight: OpenSSL then renders the
/// flight's retransmissions in advance, within the call that made the flight, and after that the timer is told to sleep
/// for longer than any handshake takes. The session plays the renditions on its own clock.
/// </para>
/// <para>
/// <see cref="Output"/> holds datagrams, each after two bytes of its length: what the last call that wrote anything
/// wrote, rendition after rendition.
/// </para>
/// </remarks>
internal unsafe struct DtlsBio
{
    /// <summary>Retransmissions made in advance; OpenSSL fails a flight after twelve.</summary>
    public const int Renditions = 5;

    public const int LengthPrefix = 2;

    /// <summary>No flight with its renditions comes near; a call that writes more fails.</summary>
    private const int MaxOutputLength = 128 * 1024;

    private const uint DueAtOnceMicroseconds = 0;
    private const uint AfterAnyHandshakeMicroseconds = 3_600_000_000;

    private static readonly nint Method = CreateMethod();

    private byte* _input;
    private int _inputLength;
    private byte* _output;
    private int _outputLength;
    private int _outputCapacity;
    private int _callStart;
    private int _openDatagram;
    private int _maxDatagramLength;
    private int _timerCalls;
    private byte* _through;
    private int _throughCapacity;
    private int _throughLength;
    private fixed int _renditionStarts[Renditions + 1];
    private fixed byte _expectedFingerprint[OpenSsl.Sha256Length];

    /// <summary>Whether the peer showed a certificate and whether that had the expected fingerprint.</summary>
    public bool PeerMatched;
    public bool PeerMismatched;

    /// <summary>Makes the BIO and gives it to the session, which frees it with itself. Null where OpenSSL has no memory for it.</summary>
    public static DtlsBio* Attach(OpenSsl.SslHandle ssl, ReadOnlySpan<byte> expectedFingerprintSha256, int maxDatagramLength)
    {
        var state = (DtlsBio*)NativeMemory.AllocZeroed((nuint)sizeof(DtlsBio));
        state->_openDatagram = -1;
        state->_maxDatagramLength = maxDatagramLength;
        expectedFingerprintSha256.CopyTo(new Span<byte>(state->_expectedFingerprint, OpenSsl.Sha256Length));
        nint bio = OpenSsl.BIO_new(Method);
        if (bio == 0)
        {
            NativeMemory.Free(state);
            return null;
        }

        OpenSsl.BIO_set_data(bio, state);
        OpenSsl.BIO_set_init(bio, 1);
        OpenSsl.SSL_set_bio(ssl, bio, bio);
        OpenSsl.DTLS_set_timer_cb(ssl, &OnTimer);
        return state;
    }

    /// <summary>The state behind a session, for callbacks that get only the session.</summary>
    public static DtlsBio* Of(nint ssl) => (DtlsBio*)OpenSsl.BIO_get_data(OpenSsl.SSL_get_rbio(ssl));

    public ReadOnlySpan<byte> ExpectedFingerprint
    {
        get
        {
            fixed (byte* fingerprint = _expectedFingerprint)
            {
                return new ReadOnlySpan<byte>(fingerprint, OpenSsl.Sha256Length);
            }
        }
    }

    public readonly ReadOnlySpan<byte> Output => new(_output, _outputLength);

    /// <summary>Versions of the last flight: the one that was sent, and its retransmissions.</summary>
    public int Versions { get; private set; }

    /// <summary>Before a call into OpenSSL: what it may read, which must stay where it is until <see cref="EndCall"/>.</summary>
    public void BeginCall(byte* datagram, int length)
    {
        _input = datagram;
        _inputLength = length;
        _callStart = _outputLength;
        _openDatagram = -1;
        _timerCalls = 0;
    }

    /// <summary>After the call: whether it wrote anything; if so, that alone is now the output.</summary>
    public bool EndCall()
    {
        _input = null;
        _inputLength = 0;
        if (_outputLength == _callStart)
        {
            return false;
        }

        _outputLength -= _callStart;
        NativeMemory.Copy(_output + _callStart, _output, (nuint)_outputLength);
        Versions = Math.Max(1, _timerCalls);
        for (int version = 0; version < Versions; version++)
        {
            _renditionStarts[version] = version == 0 ? 0 : _renditionStarts[version] - _callStart;
        }

        return true;
    }

    /// <summary>Before a call that writes one record, which goes straight to <paramref name="target"/>; the output stays as it is.</summary>
    public void BeginWriteThrough(byte* target, int capacity)
    {
        _through = target;
        _throughCapacity = capacity;
        _throughLength = 0;
    }

    /// <summary>After the call: the length of the record, 0 if none was written.</summary>
    public int EndWriteThrough()
    {
        _through = null;
        return _throughLength;
    }

    /// <summary>Where in the output a version of the flight stands.</summary>
    public (int Start, int End) Version(int version)
    {
        Debug.Assert((uint)version < (uint)Versions);
        return (_renditionStarts[version], version + 1 < Versions ? _renditionStarts[version + 1] : _outputLength);
    }

    /// <summary>Keeps the first version of the last flight, if any is to be kept, and gives the other memory back.</summary>
    public void Shrink(bool keepFlight)
    {
        _outputLength = keepFlight && Versions > 0 ? Version(0).End : 0;
        Versions = Math.Min(Versions, keepFlight ? 1 : 0);
        _outputCapacity = _outputLength;
        if (_outputLength == 0)
        {
            NativeMemory.Free(_output);
            _output = null;
        }
        else
        {
            _output = (byte*)NativeMemory.Realloc(_output, (nuint)_outputCapacity);
        }
    }

    private static nint CreateMethod()
    {
        nint method = OpenSsl.BIO_meth_new(OpenSsl.BioTypeDatagram, "datagrams in memory");
        _ = OpenSsl.BIO_meth_set_read(method, &OnRead);
        _ = OpenSsl.BIO_meth_set_write(method, &OnWrite);
        _ = OpenSsl.BIO_meth_set_ctrl(method, &OnControl);
        _ = OpenSsl.BIO_meth_set_destroy(method, &OnDestroy);
        return method;
    }

    [UnmanagedCallersOnly]
    private static int OnRead(nint bio, byte* buffer, int length)
    {
        var state = (DtlsBio*)OpenSsl.BIO_get_data(bio);
        OpenSsl.BIO_clear_flags(bio, OpenSsl.BioFlagsReadWriteSpecial | OpenSsl.BioFlagsShouldRetry);
        if (state->_inputLength == 0)
        {
            OpenSsl.BIO_set_flags(bio, OpenSsl.BioFlagsRead | OpenSsl.BioFlagsShouldRetry);
            return -1;
        }

        // As a socket would: what does not fit the reader's buffer is lost.
        int taken = Math.Min(length, state->_inputLength);
        NativeMemory.Copy(state->_input, buffer, (nuint)taken);
        state->_inputLength = 0;
        return taken;
    }

    [UnmanagedCallersOnly]
    private static int OnWrite(nint bio, byte* bytes, int length)
    {
        var state = (DtlsBio*)OpenSsl.BIO_get_data(bio);
        OpenSsl.BIO_clear_flags(bio, OpenSsl.BioFlagsReadWriteSpecial | OpenSsl.BioFlagsShouldRetry);
        bool taken = state->_through == null ? state->TryAppend(bytes, length) : state->TryWriteThrough(bytes, length);
        return taken ? length : -1;
    }

    private bool TryWriteThrough(byte* record, int length)
    {
        if (_throughLength > 0 || length > _throughCapacity)
        {
            return false;
        }

        NativeMemory.Copy(record, _through, (nuint)length);
        _throughLength = length;
        return true;
    }

    /// <summary>Adds whole records: to the last datagram while they fit it (OpenSSL flushes retransmissions one by one).</summary>
    private bool TryAppend(byte* records, int length)
    {
        if (length <= 0 || length > ushort.MaxValue || !EnsureCapacity(_outputLength + LengthPrefix + length))
        {
            return false;
        }

        int datagramLength = _openDatagram < 0 ? 0 : _outputLength - _openDatagram - LengthPrefix;
        if (_openDatagram < 0 || datagramLength + length > _maxDatagramLength)
        {
            _openDatagram = _outputLength;
            _outputLength += LengthPrefix;
            datagramLength = 0;
        }

        NativeMemory.Copy(records, _output + _outputLength, (nuint)length);
        _outputLength += length;
        ushort total = (ushort)(datagramLength + length);
        MemoryMarshal.Write(new Span<byte>(_output + _openDatagram, LengthPrefix), in total);
        return true;
    }

    private bool EnsureCapacity(int needed)
    {
        if (needed > MaxOutputLength)
        {
            return false;
        }

        if (needed > _outputCapacity)
        {
            _outputCapacity = Math.Max(needed, Math.Min(MaxOutputLength, Math.Max(4096, _outputCapacity * 2)));
            _output = (byte*)NativeMemory.Realloc(_output, (nuint)_outputCapacity);
        }

        return true;
    }

    [UnmanagedCallersOnly]
    private static nint OnControl(nint bio, int command, nint number, void* argument)
    {
        var state = (DtlsBio*)OpenSsl.BIO_get_data(bio);
        return command switch
        {
            OpenSsl.BioControlFlush => 1,
            OpenSsl.BioControlPending => state == null ? 0 : state->_inputLength,
            _ => 0,
        };
    }

    [UnmanagedCallersOnly]
    private static int OnDestroy(nint bio)
    {
        var state = (DtlsBio*)OpenSsl.BIO_get_data(bio);
        if (state != null)
        {
            NativeMemory.Free(state->_output);
            NativeMemory.Free(state);
            OpenSsl.BIO_set_data(bio, null);
        }

        return 1;
    }

    /// <summary>OpenSSL asks how long to wait: first when a flight begins, then at each retransmission, before it writes that.</summary>
    [UnmanagedCallersOnly]
    private static uint OnTimer(nint ssl, uint previousMicroseconds)
    {
        DtlsBio* state = Of(ssl);
        int call = state->_timerCalls++;
        if (call <= Renditions)
        {
            state->_renditionStarts[call] = state->_outputLength;
            state->_openDatagram = -1;
        }

        return call < Renditions ? DueAtOnceMicroseconds : AfterAnyHandshakeMicroseconds;
    }
}
