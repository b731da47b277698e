namespace V100.Sfu.Rtp;

/// <summary>
/// Keeps the numbers in the VP8 payload descriptor (RFC 7741, 4.2) continuous for one subscriber: picture ids count what is sent to it,
/// TL0PICIDX and KEYIDX go on from source to source. A picture id is always written in its long form, so that a source with the short one
/// may follow one with the long one, and wraps where every receiver expects it to.
/// </summary>
/// <remarks>
/// Call <see cref="SwitchTo"/> before the first packet of each source, then for each packet of that source, in the order of arrival,
/// <see cref="TryRewrite"/> if it is sent or <see cref="Drop"/> if not. A picture is sent or dropped whole. Nothing allocates.
/// </remarks>
public sealed class Vp8Rewriter
{
    private readonly PictureMap _pictures = new();
    private ContinuedNumber _levelZero = new(8);
    private ContinuedNumber _keys = new(5);

    /// <summary>Begins a source: the numbers of the packet that is rewritten next become the next ones.</summary>
    public void SwitchTo()
    {
        _pictures.Switch();
        _levelZero.Switch();
        _keys.Switch();
    }

    /// <summary>Writes a packet's descriptor as the subscriber is to see it.</summary>
    /// <param name="payload">The packet's payload; the rest of it from <paramref name="consumed"/> on follows unchanged.</param>
    /// <param name="destination">At least <see cref="Vp8Descriptor.MaxLength"/> bytes.</param>
    /// <param name="written">Bytes in the destination, up to one more than were consumed.</param>
    /// <param name="consumed">Bytes of the payload that they stand for.</param>
    /// <param name="state">What <see cref="Reapply"/> needs to write the same again: the low 28 bits.</param>
    /// <returns>False for what is no VP8 payload, and for a picture from before the source's first or far behind its newest.</returns>
    public bool TryRewrite(ReadOnlySpan<byte> payload, Span<byte> destination, out int written, out int consumed, out uint state)
    {
        written = consumed = 0;
        state = 0;
        if (!Vp8Descriptor.TryParse(payload, out Vp8Descriptor descriptor))
        {
            return false;
        }

        long picture = 0;
        if (descriptor.HasPictureId && !_pictures.TryMap(Unwrap(in descriptor), out picture))
        {
            return false;
        }

        uint levelZero = descriptor.HasTemporalLevelZeroIndex ? _levelZero.Rewrite(descriptor.TemporalLevelZeroIndex) : 0;
        uint key = descriptor.HasKeyIndex ? _keys.Rewrite(descriptor.KeyIndex) : 0;
        state = (uint)(picture & 0x7FFF) << 13 | levelZero << 5 | key;
        return TryWrite(in descriptor, state, destination, out written, out consumed);
    }

    /// <summary>Says that the packet's picture is not sent.</summary>
    public void Drop(ReadOnlySpan<byte> payload)
    {
        if (!_pictures.AwaitsFirst && Vp8Descriptor.TryParse(payload, out Vp8Descriptor descriptor) && descriptor.HasPictureId)
        {
            _pictures.Drop(Unwrap(in descriptor));
        }
    }

    /// <summary>Writes the descriptor of a packet that was sent before as it was then, whatever was switched since.</summary>
    public static bool Reapply(uint state, ReadOnlySpan<byte> payload, Span<byte> destination, out int written, out int consumed)
    {
        written = consumed = 0;
        return Vp8Descriptor.TryParse(payload, out Vp8Descriptor descriptor)
            && TryWrite(in descriptor, state, destination, out written, out consumed);
    }

    private long Unwrap(in Vp8Descriptor descriptor) => _pictures.Unwrap(descriptor.PictureId, descriptor.HasLongPictureId ? 15 : 7);

    private static bool TryWrite(in Vp8Descriptor descriptor, uint state, Span<byte> destination, out int written, out int consumed)
    {
        Vp8Descriptor rewritten = descriptor with
        {
            HasLongPictureId = true,
            PictureId = (ushort)(state >> 13 & 0x7FFF),
            TemporalLevelZeroIndex = (byte)(state >> 5),
            KeyIndex = (byte)(state & 0x1F),
        };
        consumed = descriptor.Length;
        written = rewritten.Write(destination);
        return written > 0;
    }
}
