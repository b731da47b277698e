using System.Buffers.Binary;
using V100.Net.Crypto;

namespace V100.Sfu.Srtp;

/// <summary>SRTP_AES128_CM_HMAC_SHA1_80: AES in counter mode, HMAC-SHA1 cut to 80 bits (RFC 3711).</summary>
internal sealed class SrtpCounterTransform(SrtpKeys rtp, SrtpKeys rtcp) : SrtpTransform(MacTagLength)
{
    private const int MacTagLength = 10;

    private readonly AesCounterCipher _rtp = AesCounterCipher.Create(rtp.Encryption);
    private readonly AesCounterCipher _rtcp = AesCounterCipher.Create(rtcp.Encryption);
    private readonly HmacSha1Key _rtpMac = new(rtp.Authentication);
    private readonly HmacSha1Key _rtcpMac = new(rtcp.Authentication);
    private readonly byte[] _rtpSalt = rtp.Salt;
    private readonly byte[] _rtcpSalt = rtcp.Salt;

    public override void SealRtp(Span<byte> packet, int headerLength, ReadOnlySpan<byte> payload, uint ssrc, long index)
    {
        Crypt(_rtp, _rtpSalt, ssrc, index, payload, packet[headerLength..]);
        int length = headerLength + payload.Length;
        // RFC 3711 section 4.2: the rollover counter is authenticated behind the packet, but not sent.
        WriteTag(_rtpMac, packet[..length], (uint)(index >> 16), packet[length..]);
    }

    public override bool TryOpenRtp(ReadOnlySpan<byte> packet, int headerLength, uint ssrc, long index, Span<byte> destination)
    {
        ReadOnlySpan<byte> authenticated = packet[..^MacTagLength];
        if (!HasTag(_rtpMac, authenticated, (uint)(index >> 16), packet[^MacTagLength..]))
        {
            return false;
        }

        authenticated[..headerLength].CopyTo(destination);
        Crypt(_rtp, _rtpSalt, ssrc, index, authenticated[headerLength..], destination[headerLength..]);
        return true;
    }

    // RFC 3711 section 3.4: header, ciphertext, index word, tag over all of these.
    public override void SealRtcp(Span<byte> packet, int length, uint ssrc, uint index)
    {
        Span<byte> body = packet[RtcpHeaderLength..length];
        Crypt(_rtcp, _rtcpSalt, ssrc, index, body, body);
        uint indexWord = EncryptedBit | index;
        BinaryPrimitives.WriteUInt32BigEndian(packet[length..], indexWord);
        WriteTag(_rtcpMac, packet[..length], indexWord, packet[(length + IndexWordLength)..]);
    }

    public override uint ReadIndexWord(ReadOnlySpan<byte> packet) =>
        BinaryPrimitives.ReadUInt32BigEndian(packet[^(MacTagLength + IndexWordLength)..]);

    public override bool TryOpenRtcp(ReadOnlySpan<byte> packet, uint ssrc, uint indexWord, Span<byte> destination)
    {
        ReadOnlySpan<byte> authenticated = packet[..^(MacTagLength + IndexWordLength)];
        if (!HasTag(_rtcpMac, authenticated, indexWord, packet[^MacTagLength..]))
        {
            return false;
        }

        authenticated[..RtcpHeaderLength].CopyTo(destination);
        Crypt(
            _rtcp, _rtcpSalt, ssrc, indexWord & ~EncryptedBit, authenticated[RtcpHeaderLength..], destination[RtcpHeaderLength..]);
        return true;
    }

    public override void Dispose()
    {
        _rtp.Dispose();
        _rtcp.Dispose();
    }

    private static void Crypt(AesCounterCipher cipher, byte[] salt, uint ssrc, long index, ReadOnlySpan<byte> input, Span<byte> output)
    {
        // RFC 3711 section 4.1.1: the salt, 16 bits up, xor the source, 64 bits up, xor the index, 16 bits up.
        Span<byte> counter = stackalloc byte[AesCounterCipher.CounterBlockLength];
        counter.Clear();
        salt.AsSpan().CopyTo(counter);
        Span<byte> tail = counter[8..];
        BinaryPrimitives.WriteUInt32BigEndian(counter[4..], BinaryPrimitives.ReadUInt32BigEndian(counter[4..]) ^ ssrc);
        BinaryPrimitives.WriteUInt64BigEndian(tail, BinaryPrimitives.ReadUInt64BigEndian(tail) ^ (ulong)index << 16);
        cipher.Transform(counter, input, output);
    }

    private static void WriteTag(HmacSha1Key key, ReadOnlySpan<byte> packet, uint word, Span<byte> tag)
    {
        Span<byte> mac = stackalloc byte[HmacSha1Key.MacLength];
        Authenticate(key, packet, word, mac);
        mac[..MacTagLength].CopyTo(tag);
    }

    private static bool HasTag(HmacSha1Key key, ReadOnlySpan<byte> packet, uint word, ReadOnlySpan<byte> tag)
    {
        Span<byte> mac = stackalloc byte[HmacSha1Key.MacLength];
        Authenticate(key, packet, word, mac);
        return ConstantTime.Equals(mac[..MacTagLength], tag);
    }

    private static void Authenticate(HmacSha1Key key, ReadOnlySpan<byte> packet, uint word, Span<byte> mac)
    {
        Span<byte> last = stackalloc byte[IndexWordLength];
        BinaryPrimitives.WriteUInt32BigEndian(last, word);
        key.Compute(packet, last, mac);
    }
}
