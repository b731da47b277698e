using System.Buffers.Binary;
using System.Runtime.InteropServices;
using V100.Net.Crypto;

namespace V100.Sfu.Srtp;

/// <summary>AEAD_AES_128_GCM and AEAD_AES_256_GCM (RFC 7714).</summary>
internal sealed class SrtpAeadTransform(SrtpKeys rtp, SrtpKeys rtcp) : SrtpTransform(AesGcmCipher.TagLength)
{
    private readonly AesGcmCipher _rtp = AesGcmCipher.Create(rtp.Encryption);
    private readonly AesGcmCipher _rtcp = AesGcmCipher.Create(rtcp.Encryption);
    private readonly byte[] _rtpSalt = rtp.Salt;
    private readonly byte[] _rtcpSalt = rtcp.Salt;

    public override void SealRtp(Span<byte> packet, int headerLength, ReadOnlySpan<byte> payload, uint ssrc, long index)
    {
        Span<byte> nonce = stackalloc byte[AesGcmCipher.NonceLength];
        WriteNonce(nonce, _rtpSalt, ssrc, index);
        _rtp.Encrypt(nonce, packet[..headerLength], payload, packet[headerLength..]);
    }

    public override bool TryOpenRtp(ReadOnlySpan<byte> packet, int headerLength, uint ssrc, long index, Span<byte> destination)
    {
        Span<byte> nonce = stackalloc byte[AesGcmCipher.NonceLength];
        WriteNonce(nonce, _rtpSalt, ssrc, index);
        ReadOnlySpan<byte> header = packet[..headerLength];
        if (!_rtp.TryDecrypt(nonce, header, packet[headerLength..], destination[headerLength..]))
        {
            return false;
        }

        header.CopyTo(destination);
        return true;
    }

    // RFC 7714 section 9: header, ciphertext, tag, index word; header and word are the associated data.
    public override void SealRtcp(Span<byte> packet, int length, uint ssrc, uint index)
    {
        Span<byte> nonce = stackalloc byte[AesGcmCipher.NonceLength];
        Span<byte> associated = stackalloc byte[RtcpHeaderLength + IndexWordLength];
        WriteNonce(nonce, _rtcpSalt, ssrc, index);
        WriteAssociatedData(associated, packet, EncryptedBit | index);
        Span<byte> body = packet[RtcpHeaderLength..];
        _rtcp.Encrypt(nonce, associated, body[..(length - RtcpHeaderLength)], body);
        associated[RtcpHeaderLength..].CopyTo(packet[(length + TagLength)..]);
    }

    public override uint ReadIndexWord(ReadOnlySpan<byte> packet) => BinaryPrimitives.ReadUInt32BigEndian(packet[^IndexWordLength..]);

    public override bool TryOpenRtcp(ReadOnlySpan<byte> packet, uint ssrc, uint indexWord, Span<byte> destination)
    {
        Span<byte> nonce = stackalloc byte[AesGcmCipher.NonceLength];
        Span<byte> associated = stackalloc byte[RtcpHeaderLength + IndexWordLength];
        WriteNonce(nonce, _rtcpSalt, ssrc, indexWord & ~EncryptedBit);
        WriteAssociatedData(associated, packet, indexWord);
        if (!_rtcp.TryDecrypt(nonce, associated, packet[RtcpHeaderLength..^IndexWordLength], destination[RtcpHeaderLength..]))
        {
            return false;
        }

        packet[..RtcpHeaderLength].CopyTo(destination);
        return true;
    }

    public override void Dispose()
    {
        _rtp.Dispose();
        _rtcp.Dispose();
    }

    // RFC 7714 sections 8.1 and 9.1: two zeros, the source, 48 bits of index (rollover counter and sequence number, or
    // the index of SRTCP), all xor the salt.
    private static void WriteNonce(Span<byte> nonce, byte[] salt, uint ssrc, long index)
    {
        ulong high = (ulong)ssrc << 16 | (ulong)index >> 32;
        BinaryPrimitives.WriteUInt64BigEndian(nonce, high ^ BinaryPrimitives.ReadUInt64BigEndian(salt));
        BinaryPrimitives.WriteUInt32BigEndian(nonce[8..], (uint)index ^ BinaryPrimitives.ReadUInt32BigEndian(salt.AsSpan(8)));
    }

    private static void WriteAssociatedData(Span<byte> associated, ReadOnlySpan<byte> packet, uint indexWord)
    {
        ulong header = MemoryMarshal.Read<ulong>(packet);
        MemoryMarshal.Write(associated, in header);
        BinaryPrimitives.WriteUInt32BigEndian(associated[RtcpHeaderLength..], indexWord);
    }
}
