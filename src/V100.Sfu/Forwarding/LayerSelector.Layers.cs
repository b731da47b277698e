using V100.Sfu.Rtp;

namespace V100.Sfu.Forwarding;

/// <summary>Which layers of the encoding that is sent go on.</summary>
public sealed partial class LayerSelector
{
    /// <summary>Frames whose fate is remembered: their late packets share it, and others may refer to them.</summary>
    private const int FrameCount = 256;

    private readonly Frame[] _frames = new Frame[FrameCount];
    private long _newestPicture;
    private bool _hasPicture;

    // The target in the encoding that is sent.
    private int _maxSpatial;
    private int _maxTemporal;

    // Without a dependency structure: the layers that are sent, and the pictures since which they are.
    private int _spatial;
    private int _temporal;
    private LayerPictures _spatialSince;
    private LayerPictures _temporalSince;
    private bool _isTemporalOpen;
    private int _topSpatial;

    // With one: the decode target that is sent.
    private DependencyStructure? _structure;
    private int _decodeTarget;
    private bool _isLoweringBlocked;

    private struct Frame
    {
        public long Picture;

        // One bit for each spatial layer, where they share the picture's number.
        public byte Decided;
        public byte Forwarded;

        /// <summary>The highest spatial layer that is sent of the picture.</summary>
        public byte TopSpatial;
    }

    [System.Runtime.CompilerServices.InlineArray(PacketLayers.MaxLayer + 1)]
    private struct LayerPictures
    {
        private long _first;
    }

    private int CurrentSpatial => _structure is null ? _spatial : _structure.SpatialLayerOfTarget(_decodeTarget);
    private int CurrentTemporal => _structure is null ? _temporal : _structure.TemporalLayerOfTarget(_decodeTarget);

    /// <summary>A spatial layer that the stream has is wanted, and without a key frame it cannot be taken up, or left for one below.</summary>
    private bool AwaitsKeyframe { get; set; }

    private void StartLayers()
    {
        _frames.AsSpan().Clear();
        _structure = null;
        _spatial = _maxSpatial;
        _temporal = _maxTemporal;
        _spatialSince = default;
        _temporalSince = default;
        _isTemporalOpen = false;
        _isLoweringBlocked = false;
        AwaitsKeyframe = false;
    }

    private LayerDecision DecideWithin(in PacketLayers layers)
    {
        bool startsPicture = !_hasPicture || (int)(layers.Timestamp - _timestamp) > 0;
        bool isNewest = !_hasPicture || layers.Picture >= _newestPicture;
        if (startsPicture)
        {
            _timestamp = layers.Timestamp;
            _isOpen = false;
        }

        if (isNewest)
        {
            _newestPicture = layers.Picture;
            _hasPicture = true;
        }

        int bit = 1 << layers.SpatialLayer;
        ref Frame frame = ref _frames[SlotOf(layers.Picture)];
        if (frame.Picture != layers.Picture)
        {
            frame = new Frame { Picture = layers.Picture };
        }

        if ((frame.Decided & bit) == 0)
        {
            bool forwards = IsForwarded(in layers, isNewest, startsPicture);
            frame.Decided |= (byte)bit;
            frame.Forwarded |= (byte)(forwards ? bit : 0);
            frame.TopSpatial = (byte)CurrentSpatial;
        }

        if ((frame.Forwarded & bit) == 0)
        {
            return new LayerDecision(LayerAction.Drop);
        }

        // RFC 9628, 4.1: the marker is on the last packet of a picture; its higher layers do not exist for this subscriber.
        bool marker = layers.EndsPicture || layers.EndsFrame && layers.SpatialLayer == frame.TopSpatial;
        if (layers.Timestamp == _timestamp)
        {
            _isOpen = !marker && (startsPicture || _isOpen);
        }

        return new LayerDecision(LayerAction.Forward, marker);
    }

