using System.Buffers.Binary;
using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace V100.Sfu.Rtp;

/// <summary>
/// Writes a whole RTP header into the caller's bytes, its extensions chosen one by one. The block is in the one-byte form until
/// an element needs the other one (RFC 8285, 4.3: an id above 14, a value of no bytes or of more than 16); what stands already is
/// then brought into the two-byte form. Whether a receiver may be sent that form is the caller's knowledge.
/// </summary>
/// <remarks>Construct, <see cref="TryAdd"/> each element, then <see cref="Finish"/>; the payload goes behind the header.</remarks>
public ref struct RtpHeaderWriter
{
    private const int BlockStart = RtpHeader.FixedLength + 4;

    private readonly Span<byte> _destination;
    private int _end;
    private bool _twoByte;

    public RtpHeaderWriter(Span<byte> destination, in RtpHeader header)
    {
        _destination = destination;
        Overflowed = destination.Length < RtpHeader.FixedLength;
        if (!Overflowed)
        {
            header.WriteFixed(destination, hasExtensions: false);
            _end = RtpHeader.FixedLength;
        }
    }

    /// <summary>The header's fixed part did not fit; <see cref="Finish"/> will say 0.</summary>
    public bool Overflowed { get; private set; }

    /// <summary>Adds one element. False, with nothing added, when it does not fit.</summary>
    /// <param name="id">1 to 255; 15 only exists in the two-byte form.</param>
    /// <param name="value">At most 255 bytes.</param>
    public bool TryAdd(byte id, scoped ReadOnlySpan<byte> value)
    {
        if (!TryReserve(id, value.Length, out Span<byte> target))
        {
            return false;
        }

        value.CopyTo(target);
        return true;
    }

    /// <summary>Adds an element whose value the caller fills in.</summary>
    public bool TryReserve(byte id, int length, out Span<byte> target)
    {
        Debug.Assert(id != 0, "0 is padding");
        target = default;
        if (Overflowed || (uint)length > byte.MaxValue)
        {
            return false;
        }

        bool needsTwoByte = id > 14 || length is 0 or > 16;
        if (needsTwoByte && !_twoByte && !TryWidenSlow())
        {
            return false;
        }

        int start = Math.Max(_end, BlockStart);
        int overhead = _twoByte ? 2 : 1;

        // Room for the rounding up to whole words is kept from the start, so that Finish cannot fail.
        if ((start + overhead + length + 3 & ~3) > _destination.Length)
        {
            return false;
        }

        if (_twoByte)
        {
            _destination[start] = id;
            _destination[start + 1] = (byte)length;
        }
        else
        {
            _destination[start] = (byte)(id << 4 | length - 1);
        }

        target = _destination.Slice(start + overhead, length);
        _end = start + overhead + length;
        return true;
    }

    /// <summary>Pads the block and writes its length. Returns the header's length in bytes, or 0 when it did not fit.</summary>
    public readonly int Finish()
    {
        if (_end <= BlockStart)
        {
            return Overflowed ? 0 : RtpHeader.FixedLength;
        }

        int end = _end + 3 & ~3;
        _destination[_end..end].Clear();
        _destination[0] |= RtpHeader.ExtensionBit;
        uint profile = _twoByte ? RtpExtensions.TwoByteProfile : RtpExtensions.OneByteProfile;
        BinaryPrimitives.WriteUInt32BigEndian(_destination[RtpHeader.FixedLength..], profile << 16 | (uint)(end - BlockStart) >> 2);
        return end;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool TryWidenSlow()
    {
        if (_end > BlockStart)
        {
            // Every element grows by one byte; at most 14 fit one id each, and repeated ids are bounded by the copy's room.
            Span<byte> narrow = stackalloc byte[256];
            int length = _end - BlockStart;
            if (length > narrow.Length)
            {
                return false;
            }

            _destination.Slice(BlockStart, length).CopyTo(narrow);
            var elements = new RtpExtensions(RtpExtensions.OneByteProfile, narrow[..length]);
            int widened = BlockStart + length;
            foreach (RtpExtension _ in elements)
            {
                widened++;
            }

            if ((widened + 3 & ~3) > _destination.Length)
            {
                return false;
            }

            int position = BlockStart;
            foreach (RtpExtension element in elements)
            {
                _destination[position] = element.Id;
                _destination[position + 1] = (byte)element.Value.Length;
                element.Value.CopyTo(_destination[(position + 2)..]);
                position += 2 + element.Value.Length;
            }

            _end = position;
        }

        _twoByte = true;
        return true;
    }
}
