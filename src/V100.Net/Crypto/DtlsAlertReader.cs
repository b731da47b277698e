using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using V100.Net.Native;

namespace V100.Net.Crypto;

/// <summary>
/// Opens the alerts of a peer whose association OpenSSL holds no longer: records of AES-GCM (RFC 5288 section 3, RFC 6347 section 4.1).
/// Of one thread at a time; reading allocates nothing.
/// </summary>
/// <remarks>
/// There is no replay window: an alert that is over (a close_notify, anything fatal) was read once and ended the session, and any other
/// says nothing, however often.
/// </remarks>
internal sealed class DtlsAlertReader : IDisposable
{
    private const int SaltLength = 4;
    private const int ExplicitNonceLength = 8;
    private const int AlertLength = 2;
    private const int RecordLength = DtlsRecord.HeaderLength + ExplicitNonceLength + AlertLength + AesGcmCipher.TagLength;
    private const int MasterSecretLength = 48;
    private const int RandomLength = 32;
    private const int MaxKeyLength = 32;

    private readonly AesGcmCipher _cipher;
    private readonly byte[] _salt;

    private DtlsAlertReader(ReadOnlySpan<byte> key, ReadOnlySpan<byte> salt)
    {
        _cipher = AesGcmCipher.Create(key);
        _salt = salt.ToArray();
    }

    /// <summary>The keys of the peer's records, as an established association has them. False for a suite of another cipher.</summary>
    /// <param name="ssl">Established, version 1.2.</param>
    /// <param name="role">This end's.</param>
    /// <param name="reader">To be disposed of by the caller.</param>
    public static unsafe bool TryCreate(OpenSsl.SslHandle ssl, DtlsRole role, [NotNullWhen(true)] out DtlsAlertReader? reader)
    {
        reader = null;
        if (!TryFindSuite(OpenSsl.SSL_CIPHER_get_protocol_id(OpenSsl.SSL_get_current_cipher(ssl)), out int keyLength, out HashAlgorithmName hash))
        {
            return false;
        }

        Span<byte> master = stackalloc byte[MasterSecretLength];
        ReadOnlySpan<byte> label = "key expansion"u8;
        Span<byte> seed = stackalloc byte[label.Length + 2 * RandomLength];
        Span<byte> keys = stackalloc byte[2 * (MaxKeyLength + SaltLength)];
        keys = keys[..(2 * (keyLength + SaltLength))];
        label.CopyTo(seed);
        nuint length;
        fixed (byte* secret = master)
        fixed (byte* randoms = seed[label.Length..])
        {
            length = OpenSsl.SSL_SESSION_get_master_key(OpenSsl.SSL_get_session(ssl), secret, MasterSecretLength);
            OpenSsl.SSL_get_server_random(ssl, randoms, RandomLength);
            OpenSsl.SSL_get_client_random(ssl, randoms + RandomLength, RandomLength);
        }

        if (length == MasterSecretLength)
        {
            // RFC 5246 section 6.3, without MAC keys: client key, server key, client salt, server salt.
            TlsPrf.Fill(hash, master, seed, keys);
            int peer = role == DtlsRole.Server ? 0 : 1;
            reader = new DtlsAlertReader(keys.Slice(peer * keyLength, keyLength), keys.Slice(2 * keyLength + peer * SaltLength, SaltLength));
        }

        CryptographicOperations.ZeroMemory(master);
        CryptographicOperations.ZeroMemory(keys);
        return reader is not null;
    }

    /// <summary>What an authentic alert says; false for any other record.</summary>
    /// <param name="record">With its header.</param>
    /// <param name="isFatal">Its level.</param>
    /// <param name="description">RFC 5246 section 7.2; 0 is close_notify.</param>
    public bool TryRead(ReadOnlySpan<byte> record, out bool isFatal, out byte description)
    {
        isFatal = false;
        description = 0;
        if (record.Length != RecordLength || record[0] != DtlsRecord.Alert)
        {
            return false;
        }

        // The nonce is salt and explicit part; associated are epoch and number, type, version and the plaintext's length.
        Span<byte> nonce = stackalloc byte[AesGcmCipher.NonceLength];
        Span<byte> associated = stackalloc byte[DtlsRecord.HeaderLength];
        Span<byte> alert = stackalloc byte[AlertLength];
        _salt.CopyTo(nonce);
        record.Slice(DtlsRecord.HeaderLength, ExplicitNonceLength).CopyTo(nonce[SaltLength..]);
        record.Slice(3, 8).CopyTo(associated);
        record[..3].CopyTo(associated[8..]);
        associated[^1] = AlertLength;
        if (!_cipher.TryDecrypt(nonce, associated, record[(DtlsRecord.HeaderLength + ExplicitNonceLength)..], alert))
        {
            return false;
        }

        isFatal = alert[0] == DtlsRecord.FatalLevel;
        description = alert[1];
        return true;
    }

    public void Dispose() => _cipher.Dispose();

    private static bool TryFindSuite(ushort suite, out int keyLength, out HashAlgorithmName hash)
    {
        // ECDHE-ECDSA and ECDHE-RSA (RFC 5289 section 3.2).
        (keyLength, hash) = suite switch
        {
            0xC02B or 0xC02F => (16, HashAlgorithmName.SHA256),
            0xC02C or 0xC030 => (32, HashAlgorithmName.SHA384),
            _ => (0, default),
        };
        return keyLength > 0;
    }
}
