using V100.Net;
using V100.Sfu.Rtcp;

namespace V100.Sfu.Tests.Rtcp;

public class ReportScheduleTests
{
    [Theory]
    [InlineData(0u, 500)]
    [InlineData(1u << 31, 1_000)]
    [InlineData(uint.MaxValue, 1_500)]
    public void A_report_is_due_between_half_and_one_and_a_half_seconds(uint random, int expectedMs)
    {
        var schedule = new ReportSchedule();
        Assert.Equal(Instant.Never, schedule.NextDeadline);
        var now = new Instant(7_000_000_000);
        schedule.Arm(now, random);
        Assert.Equal(expectedMs, (schedule.NextDeadline - now).TotalMilliseconds, 0);
        Assert.False(schedule.IsDue(schedule.NextDeadline - TimeSpan.FromTicks(1)));
        Assert.True(schedule.IsDue(schedule.NextDeadline));
    }
}
