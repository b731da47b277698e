namespace V100.Sfu.Rtp;

/// <summary>What a dependency descriptor says of its frame, once the templates are known (RTP Payload Format For AV1, A.8.4).</summary>
public readonly record struct DependencyFrame
{
    public byte SpatialLayer { get; private init; }
    public byte TemporalLayer { get; private init; }

    /// <summary>Two bits for each decode target: a <see cref="DecodeTargetIndication"/>.</summary>
    public ulong Indications { get; private init; }

    public FrameReferences References { get; private init; }

    /// <summary>The mask that the packet carries; null when the last one goes on.</summary>
    public uint? ActiveDecodeTargets { get; private init; }

    public DecodeTargetIndication IndicationOf(int decodeTarget) => (DecodeTargetIndication)(Indications >> (2 * decodeTarget) & 3);

    /// <summary>Reads the fields behind the structure, which may be the packet's own or one that came before.</summary>
    /// <param name="value">The whole extension value.</param>
    /// <param name="descriptor">Its mandatory fields.</param>
    /// <param name="structure">The templates.</param>
    /// <param name="templateIdOffset">The template id of the first.</param>
    /// <param name="structureEnd">The bit behind the packet's own structure; 0 when it brings none.</param>
    /// <param name="frame">What was read.</param>
    /// <param name="chainDistances">
    /// Gets one byte for each chain, how many frames back its previous frame is; may be empty for one who does not follow chains.
    /// </param>
    /// <returns>False for a template that the structure does not have, and when bytes are missing.</returns>
    public static bool TryRead(
        ReadOnlySpan<byte> value, in DependencyDescriptor descriptor, DependencyStructure structure, byte templateIdOffset, int structureEnd,
        out DependencyFrame frame, Span<byte> chainDistances = default)
    {
        frame = default;
        int template = descriptor.TemplateId - templateIdOffset & 0x3F;
        if (template >= structure.TemplateCount)
        {
            return false;
        }

        var reader = new BitReader(value, structureEnd == 0 ? DependencyDescriptor.FlagsEnd : structureEnd);
        uint? active = descriptor.HasActiveDecodeTargets ? ReadMask(ref reader, structure.DecodeTargetCount)
            : descriptor.HasStructure ? structure.AllDecodeTargets
            : null;
        frame = new DependencyFrame
        {
            SpatialLayer = (byte)structure.SpatialLayerOf(template),
            TemporalLayer = (byte)structure.TemporalLayerOf(template),
            ActiveDecodeTargets = active,
            Indications = descriptor.HasCustomDecodeTargets
                ? ReadIndications(ref reader, structure.DecodeTargetCount)
                : structure.IndicationsOf(template),
            References = descriptor.HasCustomFrameDifferences
                ? FrameReferences.ReadCustom(ref reader)
                : structure.ReferencesOf(template),
        };
        for (int chain = 0; chain < structure.ChainCount; chain++)
        {
            int distance = descriptor.HasCustomChains ? (int)reader.Read(8) : structure.ChainDistanceOf(template, chain);
            if (chain < chainDistances.Length)
            {
                chainDistances[chain] = (byte)distance;
            }
        }

        return !reader.Overflowed;
    }

    internal static ulong ReadIndications(ref BitReader reader, int decodeTargets)
    {
        ulong indications = 0;
        for (int target = 0; target < decodeTargets; target++)
        {
            indications |= (ulong)reader.Read(2) << (2 * target);
        }

        return indications;
    }

    // The most significant bit is the last decode target's.
    private static uint ReadMask(ref BitReader reader, int decodeTargets) => reader.Read(decodeTargets);
}
