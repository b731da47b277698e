using System.Diagnostics;

namespace V100.Sfu.Rtp;

/// <summary>
/// The template dependency structure (RTP Payload Format For AV1, A.8.3): which layers a stream has, what its frames refer to, and what may
/// be left out for whom. It comes with a key frame and holds until the next one that brings another.
/// </summary>
/// <remarks>
/// Immutable, so that every shard may read it. The offset of its template ids, which encoders move with every key frame, is not part of it:
/// a stream whose layers stay the same keeps one object for its life, and its key frames allocate nothing.
/// A structure is bounded by what the format can say and by the 255 bytes of an extension.
/// </remarks>
public sealed class DependencyStructure
{
    public const int MaxTemplates = 64;
    public const int MaxDecodeTargets = 32;
    private const int OffsetBits = 6;

    // The structure's own bits without its first field, and what they mean.
    private readonly byte[] _bits;
    private readonly int _bitCount;
    private readonly byte[] _spatial;
    private readonly byte[] _temporal;
    private readonly ulong[] _indications;
    private readonly FrameReferences[] _references;
    private readonly byte[] _chainDistances;
    private readonly byte[] _protectedBy;
    private readonly byte[] _targetSpatial;
    private readonly byte[] _targetTemporal;
    private readonly ushort[] _sizes;

    private DependencyStructure(in Reading reading, ReadOnlySpan<byte> value, int start, int end)
    {
        _bitCount = end - start;
        _bits = new byte[_bitCount + 7 >> 3];
        var writer = new BitWriter(_bits);
        writer.Copy(value, start, _bitCount);
        TemplateCount = reading.TemplateCount;
        DecodeTargetCount = reading.DecodeTargetCount;
        ChainCount = reading.ChainCount;
        _spatial = reading.Spatial[..TemplateCount].ToArray();
        _temporal = reading.Temporal[..TemplateCount].ToArray();
        _indications = reading.Indications[..TemplateCount].ToArray();
        _references = reading.References[..TemplateCount].ToArray();
        _chainDistances = reading.ChainDistances[..(TemplateCount * ChainCount)].ToArray();
        _protectedBy = ChainCount == 0 ? [] : reading.ProtectedBy[..DecodeTargetCount].ToArray();
        _sizes = reading.HasResolutions ? reading.Sizes[..(2 * (_spatial[^1] + 1))].ToArray() : [];
        _targetSpatial = new byte[DecodeTargetCount];
        _targetTemporal = new byte[DecodeTargetCount];
        for (int target = 0; target < DecodeTargetCount; target++)
        {
            FindLayers(target);
        }
    }

    public int TemplateCount { get; }
    public int DecodeTargetCount { get; }

    /// <summary>0 where nothing protects the decode targets.</summary>
    public int ChainCount { get; }

    public int MaxSpatialLayer => _spatial[^1];
    public int MaxTemporalLayer { get; private set; }
    public bool HasResolutions => _sizes.Length > 0;

    /// <summary>One bit for each decode target, the lowest for the first.</summary>
    public uint AllDecodeTargets => uint.MaxValue >> (MaxDecodeTargets - DecodeTargetCount);

    public int SpatialLayerOf(int template) => _spatial[template];
    public int TemporalLayerOf(int template) => _temporal[template];

    /// <summary>Two bits for each decode target, the lowest for the first.</summary>
    public ulong IndicationsOf(int template) => _indications[template];

    public FrameReferences ReferencesOf(int template) => _references[template];

    /// <summary>How many frames back the chain's previous frame is; 0 where the chain begins.</summary>
    public int ChainDistanceOf(int template, int chain) => _chainDistances[template * ChainCount + chain];

    /// <summary>The chain whose frames a decode target needs all of; -1 without chains.</summary>
    public int ChainOf(int decodeTarget) => ChainCount == 0 ? -1 : _protectedBy[decodeTarget];

    /// <summary>The highest spatial layer with a frame in the decode target (A.8.3, decode_target_layers).</summary>
    public int SpatialLayerOfTarget(int decodeTarget) => _targetSpatial[decodeTarget];

