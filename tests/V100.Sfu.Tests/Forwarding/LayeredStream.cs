using V100.Sfu.Rtp;
using V100.Sfu.Tests.Rtp;

namespace V100.Sfu.Tests.Forwarding;

/// <summary>How a model stream is layered, and what its packets say of that.</summary>
internal enum Layering
{
    /// <summary>Three temporal layers in VP8: Y alone says where one may go up.</summary>
    Vp8,

    /// <summary>Three by three layers in VP9, in pictures that say only U and P.</summary>
    Vp9,

    /// <summary>The same in flexible mode, which lists the pictures that are referred to.</summary>
    Vp9Flexible,

    /// <summary>Three by three layers with a dependency descriptor.</summary>
    Full,

    /// <summary>The same, where higher spatial layers need the lower ones in key pictures alone.</summary>
    KeyOnly,
}

/// <summary>A frame of a model stream: its packets, and the frames that a decoder needs for it.</summary>
internal sealed class ModelFrame
{
    public required int Encoding { get; init; }
    public required int Spatial { get; init; }
    public required int Temporal { get; init; }
    public required int PictureIndex { get; init; }
    public required ModelFrame[] Needs { get; init; }
    public List<(ExtendedSequence Sequence, PacketLayers Layers)> Packets { get; } = [];
    public bool IsTop { get; set; }
}

/// <summary>One encoding of a model publisher. T0 T2 T1 T2, where the second T2 is predicted from T1 and from the first T2.</summary>
internal sealed class LayeredStream(Layering layering, int encoding, Random random, int keyframeInterval)
{
    private readonly DependencyStructure? _structure = CreateStructure(layering);
    private readonly int _spatialLayers = layering == Layering.Vp8 ? 1 : 3;
    private readonly ModelFrame?[,] _last = new ModelFrame?[3, 3];
    private readonly Dictionary<ModelFrame, long> _numbers = [];
    private long _sequence = random.Next(65_536, 131_072);
    private long _number = 1L << 30;
    private int _sinceKeyframe = -1;

    public int Pictures { get; private set; }

    /// <summary>The frames of the next picture, lowest layer first.</summary>
    public List<ModelFrame> Next(bool keyframe = false)
    {
        _sinceKeyframe = keyframe || _sinceKeyframe < 0 || _sinceKeyframe + 1 == keyframeInterval ? 0 : _sinceKeyframe + 1;
        bool isKey = _sinceKeyframe == 0;
        int phase = _sinceKeyframe % 4;
        int temporal = phase switch { 0 => 0, 2 => 1, _ => 2 };
        List<ModelFrame> frames = [];
        long picture = ++_number;
        for (int spatial = 0; spatial < _spatialLayers; spatial++)
        {
            List<ModelFrame> needs = isKey ? [] : [_last[spatial, 0]!];
            if (phase == 3)
            {
                needs.AddRange([_last[spatial, 1]!, _last[spatial, 2]!]);
            }

            if (spatial > 0 && (isKey || layering != Layering.KeyOnly))
            {
                needs.Add(frames[spatial - 1]);
            }

            var frame = new ModelFrame { Encoding = encoding, Spatial = spatial, Temporal = temporal, PictureIndex = Pictures, Needs = [.. needs], IsTop = spatial == _spatialLayers - 1 };
            _numbers[frame] = _structure is null || spatial == 0 ? picture : ++_number;
            AddPackets(frame, isKey, phase);
            frames.Add(frame);
        }

        foreach (ModelFrame frame in frames)
        {
            _last[frame.Spatial, temporal] = frame;
        }

        Pictures++;
        return frames;
    }

    private void AddPackets(ModelFrame frame, bool isKey, int phase)
    {
        int count = random.Next(1, 4);
        bool isSync = frame.Temporal > 0 && phase != 3;
        ulong indications = 0;
        if (_structure is not null)
        {
            for (int target = 0; target < 9; target++)
            {
                indications |= (ulong)IndicationOf(frame, target / 3, target % 3, isKey, phase) << (2 * target);
            }
        }

        FrameReferences references = default;
        foreach (ModelFrame need in frame.Needs)
        {
            references = references.With((int)(_numbers[frame] - _numbers[need]));
        }

        for (int index = 0; index < count; index++)
        {
            var layers = new PacketLayers
            {
                Timestamp = (uint)frame.PictureIndex * 3_000 + (uint)encoding * 77_777,
                Picture = _numbers[frame],
                StartsFrame = index == 0,
                EndsFrame = index == count - 1,
                EndsPicture = index == count - 1 && frame.IsTop,
                IsKeyframe = isKey,
                SpatialLayer = (byte)frame.Spatial,
                TemporalLayer = (byte)frame.Temporal,
                TopSpatialLayer = (byte)(_spatialLayers - 1),
                TopTemporalLayer = 2,
                IsTemporalSwitchingPoint = _structure is null && isSync,
                IsSpatialSwitchingPoint = _structure is null && isKey,
                HasReferences = _structure is not null || layering == Layering.Vp9Flexible,
                References = references,
                Structure = _structure,
                Indications = indications,
                ActiveDecodeTargets = _structure?.AllDecodeTargets ?? 0,
            };
            frame.Packets.Add((new ExtendedSequence(_sequence++), layers));
        }
    }

    private DecodeTargetIndication IndicationOf(ModelFrame frame, int spatial, int temporal, bool isKey, int phase)
    {
        if (spatial < frame.Spatial || temporal < frame.Temporal || spatial > frame.Spatial && layering == Layering.KeyOnly && !isKey)
        {
            return DecodeTargetIndication.NotPresent;
        }

        return spatial > frame.Spatial ? (isKey ? DecodeTargetIndication.Switch : DecodeTargetIndication.Required)
            : phase == 3 ? DecodeTargetIndication.Discardable
            : phase == 2 && temporal == 2 ? DecodeTargetIndication.Required
            : DecodeTargetIndication.Switch;
    }

    private static DependencyStructure? CreateStructure(Layering layering)
    {
        if (layering is not (Layering.Full or Layering.KeyOnly))
        {
            return null;
        }

        DescriptorBuilder builder = DescriptorBuilder.Full(3, 3);
        Assert.True(DependencyStructure.TryParse(builder.Write(builder.Templates[0], 1, 0, withStructure: true), null, out DependencyStructure structure, out _, out _));
        return structure;
    }
}
