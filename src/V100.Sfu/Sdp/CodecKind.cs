namespace V100.Sfu.Sdp;

/// <summary>The codecs that V100 forwards.</summary>
public enum CodecKind
{
    Opus,
    Red,
    Vp8,
    Vp9,
    H264,
    Av1,
}