    /// <summary>Decides on a frame by its first packet that comes; the others follow it.</summary>
    private bool IsForwarded(in PacketLayers layers, bool isNewest, bool startsPicture)
    {
        _topSpatial = Math.Max(layers.TopSpatialLayer, layers.SpatialLayer);
        if (isNewest && _target.Encoding == _encoding)
        {
            _maxSpatial = _target.Spatial;
            _maxTemporal = _target.Temporal;
        }

        if (layers.Structure is { } structure)
        {
            return IsForwardedByStructure(structure, in layers, isNewest, startsPicture);
        }

        // Where the structure is still missing that a packet needs, the frame may be one that all later ones need.
        return _structure is not null || IsForwardedByLayer(in layers, isNewest, startsPicture);
    }

    private bool IsForwardedByLayer(in PacketLayers layers, bool isNewest, bool startsPicture)
    {
        int spatial = layers.SpatialLayer;
        int temporal = layers.TemporalLayer;
        if (!isNewest)
        {
            // Late: the layers of now count, but not for what came before they did.
            return spatial <= _spatial && temporal <= _temporal
                && layers.Picture >= _spatialSince[spatial] && layers.Picture >= _temporalSince[temporal];
        }

        if (startsPicture)
        {
            _spatial = Math.Min(_spatial, _maxSpatial);
            _temporal = Math.Min(_temporal, _maxTemporal);
        }

        if (layers.IsKeyframe && spatial == 0)
        {
            RaiseSpatial(_maxSpatial, layers.Picture);
            RaiseTemporal(_maxTemporal, layers.Picture);
        }

        if (temporal > _temporal && temporal <= _maxTemporal && MayRaiseTemporal(in layers))
        {
            RaiseTemporal(temporal, layers.Picture);
        }

        if (spatial > _spatial && spatial <= _maxSpatial && layers.IsSpatialSwitchingPoint && layers.StartsFrame)
        {
            RaiseSpatial(spatial, layers.Picture);
        }

        AwaitsKeyframe = Math.Min(_maxSpatial, _topSpatial) > _spatial;
        _isTemporalOpen = temporal <= _temporal && (_isTemporalOpen || layers.OpensTemporalLayers);
        return spatial <= _spatial && temporal <= _temporal;
    }

    private bool MayRaiseTemporal(in PacketLayers layers)
    {
        if (layers.HasReferences && !AreReferencesForwarded(in layers, 1 << layers.SpatialLayer))
        {
            return false;
        }

        // One layer at a time, where the frame is only said to need the layers below it: one of those might need what was not sent.
        return _isTemporalOpen || layers.IsTemporalSwitchingPoint && (layers.HasReferences || layers.TemporalLayer == _temporal + 1);
    }

    private void RaiseSpatial(int layer, long picture)
    {
        for (int raised = _spatial + 1; raised <= layer; raised++)
        {
            _spatialSince[raised] = picture;
        }

        _spatial = layer;
    }

    private void RaiseTemporal(int layer, long picture)
    {
        for (int raised = _temporal + 1; raised <= layer; raised++)
        {
            _temporalSince[raised] = picture;
        }

        _temporal = layer;
    }

    private bool IsForwardedByStructure(DependencyStructure structure, in PacketLayers layers, bool isNewest, bool startsPicture)
    {
        int wanted = structure.FindDecodeTarget(_maxSpatial, _maxTemporal, layers.ActiveDecodeTargets);
        wanted = wanted < 0 ? structure.FindDecodeTarget(_maxSpatial, _maxTemporal) : wanted;
        wanted = Math.Max(wanted, 0);
        if (!isNewest)
        {
            int then = structure == _structure ? _decodeTarget : wanted;
            return layers.IndicationOf(then) != DecodeTargetIndication.NotPresent && !HasDroppedReference(in layers);
        }

        if (structure != _structure)
        {
            // It came with a key frame, which every decode target begins with.
            _structure = structure;
            _decodeTarget = wanted;
        }

        if (_decodeTarget != wanted)
        {
            LowerDecodeTarget(structure, in layers, wanted, startsPicture);
            RaiseDecodeTarget(structure, in layers, wanted);
        }

        int spatial = structure.SpatialLayerOfTarget(_decodeTarget);
        int wantedSpatial = structure.SpatialLayerOfTarget(wanted);
        AwaitsKeyframe = wantedSpatial > spatial || wantedSpatial < spatial && _isLoweringBlocked;
        return layers.IndicationOf(_decodeTarget) != DecodeTargetIndication.NotPresent;
    }

