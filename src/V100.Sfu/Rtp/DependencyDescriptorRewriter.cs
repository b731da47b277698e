using System.Buffers.Binary;

namespace V100.Sfu.Rtp;

/// <summary>
/// Rewrites the dependency descriptor (RTP Payload Format For AV1, A.8) for one subscriber: frame numbers go on from source to source, the
/// active decode targets are those that the subscriber gets, the template ids of a source never mean those of the one before, and the first
/// packet of a source has the structure, also where the subscriber joins behind the packet that brought it.
/// </summary>
/// <remarks>
/// Call <see cref="SwitchTo"/> before the first packet of each source, then <see cref="TryRewrite"/> for each that is sent.
/// Within a source frame numbers keep their distances, also across frames that are left out: what a frame refers to is said by them.
/// Frames of a source from before its first are refused. Allocates nothing.
/// </remarks>
public sealed class DependencyDescriptorRewriter
{
    // A retransmission finds the mask and the templates of its time here, among the last that there were.
    private const int EpochCount = 64;
    private readonly Epoch[] _epochs = new Epoch[EpochCount];
    private NumberUnwrapper _frames;
    private long _first;
    private long _offset;
    private long _newestOutput = -1;
    private byte _epoch;
    private bool _awaitsFirst = true;

    /// <summary>What holds for the packets between two changes of layers, structure or source.</summary>
    private struct Epoch
    {
        public DependencyStructure? Structure;
        public uint ActiveDecodeTargets;

        /// <summary>
        /// Packets say which are active. Once some are not, all of the source's packets do, so that none that is lost can be the one that
        /// mattered; until then nothing needs saying.
        /// </summary>
        public bool HasMask;

        /// <summary>Of the source's template ids, and what is added to them.</summary>
        public byte TemplateIdOffset;
        public byte TemplateIdShift;
        public byte Number;
    }

    /// <summary>The longest value that is written for a source value of this length.</summary>
    public static int GetMaxLength(int sourceLength) => Math.Min(sourceLength + 5 + 255, 255);

    /// <summary>Begins a source: the frame of the packet that is rewritten next follows the newest that was written.</summary>
    public void SwitchTo() => _awaitsFirst = true;

    /// <summary>Writes a packet's descriptor as the subscriber is to see it.</summary>
    /// <param name="value">The extension's value in the source packet.</param>
    /// <param name="layers">What was read of the packet.</param>
    /// <param name="maxSpatial">The highest spatial layer that the subscriber gets.</param>
    /// <param name="maxTemporal">The highest temporal layer that the subscriber gets.</param>
    /// <param name="destination">255 bytes are enough for any value.</param>
    /// <param name="written">The length of the value.</param>
    /// <param name="state">What <see cref="Reapply"/> needs to write the same again: the low 25 bits.</param>
    public bool TryRewrite(
        ReadOnlySpan<byte> value, in PacketLayers layers, int maxSpatial, int maxTemporal, Span<byte> destination, out int written, out uint state)
    {
        written = 0;
        state = 0;
        if (!DependencyDescriptor.TryParse(value, out DependencyDescriptor descriptor))
        {
            return false;
        }

        bool isFirst = _awaitsFirst;
        if (isFirst)
        {
            BeginSource(in descriptor);
        }

        long frame = _frames.Unwrap(descriptor.FrameNumber, 16);
        if (frame < _first)
        {
            return false;
        }

        if (layers.Structure is { } structure)
        {
            Follow(structure, layers.TemplateIdOffset, structure.ActiveDecodeTargetsWithin(maxSpatial, maxTemporal) & layers.ActiveDecodeTargets, isFirst);
        }

        long output = frame - _offset;
        _newestOutput = Math.Max(_newestOutput, output);
        bool addsStructure = isFirst && !descriptor.HasStructure && layers.Structure is not null;
        ref readonly Epoch epoch = ref _epochs[_epoch & (EpochCount - 1)];

        // Of a packet whose structure is missing nothing is known that could be changed but its numbers.
        bool known = layers.Structure is not null;
        state = (uint)(ushort)output << 9 | (uint)_epoch << 1 | (addsStructure ? 1u : 0);
        return TryWrite(value, in descriptor, in epoch, (ushort)output, known, addsStructure, destination, out written);
    }

