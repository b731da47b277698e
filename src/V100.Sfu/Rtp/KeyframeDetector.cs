using V100.Sfu.Sdp;

namespace V100.Sfu.Rtp;

/// <summary>Looks into a plaintext payload for the first packet of a key frame: where a subscriber may begin.</summary>
public static class KeyframeDetector
{
    /// <summary>Audio begins anywhere, so every packet of it that has a payload is a start.</summary>
    public static bool IsKeyframeStart(CodecKind codec, ReadOnlySpan<byte> payload) => codec switch
    {
        CodecKind.Vp8 => Vp8Descriptor.IsKeyframeStart(payload),
        CodecKind.Vp9 => Vp9Descriptor.IsKeyframeStart(payload),
        CodecKind.H264 => H264.IsKeyframeStart(payload),
        CodecKind.Av1 => Av1AggregationHeader.IsKeyframeStart(payload),
        _ => !payload.IsEmpty,
    };
}