    /// <summary>Leaves layers that are not wanted: temporal ones at once, spatial ones with the next picture whose references were sent.</summary>
    private void LowerDecodeTarget(DependencyStructure structure, in PacketLayers layers, int wanted, bool startsPicture)
    {
        int spatial = structure.SpatialLayerOfTarget(_decodeTarget);
        int maxSpatial = structure.SpatialLayerOfTarget(wanted);
        int maxTemporal = structure.TemporalLayerOfTarget(wanted);
        int lowered = structure.FindDecodeTarget(Math.Min(spatial, maxSpatial), Math.Min(structure.TemporalLayerOfTarget(_decodeTarget), maxTemporal));
        if (lowered < 0 || lowered == _decodeTarget)
        {
            return;
        }

        if (structure.SpatialLayerOfTarget(lowered) == spatial)
        {
            _decodeTarget = lowered;
        }
        else if (startsPicture)
        {
            // Where higher layers do without the lower ones (as in L3T3_KEY), those were not sent, and only a key frame leads to them.
            bool isDecodable = layers.IndicationOf(lowered) != DecodeTargetIndication.NotPresent && AreReferencesForwarded(in layers, 0xFF);
            _decodeTarget = isDecodable ? lowered : _decodeTarget;
            _isLoweringBlocked = !isDecodable;
        }
    }

    private void RaiseDecodeTarget(DependencyStructure structure, in PacketLayers layers, int wanted)
    {
        int best = _decodeTarget;
        for (int target = 0; target < structure.DecodeTargetCount; target++)
        {
            bool isBetween = structure.SpatialLayerOfTarget(target) >= structure.SpatialLayerOfTarget(best)
                && structure.SpatialLayerOfTarget(target) <= structure.SpatialLayerOfTarget(wanted)
                && structure.TemporalLayerOfTarget(target) >= structure.TemporalLayerOfTarget(best)
                && structure.TemporalLayerOfTarget(target) <= structure.TemporalLayerOfTarget(wanted);
            if (isBetween && layers.IndicationOf(target) == DecodeTargetIndication.Switch)
            {
                best = target;
            }
        }

        if (best != _decodeTarget && AreReferencesForwarded(in layers, 0xFF))
        {
            _decodeTarget = best;
        }
    }

    /// <summary>Whether every frame that this one is predicted from was sent. Of what is too far back, or was never seen, it is not known, so no.</summary>
    private bool AreReferencesForwarded(in PacketLayers layers, int spatialBits)
    {
        for (ulong near = layers.References.Near; near != 0; near &= near - 1)
        {
            long picture = layers.Picture - 1 - System.Numerics.BitOperations.TrailingZeroCount(near);
            ref readonly Frame frame = ref _frames[SlotOf(picture)];
            if (frame.Picture != picture || (frame.Forwarded & spatialBits) == 0)
            {
                return false;
            }
        }

        return !layers.References.HasFar;
    }

    /// <summary>A late frame that needs one which was not sent. What has not come yet may still come.</summary>
    private bool HasDroppedReference(in PacketLayers layers)
    {
        for (ulong near = layers.References.Near; near != 0; near &= near - 1)
        {
            long picture = layers.Picture - 1 - System.Numerics.BitOperations.TrailingZeroCount(near);
            ref readonly Frame frame = ref _frames[SlotOf(picture)];
            if (frame.Picture == picture && frame.Forwarded == 0)
            {
                return true;
            }
        }

        return false;
    }

    // Numbers that grow by one fill the table evenly, and so do timestamps that grow by thousands.
    private static int SlotOf(long picture) => (int)((ulong)picture * 0x9E37_79B9_7F4A_7C15 >> 56);
}