    /// <summary>Writes the descriptor of a packet that was sent before as it was then, whatever was switched since.</summary>
    public bool Reapply(uint state, ReadOnlySpan<byte> value, in PacketLayers layers, Span<byte> destination, out int written)
    {
        written = 0;
        byte number = (byte)(state >> 1);
        ref readonly Epoch epoch = ref _epochs[number & (EpochCount - 1)];
        bool known = layers.Structure is not null && epoch.Number == number;
        return DependencyDescriptor.TryParse(value, out DependencyDescriptor descriptor)
            && TryWrite(value, in descriptor, in epoch, (ushort)(state >> 9), known, known && (state & 1) != 0, destination, out written);
    }

    private void BeginSource(in DependencyDescriptor descriptor)
    {
        _awaitsFirst = false;
        _frames = default;
        _first = _frames.Unwrap(descriptor.FrameNumber, 16);
        _offset = _newestOutput < 0 ? 0 : _first - (_newestOutput + 1);
    }

    private void Follow(DependencyStructure structure, byte templateIdOffset, uint active, bool isFirst)
    {
        ref Epoch current = ref _epochs[_epoch & (EpochCount - 1)];
        if (current.Structure == structure && current.TemplateIdOffset == templateIdOffset && current.ActiveDecodeTargets == active && !isFirst)
        {
            return;
        }

        // Within a source the encoder itself keeps the ids of two structures apart; from source to source this does.
        byte shift = !isFirst ? current.TemplateIdShift
            : current.Structure is null ? (byte)0
            : (byte)(current.TemplateIdOffset + current.TemplateIdShift + current.Structure.TemplateCount - templateIdOffset & 0x3F);
        bool hadMask = current.HasMask;
        _epoch++;
        _epochs[_epoch & (EpochCount - 1)] = new Epoch
        {
            Structure = structure,
            TemplateIdOffset = templateIdOffset,
            TemplateIdShift = shift,
            ActiveDecodeTargets = active,
            HasMask = !isFirst && hadMask || active != structure.AllDecodeTargets,
            Number = _epoch,
        };
    }

    private static bool TryWrite(
        ReadOnlySpan<byte> value, in DependencyDescriptor descriptor, in Epoch epoch, ushort frameNumber, bool known, bool addsStructure,
        Span<byte> destination, out int written)
    {
        written = 0;
        if (destination.Length < value.Length)
        {
            return false;
        }

        byte templateId = (byte)(descriptor.TemplateId + epoch.TemplateIdShift & 0x3F);
        if (!known || !TryWriteTargets(value, in descriptor, in epoch, addsStructure, destination, out written))
        {
            value.CopyTo(destination);
            written = value.Length;
            if (descriptor.HasStructure)
            {
                templateId = descriptor.TemplateId;
            }
        }

        destination[0] = (byte)(value[0] & 0xC0 | templateId);
        BinaryPrimitives.WriteUInt16BigEndian(destination[1..], frameNumber);
        return true;
    }

    /// <summary>Everything behind the mandatory fields; false when it would be longer than an extension can be.</summary>
    private static bool TryWriteTargets(
        ReadOnlySpan<byte> value, in DependencyDescriptor descriptor, in Epoch epoch, bool addsStructure, Span<byte> destination, out int written)
    {
        DependencyStructure structure = epoch.Structure!;
        bool hasStructure = descriptor.HasStructure || addsStructure;

        bool hasMask = epoch.HasMask || descriptor.HasActiveDecodeTargets;
        var writer = new BitWriter(destination);
        writer.Write(0, 8 * DependencyDescriptor.MandatoryLength);
        bool isExtended = value.Length > DependencyDescriptor.MandatoryLength;
        written = DependencyDescriptor.MandatoryLength;
        if (!isExtended && !hasStructure && !hasMask)
        {
            return true;
        }

        writer.Write((hasStructure ? 2u : 0) | (hasMask ? 1u : 0), 2);
        writer.Write(isExtended ? (uint)value[3] >> 3 & 7 : 0, 3);
        int source = DependencyDescriptor.FlagsEnd;
        if (hasStructure)
        {
            structure.Write(ref writer, (byte)(epoch.TemplateIdOffset + epoch.TemplateIdShift & 0x3F));
            source += descriptor.HasStructure ? structure.WrittenBits : 0;
        }

        if (hasMask)
        {
            writer.Write(epoch.ActiveDecodeTargets, structure.DecodeTargetCount);
            source += descriptor.HasActiveDecodeTargets ? structure.DecodeTargetCount : 0;
        }

        // The frame's own fields, if any, and the padding of the last byte.
        if (descriptor.HasCustomDecodeTargets || descriptor.HasCustomFrameDifferences || descriptor.HasCustomChains)
        {
            writer.Copy(value, source, Math.Max(8 * value.Length - source, 0));
        }

        written = writer.Length;
        return !writer.Overflowed && written <= byte.MaxValue;
    }
}
