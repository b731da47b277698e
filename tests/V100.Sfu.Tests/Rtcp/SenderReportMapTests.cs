using V100.Net;
using V100.Sfu.Rtcp;

namespace V100.Sfu.Tests.Rtcp;

public class SenderReportMapTests
{
    private const ulong Second = 1UL << 32;

    private static Instant Ms(long milliseconds) => new(milliseconds * 1_000_000);

    [Fact]
    public void Before_the_publishers_first_report_there_is_nothing_to_tell() =>
        Assert.False(default(SenderReportMap).TryMap(Ms(0), 90_000, 0, out _, out _));

    [Fact]
    public void A_point_further_along_lies_on_the_publishers_line()
    {
        var map = new SenderReportMap();
        map.OnSenderReport(100 * Second, 4_294_900_000, Ms(5_000));
        Assert.True(map.TryMap(Ms(6_500), 90_000, 1_000, out ulong ntp, out uint timestamp));
        Assert.Equal(101 * Second + Second / 2, ntp);
        Assert.Equal(unchecked(4_294_900_000u + 135_000 + 1_000), timestamp);
    }

    [Fact]
    public void Skew_of_audio_and_video_does_not_depend_on_the_uplinks_delay()
    {
        // The publisher captures both at NTP 200 s: audio timestamp 10,000, video 70,000. Video's packets and reports take 300 ms longer.
        var audio = new SenderReportMap();
        var video = new SenderReportMap();
        audio.OnSenderReport(200 * Second, 10_000, Ms(1_000));
        video.OnSenderReport(200 * Second, 70_000, Ms(1_300));
        for (int ms = 1_300; ms < 20_000; ms += 777)
        {
            Assert.True(audio.TryMap(Ms(ms), 48_000, 5, out ulong audioNtp, out uint audioTimestamp));
            Assert.True(video.TryMap(Ms(ms), 90_000, 9, out ulong videoNtp, out uint videoTimestamp));
            double audioCapture = audioNtp / (double)Second - (audioTimestamp - 10_005) / 48_000.0;
            double videoCapture = videoNtp / (double)Second - (videoTimestamp - 70_009) / 90_000.0;
            Assert.Equal(audioCapture, videoCapture, 6);
        }
    }

    [Fact]
    public void A_timestamp_translates_between_two_layers_of_one_publisher()
    {
        var low = new SenderReportMap();
        var high = new SenderReportMap();
        Assert.False(SenderReportMap.TryTranslate(high, low, 0, 90_000, out _));
        low.OnSenderReport(200 * Second, 4_294_967_000, Ms(0));
        high.OnSenderReport(202 * Second, 500, Ms(0));

        // 90 units after high's report is 2.001 s after low's.
        Assert.True(SenderReportMap.TryTranslate(high, low, 590, 90_000, out uint translated));
        Assert.Equal(unchecked(4_294_967_000u + 180_090), translated);
        Assert.True(SenderReportMap.TryTranslate(low, high, translated, 90_000, out uint back));
        Assert.Equal(590u, back);
    }
}
