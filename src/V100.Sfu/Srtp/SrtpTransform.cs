using V100.Net.Crypto;

namespace V100.Sfu.Srtp;

/// <summary>
/// What a profile does to one packet, given its source and index: encryption and authentication, no state. The packets'
/// fixed parts are RTP's header, however long, and the first eight bytes of RTCP.
/// </summary>
internal abstract class SrtpTransform(int tagLength) : IDisposable
{
    public const int RtcpHeaderLength = 8;

    /// <summary>The word that SRTCP appends: a bit that says "encrypted", and 31 bits of index (RFC 3711 section 3.4).</summary>
    public const int IndexWordLength = 4;
    public const uint EncryptedBit = 0x8000_0000;

    public int TagLength { get; } = tagLength;

    public static SrtpTransform Create(SrtpProfile profile, ReadOnlySpan<byte> masterKey, ReadOnlySpan<byte> masterSalt)
    {
        var rtp = SrtpKeys.ForRtp(profile, masterKey, masterSalt);
        var rtcp = SrtpKeys.ForRtcp(profile, masterKey, masterSalt);
        return profile.IsAead() ? new SrtpAeadTransform(rtp, rtcp) : new SrtpCounterTransform(rtp, rtcp);
    }

    /// <summary>Writes ciphertext and tag behind the header; <paramref name="payload"/> may stand there already.</summary>
    public abstract void SealRtp(Span<byte> packet, int headerLength, ReadOnlySpan<byte> payload, uint ssrc, long index);

    /// <summary>Writes header and payload; false when the packet is not authentic, and then the destination holds nothing of it.</summary>
    public abstract bool TryOpenRtp(ReadOnlySpan<byte> packet, int headerLength, uint ssrc, long index, Span<byte> destination);

    /// <summary>Encrypts in place and appends index word and tag in the profile's order.</summary>
    public abstract void SealRtcp(Span<byte> packet, int length, uint ssrc, uint index);

    /// <summary>The index word of a packet that is long enough.</summary>
    public abstract uint ReadIndexWord(ReadOnlySpan<byte> packet);

    public abstract bool TryOpenRtcp(ReadOnlySpan<byte> packet, uint ssrc, uint indexWord, Span<byte> destination);

    public abstract void Dispose();
}
