using System.Runtime.CompilerServices;
using V100.Net.Native;

namespace V100.Net.Crypto;

/// <summary>
/// One association for DTLS-SRTP (RFC 5764): the handshake, the check of the peer's fingerprint, and the keys.
/// </summary>
/// <remarks>
/// The calling contract is that of <see cref="DtlsAssociation"/>, and: once the keys are taken, <see cref="ReleaseHandshake"/>, or the session
/// keeps some 40 kB for its life.
/// </remarks>
public sealed unsafe class DtlsSession : DtlsAssociation
{
    private readonly DtlsRole _role;
    private DtlsAlertReader? _alerts;

    /// <param name="context">Our certificate and the suites; must outlive the construction only.</param>
    /// <param name="role">Server unless the peer's description says <c>a=setup:passive</c>.</param>
    /// <param name="expectedFingerprintSha256">The 32 bytes that the peer's description gives.</param>
    /// <param name="maxDatagramLength">No datagram of a handshake becomes longer.</param>
    public DtlsSession(DtlsContext context, DtlsRole role, ReadOnlySpan<byte> expectedFingerprintSha256, int maxDatagramLength = 1200)
        : base(Required(context).Handle, role, RequiredFingerprint(expectedFingerprintSha256), maxDatagramLength)
    {
        _role = role;
    }

    /// <summary>What was agreed; <see cref="SrtpProfile.None"/> before <see cref="DtlsState.Established"/>.</summary>
    public SrtpProfile SrtpProfile { get; private set; }

    /// <summary>Bounds the handshake in time; a client makes its first flight.</summary>
    public void Start(Instant now)
    {
        BeginHandshake(now);
        if (_role == DtlsRole.Client && State != DtlsState.Failed)
        {
            Advance(default, now);
        }
    }

    /// <summary>
    /// The master keys and salts for SRTP (RFC 5764 section 4.2), each span as long as the agreed profile says
    /// (<see cref="SrtpProfileSizes"/>). False when the session is not established, a length is another, or after <see cref="ReleaseHandshake"/>.
    /// </summary>
    public bool TryExportSrtpKeys(Span<byte> clientKey, Span<byte> clientSalt, Span<byte> serverKey, Span<byte> serverSalt)
    {
        int keyLength = SrtpProfile.KeyLength();
        int saltLength = SrtpProfile.SaltLength();
        if (State != DtlsState.Established || _alerts is not null || clientKey.Length != keyLength || serverKey.Length != keyLength
            || clientSalt.Length != saltLength || serverSalt.Length != saltLength)
        {
            return false;
        }

        Span<byte> material = stackalloc byte[2 * (SrtpProfileSizes.MaxKeyLength + SrtpProfileSizes.MaxSaltLength)];
        material = material[..(2 * (keyLength + saltLength))];
        ReadOnlySpan<byte> label = "EXTRACTOR-dtls_srtp"u8;
        OpenSsl.ClearErrors();
        fixed (byte* output = material)
        fixed (byte* name = label)
        {
            if (OpenSsl.SSL_export_keying_material(Ssl, output, (nuint)material.Length, name, (nuint)label.Length, null, 0, 0) != 1)
            {
                OpenSsl.ClearErrors();
                return false;
            }
        }

        // RFC 5764 section 4.2: client key, server key, client salt, server salt.
        material[..keyLength].CopyTo(clientKey);
        material.Slice(keyLength, keyLength).CopyTo(serverKey);
        material.Slice(2 * keyLength, saltLength).CopyTo(clientSalt);
        material.Slice(2 * keyLength + saltLength, saltLength).CopyTo(serverSalt);
        System.Security.Cryptography.CryptographicOperations.ZeroMemory(material);
        return true;
    }

    /// <summary>
    /// Gives back what the handshake took. The established session goes on: it answers a repeated flight, says goodbye, and understands
    /// the peer's. Does nothing before; and where the suite is none of AES-GCM, which no browser lacks, OpenSSL stays.
    /// </summary>
    public void ReleaseHandshake()
    {
        if (State == DtlsState.Established && _alerts is null && DtlsAlertReader.TryCreate(Ssl, _role, out DtlsAlertReader? alerts))
        {
            if (TryReleaseSsl())
            {
                _alerts = alerts;
            }
            else
            {
                alerts.Dispose();
            }
        }
    }

    private protected override void TakeEstablished(ReadOnlySpan<byte> datagram, Instant now)
    {
        if (_alerts is null)
        {
            base.TakeEstablished(datagram, now);
            return;
        }

        ReadOnlySpan<byte> rest = datagram;
        while (State == DtlsState.Established && DtlsRecord.TryRead(ref rest, out _))
        {
            if (_alerts.TryRead(datagram[..^rest.Length], out bool isFatal, out byte description))
            {
                bool closes = description == DtlsRecord.CloseNotify;
                Conclude(isFatal && !closes ? $"the peer ended the session with alert {description}" : null, closes);
            }

            datagram = rest;
        }
    }

    private protected override void DisposeKeys() => _alerts?.Dispose();

    private protected override string? Accept()
    {
        OpenSsl.SrtpProtectionProfile* profile = OpenSsl.SSL_get_selected_srtp_profile(Ssl);
        if (!Bio->PeerMatched)
        {
            return "the peer showed no certificate";
        }

        if (profile == null)
        {
            return "the peer shares no SRTP profile";
        }

        SrtpProfile = (SrtpProfile)(ushort)profile->Id;
        return null;
    }

    /// <summary>Application data (SCTP, RFC 8261) has no reader yet and is dropped.</summary>
    [SkipLocalsInit]
    private protected override string? TakeRecords(out bool closed)
    {
        byte* buffer = stackalloc byte[2048];
        int result;
        do
        {
            result = OpenSsl.SSL_read(Ssl, buffer, 2048);
        }
        while (result > 0);

        return FailureOf(result, out closed);
    }

    /// <summary>Media never passes here: the next record, if there ever is one, makes OpenSSL take buffers again.</summary>
    private protected override void ManageBuffers(Instant now) => _ = OpenSsl.SSL_free_buffers(Ssl);

    private static DtlsContext Required(DtlsContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        return context;
    }

    private static ReadOnlySpan<byte> RequiredFingerprint(ReadOnlySpan<byte> sha256)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(sha256.Length, OpenSsl.Sha256Length);
        return sha256;
    }
}
