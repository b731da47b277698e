using V100.Sfu.Sdp;

namespace V100.Sfu.Tests.Sdp;

public sealed class CodecMatchTests
{
    [Theory]
    [InlineData(0x42E01Fu, H264Profile.ConstrainedBaseline)]
    [InlineData(0x42C02Au, H264Profile.ConstrainedBaseline)]
    [InlineData(0x4D8020u, H264Profile.ConstrainedBaseline)]
    [InlineData(0x58F01Fu, H264Profile.ConstrainedBaseline)]
    [InlineData(0x42001Fu, H264Profile.Baseline)]
    [InlineData(0x42A01Fu, H264Profile.Baseline)]
    [InlineData(0x58801Fu, H264Profile.Baseline)]
    [InlineData(0x4D001Fu, H264Profile.Main)]
    [InlineData(0x4D401Fu, H264Profile.Main)]
    [InlineData(0x640032u, H264Profile.High)]
    [InlineData(0x640C32u, H264Profile.ConstrainedHigh)]
    [InlineData(0xF4001Fu, H264Profile.PredictiveHigh444)]
    [InlineData(0x7A001Fu, H264Profile.Other)]
    public void Profiles_are_told_apart_as_in_RFC_6184_table_5(uint value, H264Profile profile) =>
        Assert.Equal(profile, new H264ProfileLevel(value).Profile);

    [Theory]
    [InlineData("42e01f", true)]
    [InlineData("42E01F", true)]
    [InlineData("42e01", false)]
    [InlineData("42e01f0", false)]
    [InlineData(" 2e01f", false)]
    [InlineData("0x42e0", false)]
    public void A_profile_level_id_is_six_hexadecimal_digits(string text, bool valid) => Assert.Equal(valid, H264ProfileLevel.TryParse(text, out _));

    // Published payload type in the first offer, what it becomes in the second (-1: the subscriber cannot play it).
    [Theory]
    [InlineData("chromium-audio-video-sendonly", 96, "firefox-audio-video-recvonly", 120)]
    [InlineData("chromium-audio-video-sendonly", 98, "firefox-audio-video-recvonly", 121)]
    [InlineData("chromium-audio-video-sendonly", 100, "firefox-audio-video-recvonly", -1)]
    [InlineData("chromium-audio-video-sendonly", 100, "wrtc-audio-video-recvonly", 100)]
    [InlineData("chromium-audio-video-sendonly", 45, "firefox-audio-video-recvonly", 99)]
    [InlineData("chromium-audio-video-sendonly", 108, "pion-audio-video-recvonly", 125)]
    [InlineData("chromium-audio-video-sendonly", 114, "pion-audio-video-recvonly", 108)]
    [InlineData("chromium-audio-video-sendonly", 102, "pion-audio-video-recvonly", 102)]
    [InlineData("chromium-audio-video-sendonly", 104, "pion-audio-video-recvonly", 127)]
    [InlineData("chromium-audio-video-sendonly", 108, "aiortc-audio-video-recvonly", 101)]
    [InlineData("chromium-audio-video-sendonly", 114, "aiortc-audio-video-recvonly", 99)]
    [InlineData("chromium-audio-video-sendonly", 102, "werift-audio-video-recvonly", -1)]
    [InlineData("chromium-audio-video-sendonly", 108, "firefox-audio-video-recvonly", -1)]
    [InlineData("chromium-audio-video-sendonly", 116, "pion-audio-video-recvonly", 123)]
    [InlineData("gst-h264-sendonly", 102, "chromium-audio-video-recvonly", 114)]
    [InlineData("pion-audio-video-sendonly", 123, "chromium-audio-video-recvonly", -1)]
    public void Video_is_sent_under_the_payload_type_of_the_same_or_a_larger_profile(string publisher, int published, string subscriber, int expected) =>
        Check(publisher, published, subscriber, expected, section: 1);

    [Theory]
    [InlineData("chromium-audio-video-sendonly", 111, "firefox-audio-video-recvonly", 109)]
    [InlineData("chromium-audio-video-sendonly", 63, "firefox-audio-video-recvonly", 109)]
    [InlineData("chromium-audio-video-sendonly", 63, "wrtc-audio-video-recvonly", 63)]
    public void Red_goes_to_those_who_take_it_and_Opus_to_the_others(string publisher, int published, string subscriber, int expected) =>
        Check(publisher, published, subscriber, expected, section: 0);

    [Fact]
    public void A_receiver_of_H264_that_states_no_profile_takes_any()
    {
        string gst = Offers.Read("gst-h264-sendonly").Replace("a=sendonly", "a=recvonly", StringComparison.Ordinal);
        MediaSection subscriber = Offers.Answer(gst, SessionRole.Subscribe).Sections[1];
        MediaSection publisher = Offers.Answer(Offers.Read("chromium-sendonly-only-h264"), SessionRole.Publish).Sections[1];

        foreach (NegotiatedCodec published in publisher.Codecs)
        {
            Assert.True(CodecMatch.TryFind(published, subscriber, out NegotiatedCodec? codec));
            Assert.Equal(102, codec.PayloadType);
        }
    }

    private static void Check(string publisher, int published, string subscriber, int expected, int section)
    {
        MediaSection from = Offers.Answer(Offers.Read(publisher), SessionRole.Publish).Sections[section];
        MediaSection to = Offers.Answer(Offers.Read(subscriber), SessionRole.Subscribe).Sections[section];
        Assert.True(from.TryFindCodec((byte)published, out NegotiatedCodec? codec, out bool isRtx));
        Assert.False(isRtx);

        bool found = CodecMatch.TryFind(codec, to, out NegotiatedCodec? match);

        Assert.Equal(expected, found ? match!.PayloadType : -1);
    }
}
