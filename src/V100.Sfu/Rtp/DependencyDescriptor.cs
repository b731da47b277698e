using System.Buffers.Binary;

namespace V100.Sfu.Rtp;

/// <summary>
/// The dependency descriptor header extension (RTP Payload Format For AV1, A.8): its mandatory fields, and which of the others follow.
/// What those say is read with the structure that they refer to: <see cref="DependencyStructure"/>, <see cref="DependencyFrame"/>.
/// </summary>
public readonly record struct DependencyDescriptor
{
    /// <summary>Bytes of the mandatory fields.</summary>
    public const int MandatoryLength = 3;

    /// <summary>The bit behind the five flags of the extended fields, where a structure begins.</summary>
    internal const int FlagsEnd = 29;

    public bool StartsFrame { get; private init; }
    public bool EndsFrame { get; private init; }

    /// <summary>0 to 63; the offset of the structure taken off, modulo 64, it is an index into its templates.</summary>
    public byte TemplateId { get; private init; }

    public ushort FrameNumber { get; private init; }

    public bool HasStructure { get; private init; }
    public bool HasActiveDecodeTargets { get; private init; }
    public bool HasCustomDecodeTargets { get; private init; }
    public bool HasCustomFrameDifferences { get; private init; }
    public bool HasCustomChains { get; private init; }

    public static bool TryParse(ReadOnlySpan<byte> value, out DependencyDescriptor descriptor)
    {
        descriptor = default;
        if (value.Length < MandatoryLength)
        {
            return false;
        }

        // A.8.2: extended fields follow when there is more than the three mandatory bytes.
        byte extended = value.Length > MandatoryLength ? value[3] : (byte)0;
        descriptor = new DependencyDescriptor
        {
            StartsFrame = (value[0] & 0x80) != 0,
            EndsFrame = (value[0] & 0x40) != 0,
            TemplateId = (byte)(value[0] & 0x3F),
            FrameNumber = BinaryPrimitives.ReadUInt16BigEndian(value[1..]),
            HasStructure = (extended & 0x80) != 0,
            HasActiveDecodeTargets = (extended & 0x40) != 0,
            HasCustomDecodeTargets = (extended & 0x20) != 0,
            HasCustomFrameDifferences = (extended & 0x10) != 0,
            HasCustomChains = (extended & 0x08) != 0,
        };
        return true;
    }
}
