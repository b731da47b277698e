using System.Buffers.Binary;
using V100.Sfu.Rtp;

namespace V100.Simulation.World;

/// <summary>A frame as its publisher knows it; by it what a receiver makes of the stream is judged.</summary>
/// <param name="IsKeyframe">Predicted from none.</param>
/// <param name="TemporalLayer">0 to 2.</param>
/// <param name="LevelZero">How many frames of layer 0 the source had up to it.</param>
/// <param name="Keys">How many keyframes the source had up to it.</param>
/// <param name="References">The numbers of the frames that it is predicted from.</param>
internal sealed record SentFrame(bool IsKeyframe, int TemporalLayer, uint LevelZero, uint Keys, uint[] References);

/// <summary>
/// Three temporal layers of one source, in the pattern of libvpx and L1T3 (0, 2, 1, 2 from each keyframe on), and what its packets say of them:
/// in VP8's payload descriptor, or in dependency descriptors. Numbers start anywhere.
/// </summary>
internal sealed class TemporalLayers(Random random)
{
    /// <summary>Of the descriptors' structure: layer 0 with and without references, layer 1, layer 2 in both of its places.</summary>
    private const int TemplateCount = 5;
    private const int DecodeTargetCount = 3;

    private readonly List<SentFrame> _frames = [];
    private readonly byte _firstLevelZero = (byte)random.Next(256);
    private readonly byte _firstKey = (byte)random.Next(32);
    private readonly ushort _firstNumber = (ushort)random.Next(1 << 16);
    private uint _pictureId = (uint)random.Next(1 << 15);
    private byte _templateIdOffset = (byte)random.Next(64);
    private uint _lastKeyframe;
    private bool _hasLongPictureIds = true;

    /// <summary>By number.</summary>
    public IReadOnlyList<SentFrame> Frames => _frames;

    /// <summary>
    /// Fifteen bits, or seven. A picture id that becomes longer goes on from its seven bits, one that becomes shorter keeps them
    /// (RFC 7741, 4.2; RFC 9628, 4.2).
    /// </summary>
    public bool HasLongPictureIds
    {
        get => _hasLongPictureIds;
        set
        {
            _hasLongPictureIds = value;
            _pictureId &= value ? 0x7FFFu : 0x7F;
        }
    }

    private SentFrame Current => _frames[^1];
    private uint Number => (uint)_frames.Count - 1;
    private uint Place => (Number - _lastKeyframe) % 4;

    /// <summary>The source's next frame.</summary>
    public void Begin(bool isKeyframe)
    {
        uint number = (uint)_frames.Count;
        _lastKeyframe = isKeyframe ? number : _lastKeyframe;
        uint place = (number - _lastKeyframe) % 4;
        uint back = place switch { 0 => 4, 2 => 2, _ => 1 };
        uint levelZero = (_frames.Count == 0 ? 0 : Current.LevelZero) + (place == 0 ? 1u : 0);
        uint keys = (_frames.Count == 0 ? 0 : Current.Keys) + (isKeyframe ? 1u : 0);
        _frames.Add(new SentFrame(isKeyframe, place switch { 0 => 0, 2 => 1, _ => 2 }, levelZero, keys, isKeyframe ? [] : [number - back]));
        _templateIdOffset = (byte)(_templateIdOffset + (isKeyframe ? TemplateCount : 0) & 0x3F);
        _pictureId = _pictureId + 1 & (_hasLongPictureIds ? 0x7FFFu : 0x7F);
    }

    public Vp8Descriptor Vp8(bool isFirst) => new()
    {
        StartsPartition = isFirst,
        HasPictureId = true,
        HasLongPictureId = _hasLongPictureIds,
        PictureId = (ushort)_pictureId,
        HasTemporalLevelZeroIndex = true,
        TemporalLevelZeroIndex = (byte)(_firstLevelZero + Current.LevelZero),
        HasTemporalLayer = true,
        TemporalLayer = (byte)Current.TemporalLayer,
        IsLayerSync = Place is 1 or 2,
        HasKeyIndex = true,
        KeyIndex = (byte)(_firstKey + Current.Keys & 0x1F),
    };

    /// <summary>The dependency descriptor of a packet of the frame; the first of a keyframe has the structure.</summary>
    public byte[] Descriptor(bool isFirst, bool isLast)
    {
        byte[] value = new byte[64];
        uint template = Current.IsKeyframe ? 0 : Place switch { 0 => 1, 2 => 2, 1 => 3, _ => 4u };
        value[0] = (byte)((isFirst ? 0x80 : 0) | (isLast ? 0x40 : 0) | (int)(_templateIdOffset + template & 0x3F));
        BinaryPrimitives.WriteUInt16BigEndian(value.AsSpan(1), (ushort)(_firstNumber + Number));
        return isFirst && Current.IsKeyframe ? value[..(3 + WriteStructure(value.AsSpan(3)))] : value[..DependencyDescriptor.MandatoryLength];
    }

    /// <summary>RTP Payload Format For AV1, A.8.3.</summary>
    private int WriteStructure(Span<byte> destination)
    {
        var writer = new BitWriter(destination);
        writer.Write(0b10000, 5);
        writer.Write(_templateIdOffset, 6);
        writer.Write(DecodeTargetCount - 1, 5);
        writer.Write(0b00_01_01_00_11, 2 * TemplateCount);

        // Of each template for each decode target: 0 not there, 1 discardable, 2 a switch, 3 required.
        foreach (uint indications in new uint[] { 0b10_10_10, 0b10_10_10, 0b00_01_10, 0b00_00_01, 0b00_00_01 })
        {
            writer.Write(indications, 2 * DecodeTargetCount);
        }

        writer.Write(0, 1);
        foreach (uint back in new uint[] { 4, 2, 1, 1 })
        {
            writer.Write(1, 1);
            writer.Write(back - 1, 4);
            writer.Write(0, 1);
        }

        // One chain, which protects all: a number below four, then three below one, of no bits. How far back it was at each template.
        writer.Write(1, 2);
        foreach (uint back in new uint[] { 0, 4, 2, 1, 3 })
        {
            writer.Write(back, 4);
        }

        writer.Write(0, 1);
        Assert.False(writer.Overflowed);
        return writer.Length;
    }
}
