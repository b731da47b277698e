using V100.Sfu.Rtp;

namespace V100.Sfu.Forwarding;

/// <summary>Which layers of the encoding that is sent go on.</summary>
public sealed partial class LayerSelector
{
    /// <summary>Frames whose fate is remembered: their late packets share it, and others may refer to them.</summary>
    private const int FrameCount = 256;

    // Made with the first key frame: a subscription of sound, or one that shows nothing, needs none.
    private Frame[] _frames = [];
    private long _newestPicture;
    private bool _hasPicture;

    // The target in the encoding that is sent.
    private int _maxSpatial;
    private int _maxTemporal;

    /// <summary>Changes that are remembered: a late frame is judged by what held in its place of the stream.</summary>
    private const int EpochCount = 16;

    private LayerEpoch[] _epochs = [];
    private int _newestEpoch;

    // Without a dependency structure: the layers that are sent.
    private int _spatial;
    private int _temporal;
    private bool _isTemporalOpen;

    // With one: the decode target that is sent.
    private DependencyStructure? _structure;
    private int _decodeTarget;
    private bool _isLoweringBlocked;
    private uint _intactTargets;

    /// <summary>Eight bytes: no two numbers that are remembered at a time have the same 40 bits.</summary>
    private struct Frame(long picture)
    {
        private readonly uint _pictureLow = (uint)picture;
        private readonly byte _pictureHigh = (byte)(picture >> 32);

        // One bit for each spatial layer, where they share the picture's number.
        public byte Decided;
        public byte Forwarded;

        /// <summary>The highest spatial layer that is sent of the picture.</summary>
        public byte TopSpatial;

        public readonly bool IsOf(long picture) => _pictureLow == (uint)picture && _pictureHigh == (byte)(picture >> 32);
    }

    /// <summary>What is sent from a picture on.</summary>
    private record struct LayerEpoch(long From, int Spatial, int Temporal, DependencyStructure? Structure, int DecodeTarget);

    private int CurrentSpatial => _structure is null ? _spatial : _structure.SpatialLayerOfTarget(_decodeTarget);
    private int CurrentTemporal => _structure is null ? _temporal : _structure.TemporalLayerOfTarget(_decodeTarget);

    /// <summary>A spatial layer that the stream has is wanted, and without a key frame it cannot be taken up, or left for one below.</summary>
    private bool AwaitsKeyframe { get; set; }

    private void StartLayers()
    {
        if (_frames.Length == 0)
        {
            _frames = new Frame[FrameCount];
            _epochs = new LayerEpoch[EpochCount];
        }

        _frames.AsSpan().Clear();
        _structure = null;
        _spatial = _maxSpatial;
        _temporal = _maxTemporal;
        _epochs.AsSpan().Clear();
        _newestEpoch = 0;
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
            // With a structure every frame has its number: one that is skipped has not come yet.
            _intactTargets = layers.Picture > _newestPicture + 1 ? 0 : _intactTargets;
            _newestPicture = layers.Picture;
            _hasPicture = true;
        }

        int bit = 1 << layers.SpatialLayer;
        ref Frame frame = ref _frames[SlotOf(layers.Picture)];
        if (!frame.IsOf(layers.Picture))
        {
            frame = new Frame(layers.Picture);
        }

