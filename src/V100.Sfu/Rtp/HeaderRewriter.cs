using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace V100.Sfu.Rtp;

/// <summary>A source's extension id and what it is called towards the subscriber (RFC 8285, 5: ids are negotiated per session).</summary>
public readonly record struct HeaderExtensionCopy(byte SourceId, byte TargetId);

/// <summary>The extensions whose values are the subscription's own; an id of 0 leaves one out.</summary>
/// <param name="MidId">Id of urn:ietf:params:rtp-hdrext:sdes:mid.</param>
/// <param name="Mid">The subscriber's mid of this m-section.</param>
/// <param name="TransportSequenceId">Id of the transport-wide sequence number.</param>
public readonly record struct HeaderExtensionStamps(byte MidId = 0, ReadOnlyMemory<byte> Mid = default, byte TransportSequenceId = 0);

/// <summary>
/// Writes the whole header of a forwarded packet: the subscription's own extensions (mid, transport-wide sequence),
/// then those of the source that the subscriber negotiated, under its ids. Everything else the source sent is dropped: what
/// is not in the list of copies (rid and repaired-rid belong to the uplink and are never listed) does not pass.
/// Built once per subscription; <see cref="Write"/> allocates nothing.
/// </summary>
/// <remarks>
/// The block has the one-byte form unless an element needs the other. Where the subscriber does not take that form
/// (<c>extmap-allow-mixed</c> or ids above 14 were not negotiated), such an element is left out.
/// </remarks>
public sealed class HeaderRewriter
{
    private const int BlockStart = RtpHeader.FixedLength + 4;

    private readonly byte[] _targetIds = new byte[256];
    private readonly byte[] _stamps;
    private readonly HeaderExtensionStamps _values;
    private readonly bool _allowTwoByte;
    private readonly bool _alwaysTwoByte;
    private readonly int _transportSequenceOffset;

    public HeaderRewriter(
        ReadOnlySpan<HeaderExtensionCopy> copies, in HeaderExtensionStamps stamps, bool allowTwoByte = false)
    {
        _allowTwoByte = allowTwoByte;
        foreach (HeaderExtensionCopy copy in copies)
        {
            // A target that is also stamped stays the stamp's: an id stands once in a packet.
            bool stamped = copy.TargetId == stamps.MidId || copy.TargetId == stamps.TransportSequenceId;
            if (copy.SourceId != 0 && !stamped && Fits(copy.TargetId))
            {
                _targetIds[copy.SourceId] = copy.TargetId;
                _alwaysTwoByte |= copy.TargetId > 14;
            }
        }

        int midLength = stamps.Mid.Length;
        bool midFits = Fits(stamps.MidId) && midLength <= byte.MaxValue && (allowTwoByte || midLength is > 0 and <= 16);
        _values = new HeaderExtensionStamps(
            midFits ? stamps.MidId : (byte)0,
            stamps.Mid.ToArray(),
            Fits(stamps.TransportSequenceId) ? stamps.TransportSequenceId : (byte)0);
        _alwaysTwoByte |= _values.TransportSequenceId > 14 || _values.MidId > 14 || _values.MidId != 0 && midLength is 0 or > 16;
        _stamps = _alwaysTwoByte ? [] : BuildStamps(out _transportSequenceOffset);
    }

    /// <summary>The most bytes that a header may need whose source block has <paramref name="sourceBlockLength"/> bytes.</summary>
    public int GetMaxLength(int sourceBlockLength) => BlockStart + 2 + _values.Mid.Length + 4 + 2 * sourceBlockLength + 3;

    /// <summary>The id under which the subscriber knows a source's extension; 0 when it is dropped.</summary>
    public byte GetTargetId(byte sourceId) => _targetIds[sourceId];

