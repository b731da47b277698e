using System.Buffers.Binary;

namespace V100.Sfu.Rtp;

/// <summary>
/// The dependency descriptor header extension (RTP Payload Format For AV1, A.8): its mandatory fields, and whether it brings a
/// template structure, which comes with every key frame.
/// </summary>
public readonly record struct DependencyDescriptor
{
    public bool StartsFrame { get; private init; }
    public bool EndsFrame { get; private init; }

    /// <summary>0 to 63, an index into the templates of the last structure.</summary>
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
        if (value.Length < 3)
        {
            return false;
        }

        // A.8.2: extended fields follow when there is more than the three mandatory bytes.
        byte extended = value.Length > 3 ? value[3] : (byte)0;
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