        if ((frame.Decided & bit) == 0)
        {
            // Layers that share a picture's number may refer to one another: none is sent above one that was not.
            int topSpatial = 0;
            int dropped = frame.Decided & ~frame.Forwarded;
            bool lacksLower = layers.Structure is null && (dropped & bit - 1) != 0;
            bool forwards = !lacksLower && (isNewest ? IsForwarded(in layers, startsPicture, dropped) : IsForwardedLate(in layers, out topSpatial));
            frame.Decided |= (byte)bit;
            frame.Forwarded |= (byte)(forwards ? bit : 0);
            frame.TopSpatial = (byte)(isNewest ? CurrentSpatial : topSpatial);
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
    private bool IsForwarded(in PacketLayers layers, bool startsPicture, int dropped)
    {
        if (_target.Encoding == _encoding)
        {
            _maxSpatial = _target.Spatial;
            _maxTemporal = _target.Temporal;
        }

        // Where the structure is still missing that a packet needs, the frame may be one that all later ones need.
        bool forwards = layers.Structure is { } structure ? IsForwardedByStructure(structure, in layers, startsPicture)
            : _structure is not null || IsForwardedByLayer(in layers, startsPicture, dropped);
        NoteEpoch(layers.Picture);
        return forwards;
    }

    /// <summary>
    /// A frame that newer ones overtook belongs to what was sent then: what is predicted from it may have been sent, and what it is predicted
    /// from may not, if layers changed since.
    /// </summary>
    private bool IsForwardedLate(in PacketLayers layers, out int topSpatial)
    {
        topSpatial = 0;
        for (int age = 0; age < EpochCount; age++)
        {
            ref readonly LayerEpoch epoch = ref _epochs[_newestEpoch - age & (EpochCount - 1)];
            if (epoch.From == 0 || epoch.From > layers.Picture)
            {
                continue;
            }

            topSpatial = epoch.Spatial;
            return layers.Structure is null ? epoch.Structure is not null || layers.SpatialLayer <= epoch.Spatial && layers.TemporalLayer <= epoch.Temporal
                : layers.Structure == epoch.Structure && layers.IndicationOf(epoch.DecodeTarget) != DecodeTargetIndication.NotPresent;
        }

        return false;
    }

    private void NoteEpoch(long picture)
    {
        ref LayerEpoch newest = ref _epochs[_newestEpoch];
        var now = new LayerEpoch(picture, CurrentSpatial, CurrentTemporal, _structure, _decodeTarget);
        if (newest.From != 0 && now with { From = newest.From } == newest)
        {
            return;
        }

        if (newest.From != 0 && newest.From != picture)
        {
            _newestEpoch = _newestEpoch + 1 & (EpochCount - 1);
        }

        _epochs[_newestEpoch] = now;
    }

    /// <param name="layers">Of the packet.</param>
    /// <param name="startsPicture">It is the first of its picture that comes.</param>
    /// <param name="dropped">Bits of the spatial layers of the picture that are not sent.</param>
    private bool IsForwardedByLayer(in PacketLayers layers, bool startsPicture, int dropped)
    {
        int spatial = layers.SpatialLayer;
        int temporal = layers.TemporalLayer;
        if (startsPicture)
        {
            _spatial = Math.Min(_spatial, _maxSpatial);
            _temporal = Math.Min(_temporal, _maxTemporal);
        }

        if (layers.IsKeyframe && spatial == 0)
        {
            // A layer that overtook this one and was not sent is missed until the next key frame.
            _spatial = dropped == 0 ? _maxSpatial : Math.Min(_maxSpatial, System.Numerics.BitOperations.TrailingZeroCount(dropped) - 1);
            _temporal = _maxTemporal;
        }

        if (temporal > _temporal && temporal <= _maxTemporal && MayRaiseTemporal(in layers))
        {
            _temporal = temporal;
        }

        bool isNext = spatial == _spatial + 1 || layers.IsKeyframe;
        if (spatial > _spatial && spatial <= _maxSpatial && layers.IsSpatialSwitchingPoint && isNext)
        {
            _spatial = spatial;
        }

        AwaitsKeyframe = Math.Min(_maxSpatial, Math.Max((int)layers.TopSpatialLayer, spatial)) > _spatial;
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

    private bool IsForwardedByStructure(DependencyStructure structure, in PacketLayers layers, bool startsPicture)
    {
        int wanted = structure.FindDecodeTarget(_maxSpatial, _maxTemporal, layers.ActiveDecodeTargets);
        wanted = wanted < 0 ? structure.FindDecodeTarget(_maxSpatial, _maxTemporal) : wanted;
        wanted = Math.Max(wanted, 0);
        if (structure != _structure)
        {
            // It came with a key frame, which every decode target begins with.
            _structure = structure;
            _decodeTarget = wanted;
        }

        bool isReferenced = AreReferencesForwarded(in layers, 0xFF);
        if (_decodeTarget != wanted)
        {
            LowerDecodeTarget(structure, in layers, wanted, startsPicture, isReferenced);
            RaiseDecodeTarget(structure, in layers, wanted, isReferenced);
        }

        int spatial = structure.SpatialLayerOfTarget(_decodeTarget);
        int wantedSpatial = structure.SpatialLayerOfTarget(wanted);
        AwaitsKeyframe = wantedSpatial > spatial || wantedSpatial < spatial && _isLoweringBlocked;
        bool forwards = layers.IndicationOf(_decodeTarget) != DecodeTargetIndication.NotPresent;
        NoteIntactTargets(structure, in layers, forwards, isReferenced);
        return forwards;
    }

    /// <summary>
    /// Follows of which decode targets everything was sent that later frames of theirs need. Frames that have not come yet may be of any: then
    /// a target counts again with its next switching point.
    /// </summary>
    private void NoteIntactTargets(DependencyStructure structure, in PacketLayers layers, bool forwards, bool isReferenced)
    {
        for (int target = 0; target < structure.DecodeTargetCount; target++)
        {
            DecodeTargetIndication indication = layers.IndicationOf(target);
            uint bit = 1u << target;
            if (indication != DecodeTargetIndication.NotPresent && !forwards)
            {
                _intactTargets &= ~bit;
            }
            else if (indication == DecodeTargetIndication.Switch && isReferenced)
            {
                _intactTargets |= bit;
            }
        }
    }

    /// <summary>Leaves layers that are not wanted: temporal ones at once, spatial ones with the next picture if all below was sent.</summary>
    private void LowerDecodeTarget(DependencyStructure structure, in PacketLayers layers, int wanted, bool startsPicture, bool isReferenced)
    {
        int maxSpatial = structure.SpatialLayerOfTarget(wanted);
        int maxTemporal = structure.TemporalLayerOfTarget(wanted);
        int spatial = structure.SpatialLayerOfTarget(_decodeTarget);
        int lowered = structure.FindDecodeTarget(spatial, Math.Min(structure.TemporalLayerOfTarget(_decodeTarget), maxTemporal));
        if (lowered >= 0 && structure.SpatialLayerOfTarget(lowered) == spatial)
        {
            _decodeTarget = lowered;
        }

        if (spatial <= maxSpatial || !startsPicture)
        {
            return;
        }

        // Where higher layers do without the lower ones (as in L3T3_KEY), those were not sent, and only a key frame leads to them.
        lowered = structure.FindDecodeTarget(maxSpatial, Math.Min(structure.TemporalLayerOfTarget(_decodeTarget), maxTemporal));
        bool isDecodable = lowered >= 0
            && ((_intactTargets >> lowered & 1) != 0 || layers.IndicationOf(lowered) == DecodeTargetIndication.Switch && isReferenced);
        _decodeTarget = isDecodable ? lowered : _decodeTarget;
        _isLoweringBlocked = !isDecodable;
    }

    private void RaiseDecodeTarget(DependencyStructure structure, in PacketLayers layers, int wanted, bool isReferenced)
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

        if (best != _decodeTarget && isReferenced)
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
            if (!frame.IsOf(picture) || (frame.Forwarded & spatialBits) == 0)
            {
                return false;
            }
        }

        return !layers.References.HasFar;
    }

    // Numbers that grow by one fill the table evenly, and so do timestamps that grow by thousands.
    private static int SlotOf(long picture) => (int)((ulong)picture * 0x9E37_79B9_7F4A_7C15 >> 56);
}
