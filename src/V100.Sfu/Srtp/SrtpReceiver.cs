using System.Buffers.Binary;
using System.Diagnostics;
using System.Runtime.InteropServices;
using V100.Net.Crypto;

namespace V100.Sfu.Srtp;

/// <summary>
/// The receiving direction of a transport (RFC 3711, RFC 7714): authenticates and decrypts SRTP and SRTCP of all its
/// sources under one master key. Replay protection is always on.
/// </summary>
/// <remarks>
/// State for a source is made only after one of its packets was authentic, so nobody without the key makes any. At most
/// <c>maxSources</c> have state, for RTP and for RTCP each; beyond, packets are refused with
/// <see cref="SrtpResult.TooManySources"/> until <see cref="RemoveSource"/>. Of one thread at a time. No packet allocates
/// but the first of a source.
/// </remarks>
public sealed class SrtpReceiver : IDisposable
{
    private const int RtpHeaderLength = 12;
    private const long RolloverLength = 0x1_0000;

    private readonly SrtpTransform _transform;
    private readonly int _maxSources;
    private readonly Dictionary<uint, ReplayWindow> _rtpSources = [];
    private readonly Dictionary<uint, ReplayWindow> _rtcpSources = [];

    /// <exception cref="ArgumentException">Key or salt have another length than the profile wants.</exception>
    public SrtpReceiver(SrtpProfile profile, ReadOnlySpan<byte> masterKey, ReadOnlySpan<byte> masterSalt, int maxSources = 64)
        : this(SrtpTransform.Create(profile, masterKey, masterSalt), maxSources)
    {
    }

    internal SrtpReceiver(SrtpTransform transform, int maxSources = 64)
    {
        _transform = transform;
        _maxSources = maxSources;
    }

    /// <summary>Sources of RTP that have state.</summary>
    public int SourceCount => _rtpSources.Count;

    /// <summary>
    /// Decrypts <paramref name="packet"/> into <paramref name="destination"/>: the header as it is, the payload in the clear.
    /// The header was parsed by the caller, who says where it ends and what it holds. After a failure the destination's
    /// content means nothing.
    /// </summary>
    /// <param name="packet">As it was received, with its tag.</param>
    /// <param name="headerLength">Bytes up to the payload: fixed header, contributing sources, extension.</param>
    /// <param name="ssrc">The header's source.</param>
    /// <param name="sequenceNumber">The header's sequence number.</param>
    /// <param name="destination">At least as long as the packet without its tag.</param>
    /// <param name="length">Bytes written: header and payload.</param>
    /// <param name="extendedIndex">Rollover counter and sequence number: the sequence number without wraps.</param>
    public SrtpResult UnprotectRtp(
        ReadOnlySpan<byte> packet,
        int headerLength,
        uint ssrc,
        ushort sequenceNumber,
        Span<byte> destination,
        out int length,
        out long extendedIndex)
    {
        Debug.Assert(headerLength >= RtpHeaderLength);
        extendedIndex = 0;
        length = packet.Length - _transform.TagLength;
        if (length < headerLength)
        {
            length = 0;
            return SrtpResult.TooShort;
        }

        if (destination.Length < length)
        {
            length = 0;
            return SrtpResult.DestinationTooSmall;
        }

        ref ReplayWindow source = ref CollectionsMarshal.GetValueRefOrNullRef(_rtpSources, ssrc);
        bool known = !System.Runtime.CompilerServices.Unsafe.IsNullRef(ref source);
        SrtpResult result = known
            ? OpenKnown(ref source, packet, headerLength, ssrc, sequenceNumber, destination, out extendedIndex)
            : OpenUnknown(packet, headerLength, ssrc, sequenceNumber, destination, out extendedIndex);
        if (result != SrtpResult.Ok)
        {
            length = 0;
        }

        return result;
    }