    public int TemporalLayerOfTarget(int decodeTarget) => _targetTemporal[decodeTarget];

    /// <summary>The render resolution of a spatial layer; false where the structure has none.</summary>
    public bool TryGetResolution(int spatialLayer, out int width, out int height)
    {
        bool known = 2 * spatialLayer + 1 < _sizes.Length;
        width = known ? _sizes[2 * spatialLayer] + 1 : 0;
        height = known ? _sizes[2 * spatialLayer + 1] + 1 : 0;
        return known;
    }

    /// <summary>The highest decode target within both layers, spatial before temporal; -1 when even the lowest is above them.</summary>
    /// <param name="maxSpatial">The highest spatial layer.</param>
    /// <param name="maxTemporal">The highest temporal layer.</param>
    /// <param name="among">One bit for each decode target that counts.</param>
    public int FindDecodeTarget(int maxSpatial, int maxTemporal, uint among = uint.MaxValue)
    {
        int found = -1;
        for (int target = 0; target < DecodeTargetCount; target++)
        {
            bool within = (among >> target & 1) != 0 && _targetSpatial[target] <= maxSpatial && _targetTemporal[target] <= maxTemporal;
            if (within && (found < 0 || RankOf(target) > RankOf(found)))
            {
                found = target;
            }
        }

        return found;
    }

    /// <summary>The active decode targets' mask for one who gets no layers above these.</summary>
    public uint ActiveDecodeTargetsWithin(int maxSpatial, int maxTemporal)
    {
        uint mask = 0;
        for (int target = 0; target < DecodeTargetCount; target++)
        {
            bool within = _targetSpatial[target] <= maxSpatial && _targetTemporal[target] <= maxTemporal;
            mask |= within ? 1u << target : 0;
        }

        return mask;
    }

    /// <summary>Reads the structure of a descriptor that has one.</summary>
    /// <param name="value">The whole extension value.</param>
    /// <param name="known">The structure so far, which is returned again when it says the same.</param>
    /// <param name="structure">What was read.</param>
    /// <param name="templateIdOffset">The template id of its first template.</param>
    /// <param name="end">The bit behind it.</param>
    public static bool TryParse(
        ReadOnlySpan<byte> value, DependencyStructure? known, out DependencyStructure structure, out byte templateIdOffset, out int end)
    {
        const int start = DependencyDescriptor.FlagsEnd + OffsetBits;
        scoped var reader = new BitReader(value, DependencyDescriptor.FlagsEnd);
        templateIdOffset = (byte)reader.Read(OffsetBits);
        if (known is not null && known.IsAt(value, start))
        {
            structure = known;
            end = start + known._bitCount;
            return true;
        }

        structure = null!;
        var reading = new Reading(
            stackalloc byte[2 * MaxTemplates + MaxDecodeTargets + MaxTemplates * MaxDecodeTargets], stackalloc ulong[MaxTemplates],
            stackalloc FrameReferences[MaxTemplates], stackalloc ushort[2 * MaxTemplates]);
        bool valid = reading.TryRead(ref reader);
        end = reader.Position;
        if (valid)
        {
            structure = new DependencyStructure(in reading, value, start, end);
        }

        return valid;
    }

    /// <summary>How many bits <see cref="Write"/> takes.</summary>
    internal int WrittenBits => OffsetBits + _bitCount;

    internal void Write(ref BitWriter writer, byte templateIdOffset)
    {
        writer.Write(templateIdOffset, OffsetBits);
        writer.Copy(_bits, 0, _bitCount);
    }

    // Equal bits parse to an equal structure: the format says by itself where it ends.
    private bool IsAt(ReadOnlySpan<byte> value, int position)
    {
        if (8 * value.Length - position < _bitCount)
        {
            return false;
        }

        var theirs = new BitReader(value, position);
        var ours = new BitReader(_bits);
        for (int rest = _bitCount; rest > 0; rest -= 32)
        {
            int taken = Math.Min(rest, 32);
            if (theirs.Read(taken) != ours.Read(taken))
            {
                return false;
            }
        }

        return true;
    }