    /// <summary>Writes the header. Returns its length, or 0 when <paramref name="destination"/> is too small.</summary>
    /// <param name="destination">Where the packet begins; bytes behind the header may be touched.</param>
    /// <param name="header">What the subscription chose.</param>
    /// <param name="source">The published packet's elements.</param>
    /// <param name="transportSequence">This transport's next number over all of its packets; unused without the id.</param>
    /// <param name="replacement">An element of the source that has another value for this subscriber, or with no value is left out; the default for none.</param>
    public int Write(
        Span<byte> destination, in RtpHeader header, in RtpExtensions source, ushort transportSequence, RtpExtension replacement = default)
    {
        ReadOnlySpan<byte> stamps = _stamps;
        if (_alwaysTwoByte)
        {
            return WriteSlow(destination, header, source, transportSequence, replacement);
        }

        if (destination.Length < BlockStart + stamps.Length + 3)
        {
            return 0;
        }

        stamps.CopyTo(destination[BlockStart..]);
        if (_transportSequenceOffset != 0)
        {
            BinaryPrimitives.WriteUInt16BigEndian(destination[_transportSequenceOffset..], transportSequence);
        }

        int end = BlockStart + stamps.Length;
        foreach (RtpExtension element in source)
        {
            byte id = _targetIds[element.Id];
            bool isReplaced = element.Id == replacement.Id;
            if (id == 0 || isReplaced && replacement.Value.IsEmpty)
            {
                continue;
            }

            ReadOnlySpan<byte> value = isReplaced ? replacement.Value : element.Value;
            if (value.Length is 0 or > 16)
            {
                if (_allowTwoByte)
                {
                    return WriteSlow(destination, header, source, transportSequence, replacement);
                }

                continue;
            }

            if (end + 1 + value.Length + 3 > destination.Length)
            {
                return 0;
            }

            destination[end] = (byte)(id << 4 | value.Length - 1);
            CopyShort(value, destination[(end + 1)..]);
            end += 1 + value.Length;
        }

        return FinishOneByte(destination, header, end);
    }

    private static int FinishOneByte(Span<byte> destination, in RtpHeader header, int end)
    {
        header.WriteFixed(destination, hasExtensions: end != BlockStart);
        if (end == BlockStart)
        {
            return RtpHeader.FixedLength;
        }

        // RFC 8285, 4.1.2: padded with zeros to a whole word; three bytes of room were kept.
        destination[end] = 0;
        destination[end + 1] = 0;
        destination[end + 2] = 0;
        int length = end + 3 & ~3;
        BinaryPrimitives.WriteUInt32BigEndian(
            destination[RtpHeader.FixedLength..], (uint)RtpExtensions.OneByteProfile << 16 | (uint)(length - BlockStart) >> 2);
        return length;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private int WriteSlow(
        Span<byte> destination, in RtpHeader header, in RtpExtensions source, ushort transportSequence, RtpExtension replacement)
    {
        var writer = new RtpHeaderWriter(destination, header);
        bool fits = _values.MidId == 0 || writer.TryAdd(_values.MidId, _values.Mid.Span);
        if (fits && _values.TransportSequenceId != 0 && (fits = writer.TryReserve(_values.TransportSequenceId, 2, out Span<byte> value)))
        {
            BinaryPrimitives.WriteUInt16BigEndian(value, transportSequence);
        }

        foreach (RtpExtension element in source)
        {
            byte id = element.Id == replacement.Id && replacement.Value.IsEmpty ? (byte)0 : _targetIds[element.Id];
            fits = fits && (id == 0 || writer.TryAdd(id, element.Id == replacement.Id ? replacement.Value : element.Value));
        }

        return fits ? writer.Finish() : 0;
    }

    private bool Fits(byte targetId) => targetId != 0 && (targetId <= 14 || _allowTwoByte);

    private byte[] BuildStamps(out int transportSequenceOffset)
    {
        Span<byte> bytes = stackalloc byte[32];
        int length = 0;
        if (_values.MidId != 0)
        {
            bytes[length++] = (byte)(_values.MidId << 4 | _values.Mid.Length - 1);
            _values.Mid.Span.CopyTo(bytes[length..]);
            length += _values.Mid.Length;
        }

        transportSequenceOffset = 0;
        if (_values.TransportSequenceId != 0)
        {
            bytes[length++] = (byte)(_values.TransportSequenceId << 4 | 1);
            transportSequenceOffset = BlockStart + length;
            length += 2;
        }

        return bytes[..length].ToArray();
    }

    // Most values are one to three bytes: a loop is cheaper than the call that CopyTo is.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void CopyShort(ReadOnlySpan<byte> value, Span<byte> destination)
    {
        if (value.Length > 4)
        {
            value.CopyTo(destination);
            return;
        }

        for (int index = 0; index < value.Length; index++)
        {
            destination[index] = value[index];
        }
    }
}
