using V100.Sfu.Rtp;
using V100.Sfu.Sdp;

namespace V100.Sfu.Tests.Rtp;

public class KeyframeDetectorTests
{
    [Theory]
    [InlineData(CodecKind.Vp8, "10509D012A", true)] // no extension, S, P bit clear
    [InlineData(CodecKind.Vp8, "9080811250", true)] // 15-bit picture id
    [InlineData(CodecKind.Vp8, "1051", false)] // interframe
    [InlineData(CodecKind.Vp8, "0050", false)] // not the start of a partition
    [InlineData(CodecKind.Vp8, "1150", false)] // second partition
    [InlineData(CodecKind.Vp8, "10", false)]
    [InlineData(CodecKind.Vp9, "8C8112AA", true)] // I B E, 15-bit picture id
    [InlineData(CodecKind.Vp9, "CC8112AA", false)] // P
    [InlineData(CodecKind.Vp9, "848112AA", false)] // not its start
    [InlineData(CodecKind.Vp9, "AC8112" + "0000" + "AA", true)] // layer 0
    [InlineData(CodecKind.Vp9, "AC8112" + "0300" + "AA", false)] // upper spatial layer
    [InlineData(CodecKind.Vp9, "8E8112" + "1800100010" + "01" + "04" + "01" + "AA", true)] // with scalability structure
    [InlineData(CodecKind.Vp9, "8E8112" + "18001000", false)] // a structure that is cut
    [InlineData(CodecKind.H264, "6742C01F", true)] // SPS
    [InlineData(CodecKind.H264, "6588", true)] // IDR
    [InlineData(CodecKind.H264, "419A", false)]
    [InlineData(CodecKind.H264, "78" + "000209F0" + "00026742", true)] // STAP-A: delimiter, SPS
    [InlineData(CodecKind.H264, "78" + "000209F0" + "0002419A", false)]
    [InlineData(CodecKind.H264, "78" + "00FF6742", false)] // longer than the packet
    [InlineData(CodecKind.H264, "7C8588", true)] // FU-A, start of IDR
    [InlineData(CodecKind.H264, "7C0588", false)] // FU-A, middle of IDR
    [InlineData(CodecKind.H264, "7C8188", false)] // FU-A, start of a slice
    [InlineData(CodecKind.Av1, "18" + "0A0B", true)] // N
    [InlineData(CodecKind.Av1, "10" + "0A0B", true)] // one element: a sequence header
    [InlineData(CodecKind.Av1, "20" + "021200" + "0A0B", true)] // a temporal delimiter before it
    [InlineData(CodecKind.Av1, "00" + "020A0B" + "0132", true)] // lengths for all
    [InlineData(CodecKind.Av1, "10" + "320B", false)] // a frame
    [InlineData(CodecKind.Av1, "98" + "0A0B", false)] // goes on from the last packet
    [InlineData(CodecKind.Av1, "00" + "FFFFFF0A", false)] // a length that cannot be
    [InlineData(CodecKind.Opus, "FC", true)]
    [InlineData(CodecKind.Opus, "", false)]
    [InlineData(CodecKind.Vp8, "", false)]
    [InlineData(CodecKind.Vp9, "", false)]
    [InlineData(CodecKind.H264, "", false)]
    [InlineData(CodecKind.Av1, "", false)]
    public void A_start_is_told_from_the_payload(CodecKind codec, string hex, bool expected) =>
        Assert.Equal(expected, KeyframeDetector.IsKeyframeStart(codec, Convert.FromHexString(hex)));
}
