using V100.Net;

namespace V100.Sfu.Rtp;

/// <summary>
/// Keeps the numbers in the VP9 payload descriptor (RFC 9628, 4.2) continuous for one subscriber from source to source. Within a source
/// picture ids keep their distances, also across pictures that are left out: what a frame refers to is said by them. A picture id is always
/// written in its long form, so that a source with the short one may follow one with the long one.
/// </summary>
/// <remarks>Call <see cref="SwitchTo"/> before the first packet of each source, then <see cref="TryRewrite"/> for each that is sent. Nothing allocates.</remarks>
public sealed class Vp9Rewriter
{
    /// <summary>The most bytes that are written: flags, picture id, layers, TL0PICIDX.</summary>
    public const int MaxWritten = 5;

    private readonly PictureMap _pictures = new();
    private ContinuedNumber _levelZero = new(8);

    /// <summary>Begins a source: the numbers of the packet that is rewritten next become the next ones.</summary>
    public void SwitchTo()
    {
        _pictures.Switch();
        _levelZero.Switch();
    }

    /// <summary>Writes the beginning of a packet's descriptor as the subscriber is to see it.</summary>
    /// <param name="payload">The packet's payload; the rest of it from <paramref name="consumed"/> on follows unchanged.</param>
    /// <param name="destination">At least <see cref="MaxWritten"/> bytes.</param>
    /// <param name="written">Bytes in the destination, up to one more than were consumed.</param>
    /// <param name="consumed">Bytes of the payload that they stand for.</param>
    /// <param name="state">What <see cref="Reapply"/> needs to write the same again: the low 23 bits.</param>
    /// <returns>False for what is no VP9 payload, and for a picture from before the source's first or far behind its newest.</returns>
    public bool TryRewrite(ReadOnlySpan<byte> payload, Span<byte> destination, out int written, out int consumed, out uint state)
    {
        written = consumed = 0;
        state = 0;
        if (!Vp9Descriptor.TryParse(payload, out Vp9Descriptor descriptor))
        {
            return false;
        }

        long picture = 0;
        if (descriptor.HasPictureId && !_pictures.TryMap(Unwrap(in descriptor), out picture))
        {
            return false;
        }

        uint levelZero = descriptor.HasTemporalLevelZeroIndex ? _levelZero.Rewrite(descriptor.TemporalLevelZeroIndex) : 0;
        state = (uint)(picture & 0x7FFF) << 8 | levelZero;
        return TryWrite(in descriptor, payload, state, destination, out written, out consumed);
    }

    /// <summary>Writes the descriptor of a packet that was sent before as it was then, whatever was switched since.</summary>
    public static bool Reapply(uint state, ReadOnlySpan<byte> payload, Span<byte> destination, out int written, out int consumed)
    {
        written = consumed = 0;
        return Vp9Descriptor.TryParse(payload, out Vp9Descriptor descriptor)
            && TryWrite(in descriptor, payload, state, destination, out written, out consumed);
    }

    private long Unwrap(in Vp9Descriptor descriptor) => _pictures.Unwrap(descriptor.PictureId, descriptor.HasLongPictureId ? 15 : 7);

    private static bool TryWrite(
        in Vp9Descriptor descriptor, ReadOnlySpan<byte> payload, uint state, Span<byte> destination, out int written, out int consumed)
    {
        var writer = new SpanWriter(destination);
        writer.WriteByte(payload[0]);
        consumed = 1;
        if (descriptor.HasPictureId)
        {
            writer.WriteUInt16((ushort)(0x8000 | state >> 8 & 0x7FFF));
            consumed += descriptor.HasLongPictureId ? 2 : 1;
        }

        if (descriptor.HasTemporalLevelZeroIndex)
        {
            writer.WriteByte(payload[consumed]);
            writer.WriteByte((byte)state);
            consumed += 2;
        }

        written = writer.Overflowed ? 0 : writer.Position;
        return written > 0;
    }
}
