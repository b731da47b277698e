using V100.Sfu.Sdp;

namespace V100.Sfu.Rtp;

/// <summary>
/// Reads the layers of the packets of one source, in the order of arrival: by the dependency descriptor where there is one, else by the codec's
/// payload descriptor. Of a payload that is encrypted end to end nothing counts but the descriptors: what stands behind them is looked at for
/// the size of key frames alone, where nonsense does no harm, and to know key frames of formats whose descriptor does not tell.
/// </summary>
/// <remarks>Allocates when a stream brings a dependency structure that differs from its last, which a publisher's layers do when they change.</remarks>
public sealed class PacketLayersReader
{
    private NumberUnwrapper _pictures;
    private NumberUnwrapper _timestamps;
    private long _newestTimestamp;
    private SequenceNumber _newestSequence;
    private bool _hasPackets;
    private long _keyTimestamp = -1;
    private Structures _structure;
    private Structures _formerStructure;
    private uint _activeDecodeTargets;
    private byte _topSpatial;
    private byte _topTemporal;
    private Sizes _sizes;

    private record struct Structures(DependencyStructure? Structure, byte TemplateIdOffset, long FirstFrame);

    [System.Runtime.CompilerServices.InlineArray(PacketLayers.MaxLayer + 1)]
    private struct Sizes
    {
        private (ushort Width, ushort Height) _first;
    }

    /// <summary>The structure in force; null before the first.</summary>
    public DependencyStructure? Structure => _structure.Structure;

    /// <summary>The size of a spatial layer's frames in pixels, as last announced; false while unknown.</summary>
    public bool TryGetResolution(int spatialLayer, out int width, out int height)
    {
        (width, height) = _sizes[spatialLayer];
        return width > 0;
    }

    /// <param name="codec">Of the payload.</param>
    /// <param name="rtp">A packet of plaintext.</param>
    /// <param name="dependencyDescriptorId">The extension's id; 0 where it was not negotiated.</param>
    /// <param name="layers">What was read.</param>
    /// <returns>False for a payload that is no payload of this codec, or empty.</returns>
    public bool TryRead(CodecKind codec, in RtpReader rtp, byte dependencyDescriptorId, out PacketLayers layers)
    {
        layers = default;
        ReadOnlySpan<byte> payload = rtp.Payload;
        if (payload.IsEmpty)
        {
            return false;
        }

        long timestamp = _timestamps.Unwrap(rtp.Timestamp, 32);
        var read = new PacketLayers { Timestamp = rtp.Timestamp, Picture = timestamp, EndsFrame = rtp.Marker, EndsPicture = rtp.Marker };
        PacketLayers byDescriptor = read;
        bool described = dependencyDescriptorId != 0 && rtp.Extensions.TryGet(dependencyDescriptorId, out ReadOnlySpan<byte> value)
            && TryReadDescriptor(value, ref byDescriptor)
            && (byDescriptor.Structure is not null || codec is not (CodecKind.Vp8 or CodecKind.Vp9)); // Their own descriptors say more than that.
        read = described ? byDescriptor : read;
        bool known = codec switch
        {
            CodecKind.Vp8 => TryReadVp8(payload, described, timestamp, ref read),
            CodecKind.Vp9 => TryReadVp9(payload, described, timestamp, ref read),
            CodecKind.H264 => ReadH264(in rtp, described, timestamp, ref read),
            CodecKind.Av1 => ReadAv1(in rtp, described, timestamp, ref read),
            _ => false,
        };
        if (!known && !described)
        {
            return false;
        }

        if (read.IsKeyframe)
        {
            _keyTimestamp = timestamp;
        }

        Advance(timestamp, rtp.SequenceNumber);
        _topSpatial = Math.Max(_topSpatial, read.SpatialLayer);
        _topTemporal = Math.Max(_topTemporal, read.TemporalLayer);
        (ushort width, ushort height) = _sizes[read.SpatialLayer];
        layers = read with
        {
            IsKeyframe = timestamp == _keyTimestamp,
            TopSpatialLayer = _topSpatial,
            TopTemporalLayer = _topTemporal,
            Width = width,
            Height = height,
        };
        return true;
    }