    /// <summary>Decrypts a compound RTCP packet; <paramref name="destination"/> as for RTP.</summary>
    public SrtpResult UnprotectRtcp(ReadOnlySpan<byte> packet, Span<byte> destination, out int length)
    {
        length = 0;
        int plainLength = packet.Length - _transform.TagLength - SrtpTransform.IndexWordLength;
        if (plainLength < SrtpTransform.RtcpHeaderLength)
        {
            return SrtpResult.TooShort;
        }

        if (destination.Length < plainLength)
        {
            return SrtpResult.DestinationTooSmall;
        }

        uint ssrc = BinaryPrimitives.ReadUInt32BigEndian(packet[4..]);
        uint indexWord = _transform.ReadIndexWord(packet);
        if ((indexWord & SrtpTransform.EncryptedBit) == 0)
        {
            return SrtpResult.NotEncrypted;
        }

        // RFC 3711 section 3.4: the index is in the packet; a source's replay list is its own.
        long index = indexWord & ~SrtpTransform.EncryptedBit;
        ref ReplayWindow source = ref CollectionsMarshal.GetValueRefOrNullRef(_rtcpSources, ssrc);
        bool known = !System.Runtime.CompilerServices.Unsafe.IsNullRef(ref source);
        if (known && source.Check(index) != ReplayVerdict.Fresh)
        {
            return SrtpResult.Replayed;
        }

        if (!_transform.TryOpenRtcp(packet, ssrc, indexWord, destination))
        {
            return SrtpResult.AuthenticationFailed;
        }

        if (known)
        {
            source.Accept(index);
        }
        else if (!TryAdd(_rtcpSources, ssrc, index))
        {
            return SrtpResult.TooManySources;
        }

        length = plainLength;
        return SrtpResult.Ok;
    }

    /// <summary>
    /// Forgets a source that is over, which makes room for another. Its old packets would be accepted again, as those of a
    /// new source: the caller must not know it any more either.
    /// </summary>
    public void RemoveSource(uint ssrc)
    {
        _rtpSources.Remove(ssrc);
        _rtcpSources.Remove(ssrc);
    }

    public void Dispose() => _transform.Dispose();

    private SrtpResult OpenKnown(
        ref ReplayWindow source,
        ReadOnlySpan<byte> packet,
        int headerLength,
        uint ssrc,
        ushort sequenceNumber,
        Span<byte> destination,
        out long index)
    {
        index = EstimateIndex(source.Highest, sequenceNumber);
        ReplayVerdict verdict = source.Check(index);
        // RFC 3711 section 3.3, step 5: replay is checked before authentication, and the list updated after.
        if (verdict == ReplayVerdict.Seen)
        {
            return SrtpResult.Replayed;
        }

        if (verdict == ReplayVerdict.Fresh && _transform.TryOpenRtp(packet, headerLength, ssrc, index, destination))
        {
            source.Accept(index);
            return SrtpResult.Ok;
        }

        // The estimate holds for gaps below 2^15. After a longer one the packet looks old, and is one rollover ahead.
        index += RolloverLength;
        if (_transform.TryOpenRtp(packet, headerLength, ssrc, index, destination))
        {
            source.Accept(index);
            return SrtpResult.Ok;
        }

        return verdict == ReplayVerdict.TooOld ? SrtpResult.Replayed : SrtpResult.AuthenticationFailed;
    }

    private SrtpResult OpenUnknown(
        ReadOnlySpan<byte> packet, int headerLength, uint ssrc, ushort sequenceNumber, Span<byte> destination, out long index)
    {
        // RFC 3711 section 3.3.1: the rollover counter begins at zero. A source that begins near the wrap may lose all its
        // packets before it: then the first that comes has a low number and a counter of one.
        index = sequenceNumber;
        if (!_transform.TryOpenRtp(packet, headerLength, ssrc, index, destination))
        {
            index += RolloverLength;
            if (sequenceNumber >= RolloverLength / 2 || !_transform.TryOpenRtp(packet, headerLength, ssrc, index, destination))
            {
                return SrtpResult.AuthenticationFailed;
            }
        }

        return TryAdd(_rtpSources, ssrc, index) ? SrtpResult.Ok : SrtpResult.TooManySources;
    }

    private bool TryAdd(Dictionary<uint, ReplayWindow> sources, uint ssrc, long index)
    {
        if (sources.Count >= _maxSources)
        {
            return false;
        }

        var window = new ReplayWindow();
        window.Accept(index);
        sources.Add(ssrc, window);
        return true;
    }

    /// <summary>
    /// RFC 3711 section 3.3.1 and appendix A: of the indices with this sequence number the nearest to the highest one.
    /// Negative when that would be before the first rollover.
    /// </summary>
    private static long EstimateIndex(long highest, ushort sequenceNumber) =>
        highest + (short)(ushort)(sequenceNumber - (ushort)highest);
}