    private int RankOf(int target) => _targetSpatial[target] << 8 | _targetTemporal[target];

    private void FindLayers(int target)
    {
        for (int template = 0; template < TemplateCount; template++)
        {
            MaxTemporalLayer = Math.Max(MaxTemporalLayer, _temporal[template]);
            if ((_indications[template] >> (2 * target) & 3) != 0)
            {
                _targetSpatial[target] = Math.Max(_targetSpatial[target], _spatial[template]);
                _targetTemporal[target] = Math.Max(_targetTemporal[target], _temporal[template]);
            }
        }
    }

    /// <summary>One reading of a structure, on the stack until it is known to be whole.</summary>
    private ref struct Reading(Span<byte> bytes, Span<ulong> indications, Span<FrameReferences> references, Span<ushort> sizes)
    {
        public readonly Span<byte> Spatial = bytes[..MaxTemplates];
        public readonly Span<byte> Temporal = bytes.Slice(MaxTemplates, MaxTemplates);
        public readonly Span<byte> ProtectedBy = bytes.Slice(2 * MaxTemplates, MaxDecodeTargets);
        public readonly Span<byte> ChainDistances = bytes[(2 * MaxTemplates + MaxDecodeTargets)..];
        public readonly Span<ulong> Indications = indications;
        public readonly Span<FrameReferences> References = references;
        public readonly Span<ushort> Sizes = sizes;
        public int TemplateCount;
        public int DecodeTargetCount;
        public int ChainCount;
        public bool HasResolutions;

        public bool TryRead(ref BitReader reader)
        {
            DecodeTargetCount = (int)reader.Read(5) + 1;
            if (!TryReadLayers(ref reader))
            {
                return false;
            }

            for (int template = 0; template < TemplateCount; template++)
            {
                Indications[template] = DependencyFrame.ReadIndications(ref reader, DecodeTargetCount);
            }

            for (int template = 0; template < TemplateCount; template++)
            {
                References[template] = FrameReferences.ReadTemplate(ref reader);
            }

            ReadChains(ref reader);
            HasResolutions = reader.ReadFlag();
            for (int layer = 0; HasResolutions && layer <= Spatial[TemplateCount - 1]; layer++)
            {
                Sizes[2 * layer] = (ushort)reader.Read(16);
                Sizes[2 * layer + 1] = (ushort)reader.Read(16);
            }

            return !reader.Overflowed;
        }

        private bool TryReadLayers(ref BitReader reader)
        {
            byte spatial = 0;
            byte temporal = 0;
            while (TemplateCount < MaxTemplates)
            {
                Spatial[TemplateCount] = spatial;
                Temporal[TemplateCount++] = temporal;

                // A.8.3, next_layer_idc: the same layer again, the next temporal one, the next spatial one, or the end.
                switch (reader.Read(2))
                {
                    case 1:
                        temporal++;
                        break;
                    case 2:
                        temporal = 0;
                        spatial++;
                        break;
                    case 3:
                        return !reader.Overflowed;
                }

                if (spatial > PacketLayers.MaxLayer || temporal > PacketLayers.MaxLayer)
                {
                    return false;
                }
            }

            return false;
        }

        private void ReadChains(ref BitReader reader)
        {
            ChainCount = (int)reader.ReadBelow((uint)DecodeTargetCount + 1);
            Debug.Assert(ChainCount <= MaxDecodeTargets);
            if (ChainCount == 0)
            {
                return;
            }

            for (int target = 0; target < DecodeTargetCount; target++)
            {
                ProtectedBy[target] = (byte)reader.ReadBelow((uint)ChainCount);
            }

            for (int entry = 0; entry < TemplateCount * ChainCount; entry++)
            {
                ChainDistances[entry] = (byte)reader.Read(4);
            }
        }
    }
}
