using System.Buffers.Binary;
using System.Diagnostics;
using V100.Net.Crypto;

namespace V100.Sfu.Srtp;

/// <summary>
/// The sending direction of a transport (RFC 3711, RFC 7714). For RTP the caller owns each source's 48-bit index, which
/// its rewriting of sequence numbers keeps anyway, so there is no state per source here; RTCP counts its own index, one
/// for all sources. Of one thread at a time. Nothing allocates.
/// </summary>
/// <remarks>No index may be used twice for one source, or the key stream repeats (RFC 3711 section 9.1).</remarks>
public sealed class SrtpSender : IDisposable
{
    /// <summary>What protection adds to a packet at most: GCM's tag, and SRTCP's index word.</summary>
    public const int MaxOverhead = AesGcmCipher.TagLength + SrtpTransform.IndexWordLength;

    private const int RtpHeaderLength = 12;
    private const long IndexLimit = 1L << 48;
    private const uint RtcpIndexLimit = SrtpTransform.EncryptedBit;

    private readonly SrtpTransform _transform;

    /// <exception cref="ArgumentException">Key or salt have another length than the profile wants.</exception>
    public SrtpSender(SrtpProfile profile, ReadOnlySpan<byte> masterKey, ReadOnlySpan<byte> masterSalt)
        : this(SrtpTransform.Create(profile, masterKey, masterSalt))
    {
    }

    internal SrtpSender(SrtpTransform transform)
    {
        _transform = transform;
    }

    /// <summary>What the next SRTCP packet gets; RFC 3711 section 3.4 lets it begin at zero.</summary>
    internal uint NextRtcpIndex { get; set; }

    /// <summary>
    /// Protects one packet. The header stands at the start of <paramref name="packet"/>; the payload is read from
    /// elsewhere, or from its place behind the header, and ciphertext and tag are written there.
    /// </summary>
    /// <param name="packet">Room for the header, the payload and <see cref="MaxOverhead"/>.</param>
    /// <param name="headerLength">Bytes of the header: fixed, contributing sources, extension.</param>
    /// <param name="payload">In the clear; must not overlap the packet but in its exact place.</param>
    /// <param name="extendedIndex">Rollover counter and sequence number; the low 16 bits are the header's.</param>
    /// <returns>The length of the protected packet; 0 when it does not fit, or the index is used up.</returns>
    public int ProtectRtp(Span<byte> packet, int headerLength, ReadOnlySpan<byte> payload, long extendedIndex)
    {
        int length = headerLength + payload.Length + _transform.TagLength;
        if (headerLength < RtpHeaderLength || length > packet.Length || (ulong)extendedIndex >= IndexLimit)
        {
            return 0;
        }

        Debug.Assert(BinaryPrimitives.ReadUInt16BigEndian(packet[2..]) == (ushort)extendedIndex, "the index is another packet's");
        uint ssrc = BinaryPrimitives.ReadUInt32BigEndian(packet[8..]);
        _transform.SealRtp(packet, headerLength, payload, ssrc, extendedIndex);
        return length;
    }

    /// <summary>Protects the compound RTCP packet in the first <paramref name="length"/> bytes, in place.</summary>
    /// <returns>The length of the protected packet; 0 when it does not fit, or 2^31 packets were sent and a new key is due.</returns>
    public int ProtectRtcp(Span<byte> packet, int length)
    {
        int protectedLength = length + _transform.TagLength + SrtpTransform.IndexWordLength;
        if (length < SrtpTransform.RtcpHeaderLength || protectedLength > packet.Length || NextRtcpIndex >= RtcpIndexLimit)
        {
            return 0;
        }

        uint ssrc = BinaryPrimitives.ReadUInt32BigEndian(packet[4..]);
        _transform.SealRtcp(packet, length, ssrc, NextRtcpIndex++);
        return protectedLength;
    }

    public void Dispose() => _transform.Dispose();
}
