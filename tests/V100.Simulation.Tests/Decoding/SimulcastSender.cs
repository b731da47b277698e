using System.Buffers.Binary;
using V100.Sfu.Rtp;
using V100.Sfu.Sdp;

namespace V100.Simulation.Decoding;

/// <summary>Plays a clip in a loop as one simulcast encoding of a publisher: RTP packets with numbers of its own.</summary>
internal sealed class SimulcastSender(EncodedClip clip, Random random)
{
    public const byte DescriptorId = 5;
    public const uint TicksPerFrame = 3_000;
    private const int MaxPayload = 400;

    private readonly uint _firstTimestamp = (uint)random.NextInt64(uint.MaxValue);

    // The encodings' key frames do not come together.
    private readonly int _firstIndex = 4 * clip.Encoding;
    private ushort _sequence = (ushort)random.Next(65_536);
    private int _pictureId = random.Next(32_768);
    private byte _levelZero = (byte)random.Next(256);
    private byte _keyIndex = (byte)random.Next(32);
    private ushort _frameNumber = (ushort)random.Next(65_536);
    private byte _templateIdOffset = (byte)random.Next(64);

    public EncodedClip Clip => clip;

    /// <summary>Which frame of the clip is sent as the stream's frame of this number.</summary>
    public int IndexOf(int frame) => (frame + _firstIndex) % clip.EncodedFrames.Count;

    /// <summary>The packets of the next frame.</summary>
    public List<byte[]> Send(int frame)
    {
        int index = IndexOf(frame);
        byte[] bytes = clip.EncodedFrames[index];
        bool isKeyframe = EncodedClip.IsKeyframe(index);
        _pictureId++;
        _frameNumber++;
        _levelZero += (byte)(clip.TemporalLayerOf(index) == 0 ? 1 : 0);
        _keyIndex = (byte)(_keyIndex + (isKeyframe ? 1 : 0) & 0x1F);
        _templateIdOffset = (byte)(_templateIdOffset + (isKeyframe ? 2 : 0) & 0x3F);
        List<byte[]> payloads = clip.Codec == CodecKind.Av1
            ? [.. Av1Units.Packetize(bytes, isKeyframe, MaxPayload)]
            : [.. Enumerable.Range(0, (bytes.Length + MaxPayload - 1) / MaxPayload).Select(part => Fragment(bytes, part, index))];
        List<byte[]> packets = [];
        for (int part = 0; part < payloads.Count; part++)
        {
            packets.Add(Packet(payloads[part], frame, part == 0, part == payloads.Count - 1, isKeyframe));
        }

        return packets;
    }

    private byte[] Packet(byte[] payload, int frame, bool isFirst, bool isLast, bool isKeyframe)
    {
        byte[] packet = new byte[payload.Length + 64];
        var header = new RtpHeader(
            96, isLast, new SequenceNumber(_sequence++), _firstTimestamp + (uint)frame * TicksPerFrame, new Ssrc(1 + (uint)clip.Encoding));
        var writer = new RtpHeaderWriter(packet, in header);
        if (clip.Codec == CodecKind.Av1)
        {
            Assert.True(writer.TryAdd(DescriptorId, Descriptor(isFirst, isLast, isKeyframe)));
        }

        int length = writer.Finish();
        payload.CopyTo(packet.AsSpan(length));
        return packet[..(length + payload.Length)];
    }

    private byte[] Fragment(byte[] frame, int part, int index)
    {
        ReadOnlySpan<byte> body = frame.AsSpan(part * MaxPayload, Math.Min(MaxPayload, frame.Length - part * MaxPayload));
        bool isLast = (part + 1) * MaxPayload >= frame.Length;
        return clip.Codec == CodecKind.Vp8
            ? [.. Vp8Fields(part == 0, index), .. body]
            : [.. Vp9Fields(part == 0, isLast, index), .. body];
    }

    private byte[] Vp8Fields(bool isFirst, int index)
    {
        byte[] bytes = new byte[Vp8Descriptor.MaxLength];
        bool isLong = clip.Encoding > 0; // the lowest encoding has short ones
        Vp8Descriptor descriptor = default(Vp8Descriptor) with
        {
            StartsPartition = isFirst,
            HasPictureId = true,
            HasLongPictureId = isLong,
            PictureId = (ushort)(_pictureId & (isLong ? 0x7FFF : 0x7F)),
            HasTemporalLevelZeroIndex = true,
            TemporalLevelZeroIndex = _levelZero,
            HasTemporalLayer = true,
            TemporalLayer = (byte)clip.TemporalLayerOf(index),
            IsLayerSync = clip.IsLayerSync(index),
            HasKeyIndex = true,
            KeyIndex = _keyIndex,
        };
        return bytes[..descriptor.Write(bytes)];
    }

    private byte[] Vp9Fields(bool isFirst, bool isLast, int index)
    {
        bool isLong = clip.Encoding > 0;
        bool isKeyframe = EncodedClip.IsKeyframe(index);
        byte flags = (byte)(0x80 | (isKeyframe ? 0 : 0x40) | 0x20 | (isFirst ? 0x08 : 0) | (isLast ? 0x04 : 0));
        byte layers = (byte)(clip.TemporalLayerOf(index) << 5 | (clip.IsLayerSync(index) ? 0x10 : 0));
        byte[] pictureId = isLong ? [(byte)(0x80 | _pictureId >> 8 & 0x7F), (byte)_pictureId] : [(byte)(_pictureId & 0x7F)];
        return [flags, .. pictureId, layers, _levelZero];
    }

    /// <summary>One layer, two templates: the key frame, and the frame that refers to the one before it; one chain of all.</summary>
    private byte[] Descriptor(bool isFirst, bool isLast, bool isKeyframe)
    {
        byte[] value = new byte[DependencyDescriptor.MandatoryLength + 12];
        value[0] = (byte)((isFirst ? 0x80 : 0) | (isLast ? 0x40 : 0) | _templateIdOffset + (isKeyframe ? 0 : 1) & 0x3F);
        BinaryPrimitives.WriteUInt16BigEndian(value.AsSpan(1), _frameNumber);
        if (!isFirst || !isKeyframe)
        {
            return value[..DependencyDescriptor.MandatoryLength];
        }

        var writer = new BitWriter(value.AsSpan(3));
        writer.Write(0b10000, 5);
        writer.Write(_templateIdOffset, 6);
        writer.Write(0, 5); // one decode target
        writer.Write(0b0011, 4); // two templates of the same layer
        writer.Write(0b1010, 4); // both are switches
        writer.Write(0b0_1_0000_0, 7); // the second refers to the frame before
        writer.Write(0b1, 1); // one chain
        writer.Write(0b0000_0001, 8);
        writer.Write(1, 1);
        writer.Write((uint)clip.Width - 1, 16);
        writer.Write((uint)clip.Height - 1, 16);
        return value[..(3 + writer.Length)];
    }
}