    private void Advance(long timestamp, SequenceNumber sequence)
    {
        _newestTimestamp = Math.Max(_newestTimestamp, timestamp);
        if (!_hasPackets || sequence.IsNewerThan(_newestSequence))
        {
            _newestSequence = sequence;
        }

        _hasPackets = true;
    }

    private bool TryReadDescriptor(ReadOnlySpan<byte> value, ref PacketLayers read)
    {
        if (!DependencyDescriptor.TryParse(value, out DependencyDescriptor descriptor))
        {
            return false;
        }

        long number = _pictures.Unwrap(descriptor.FrameNumber, 16);
        read = read with { Picture = number, StartsFrame = descriptor.StartsFrame, EndsFrame = descriptor.EndsFrame };
        int structureEnd = 0;
        if (descriptor.HasStructure)
        {
            if (!DependencyStructure.TryParse(value, _structure.Structure, out DependencyStructure structure, out byte offset, out structureEnd))
            {
                return false;
            }

            Take(new Structures(structure, offset, number));
        }

        // Frames before the newest structure are of the one before it.
        ref readonly Structures templates = ref number >= _structure.FirstFrame ? ref _structure : ref _formerStructure;
        if (templates.Structure is not { } known
            || !DependencyFrame.TryRead(value, in descriptor, known, templates.TemplateIdOffset, structureEnd, out DependencyFrame frame))
        {
            // The packet with its structure is missing. It is a frame of which nothing is known but its borders.
            return true;
        }

        if (frame.ActiveDecodeTargets is uint active && templates.FirstFrame == _structure.FirstFrame)
        {
            _activeDecodeTargets = active;
        }

        read = read with
        {
            SpatialLayer = frame.SpatialLayer,
            TemporalLayer = frame.TemporalLayer,
            Structure = known,
            TemplateIdOffset = templates.TemplateIdOffset,
            Indications = frame.Indications,
            HasReferences = true,
            References = frame.References,
            ActiveDecodeTargets = _activeDecodeTargets,
            IsKeyframe = descriptor.HasStructure && descriptor.StartsFrame && frame.References.IsEmpty,
        };
        return true;
    }

    /// <summary>A structure that was late does not replace a newer one.</summary>
    private void Take(Structures taken)
    {
        if (_structure.Structure is not null && taken.FirstFrame < _structure.FirstFrame)
        {
            _formerStructure = taken;
            return;
        }

        if (taken.FirstFrame != _structure.FirstFrame)
        {
            _formerStructure = _structure;
        }

        _structure = taken;
        _topSpatial = (byte)taken.Structure!.MaxSpatialLayer;
        _topTemporal = (byte)taken.Structure.MaxTemporalLayer;
        for (int layer = 0; layer <= PacketLayers.MaxLayer; layer++)
        {
            if (taken.Structure.TryGetResolution(layer, out int width, out int height))
            {
                _sizes[layer] = ((ushort)Math.Min(width, ushort.MaxValue), (ushort)Math.Min(height, ushort.MaxValue));
            }
        }
    }

    private bool TryReadVp8(ReadOnlySpan<byte> payload, bool described, long timestamp, ref PacketLayers read)
    {
        if (!Vp8Descriptor.TryParse(payload, out Vp8Descriptor descriptor))
        {
            return false;
        }

        bool startsKeyframe = descriptor.StartsFrame && (payload[descriptor.Length] & 0x01) == 0;
        if (startsKeyframe && Vp8FrameHeader.TryReadSize(payload[descriptor.Length..], out ushort width, out ushort height))
        {
            _sizes[0] = (width, height);
        }

        read = read with { IsDiscardable = descriptor.IsDiscardable };
        if (described)
        {
            return true;
        }

        read = read with
        {
            Picture = descriptor.HasPictureId ? _pictures.Unwrap(descriptor.PictureId, descriptor.HasLongPictureId ? 15 : 7) : timestamp,
            StartsFrame = descriptor.StartsFrame,
            TemporalLayer = descriptor.HasTemporalLayer ? descriptor.TemporalLayer : (byte)0,
            IsTemporalSwitchingPoint = descriptor.IsLayerSync,
            IsKeyframe = startsKeyframe,
        };
        return true;
    }

