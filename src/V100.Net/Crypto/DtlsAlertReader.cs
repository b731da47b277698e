using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using V100.Net.Native;

namespace V100.Net.Crypto;

/// <summary>
/// Opens the alerts of a peer whose association OpenSSL holds no longer: records of AES-GCM (RFC 5288 section 3, RFC 6347 section 4.1).
/// Of one thread at a time; reading allocates nothing but the cipher, with the first alert.
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

    /// <summary>What the keys are made of: master secret, server's random, client's random; zeros once they are made.</summary>
    private readonly byte[] _secrets = new byte[MasterSecretLength + 2 * RandomLength];
    private readonly byte[] _salt = new byte[SaltLength];
    private readonly HashAlgorithmName _hash;
    private readonly int _keyLength;
    private readonly bool _isServer;
    private AesGcmCipher? _cipher;

    private DtlsAlertReader(DtlsRole role, int keyLength, HashAlgorithmName hash)
    {
        _isServer = role == DtlsRole.Server;
        _keyLength = keyLength;
        _hash = hash;
    }

    /// <summary>Takes what an established association knows. False for a suite of another cipher.</summary>
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

        var made = new DtlsAlertReader(role, keyLength, hash);
        fixed (byte* secrets = made._secrets)
        {
            byte* randoms = secrets + MasterSecretLength;
            if (OpenSsl.SSL_SESSION_get_master_key(OpenSsl.SSL_get_session(ssl), secrets, MasterSecretLength) == MasterSecretLength
                && OpenSsl.SSL_get_server_random(ssl, randoms, RandomLength) == RandomLength
                && OpenSsl.SSL_get_client_random(ssl, randoms + RandomLength, RandomLength) == RandomLength)
            {
                reader = made;
            }
        }

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
        AesGcmCipher cipher = _cipher ?? MakeCipherSlow();
        _salt.CopyTo(nonce);
        record.Slice(DtlsRecord.HeaderLength, ExplicitNonceLength).CopyTo(nonce[SaltLength..]);
        record.Slice(3, 8).CopyTo(associated);
        record[..3].CopyTo(associated[8..]);
        associated[^1] = AlertLength;
        if (!cipher.TryDecrypt(nonce, associated, record[(DtlsRecord.HeaderLength + ExplicitNonceLength)..], alert))
        {
            return false;
        }

        isFatal = alert[0] == DtlsRecord.FatalLevel;
        description = alert[1];
        return true;
    }

    public void Dispose()
    {
        CryptographicOperations.ZeroMemory(_secrets);
        CryptographicOperations.ZeroMemory(_salt);
        _cipher?.Dispose();
    }

    /// <summary>With the first alert, which for most is the last: a handshake does not wait for it.</summary>
    private AesGcmCipher MakeCipherSlow()
    {
        ReadOnlySpan<byte> label = "key expansion"u8;
        Span<byte> seed = stackalloc byte[label.Length + 2 * RandomLength];
        Span<byte> keys = stackalloc byte[2 * (MaxKeyLength + SaltLength)];
        keys = keys[..(2 * (_keyLength + SaltLength))];
        label.CopyTo(seed);
        _secrets.AsSpan(MasterSecretLength).CopyTo(seed[label.Length..]);
        TlsPrf.Fill(_hash, _secrets.AsSpan(0, MasterSecretLength), seed, keys);

        // RFC 5246 section 6.3, without MAC keys: client key, server key, client salt, server salt.
        int peer = _isServer ? 0 : 1;
        keys.Slice(2 * _keyLength + peer * SaltLength, SaltLength).CopyTo(_salt);
        _cipher = AesGcmCipher.Create(keys.Slice(peer * _keyLength, _keyLength));
        CryptographicOperations.ZeroMemory(keys);
        CryptographicOperations.ZeroMemory(_secrets);
        return _cipher;
    }

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