    private bool TryReadVp9(ReadOnlySpan<byte> payload, bool described, long timestamp, ref PacketLayers read)
    {
        if (!Vp9Descriptor.TryParse(payload, out Vp9Descriptor descriptor))
        {
            return false;
        }

        if (descriptor.TryGetStructure(payload, out Vp9ScalabilityStructure structure))
        {
            TakeVp9Structure(in structure, described);
        }

        read = read with { IsNotUpperReference = descriptor.IsNotUpperReference };
        if (described)
        {
            return true;
        }

        read = read with
        {
            Picture = descriptor.HasPictureId ? _pictures.Unwrap(descriptor.PictureId, descriptor.HasLongPictureId ? 15 : 7) : timestamp,
            StartsFrame = descriptor.StartsFrame,
            EndsFrame = descriptor.EndsFrame,
            SpatialLayer = descriptor.SpatialLayer,
            TemporalLayer = descriptor.TemporalLayer,
            IsTemporalSwitchingPoint = descriptor.IsSwitchingUpPoint,
            OpensTemporalLayers = descriptor.IsSwitchingUpPoint,
            IsSpatialSwitchingPoint = !descriptor.IsInterPicturePredicted,

            // RFC 9628, 4.2: only the flexible mode lists what a frame refers to; predicted from nothing is a list as well.
            HasReferences = descriptor.HasPictureId && (descriptor.IsFlexible || !descriptor.IsInterPicturePredicted),
            References = descriptor.References,
            IsKeyframe = descriptor.StartsKeyframe,
        };
        return true;
    }

    private void TakeVp9Structure(in Vp9ScalabilityStructure structure, bool described)
    {
        if (!described)
        {
            _topSpatial = (byte)(structure.SpatialLayerCount - 1);
        }

        for (int layer = 0; layer < structure.SpatialLayerCount; layer++)
        {
            if (structure.TryGetResolution(layer, out int width, out int height))
            {
                _sizes[layer] = ((ushort)width, (ushort)height);
            }
        }
    }

    private bool ReadH264(in RtpReader rtp, bool described, long timestamp, ref PacketLayers read)
    {
        ReadOnlySpan<byte> payload = rtp.Payload;
        bool hasParameters = H264.TryFindParameters(payload, out ReadOnlySpan<byte> parameters);
        if (hasParameters && H264SequenceParameters.TryReadSize(parameters, out ushort width, out ushort height))
        {
            _sizes[0] = (width, height);
        }

        if (!described)
        {
            bool startsFrame = hasParameters || IsFirstOfTimestamp(in rtp, timestamp);
            read = read with { StartsFrame = startsFrame, IsKeyframe = startsFrame && H264.IsKeyframeStart(payload) };
        }

        return true;
    }

    private bool ReadAv1(in RtpReader rtp, bool described, long timestamp, ref PacketLayers read)
    {
        if (!described)
        {
            bool startsFrame = IsFirstOfTimestamp(in rtp, timestamp);
            bool startsKeyframe = Av1AggregationHeader.IsKeyframeStart(rtp.Payload);
            read = read with { StartsFrame = startsFrame || startsKeyframe, IsKeyframe = startsKeyframe };
        }

        return true;
    }

    /// <summary>The packet behind the last one of another timestamp; one behind a gap may be any of its frame's.</summary>
    private bool IsFirstOfTimestamp(in RtpReader rtp, long timestamp) =>
        !_hasPackets || timestamp > _newestTimestamp && rtp.SequenceNumber == _newestSequence.Next;
}
