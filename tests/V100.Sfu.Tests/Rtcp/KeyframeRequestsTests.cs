using V100.Net;
using V100.Sfu.Rtcp;

namespace V100.Sfu.Tests.Rtcp;

public class KeyframeRequestsTests
{
    private static readonly TimeSpan RoundTrip = TimeSpan.FromMilliseconds(50);

    private static Instant Ms(long milliseconds) => new(milliseconds * 1_000_000);

    [Fact]
    public void A_storm_of_wishes_is_one_request_an_interval()
    {
        var requests = new KeyframeRequests();
        int sent = 0;
        for (int ms = 0; ms < 60_000; ms++)
        {
            requests.Request(Ms(ms));
            if (requests.TryTake(Ms(ms), RoundTrip))
            {
                sent++;
            }

            if (ms % 700 == 100)
            {
                requests.OnKeyframe();
            }
        }

        Assert.InRange(sent, 60, 120);
    }

    [Fact]
    public void The_first_wish_is_passed_on_at_once_and_repeated_until_a_key_frame_begins()
    {
        var requests = new KeyframeRequests();
        Assert.False(requests.TryTake(Ms(0), RoundTrip));
        requests.Request(Ms(10));
        Assert.True(requests.TryTake(Ms(10), RoundTrip));
        byte command = requests.CommandSequence;
        Assert.Equal(Ms(510), requests.NextDeadline);
        Assert.False(requests.TryTake(Ms(509), RoundTrip));
        Assert.True(requests.TryTake(Ms(510), RoundTrip));
        Assert.Equal(command, requests.CommandSequence);
        requests.OnKeyframe();
        Assert.Equal(Instant.Never, requests.NextDeadline);
        Assert.False(requests.TryTake(Ms(2_000), RoundTrip));
    }

    [Fact]
    public void A_wish_right_after_a_key_frame_waits_for_the_interval()
    {
        var requests = new KeyframeRequests();
        requests.Request(Ms(0));
        Assert.True(requests.TryTake(Ms(0), RoundTrip));
        requests.OnKeyframe();
        requests.Request(Ms(100));
        Assert.Equal(2, requests.CommandSequence);
        Assert.False(requests.TryTake(Ms(100), RoundTrip));
        Assert.Equal(Ms(500), requests.NextDeadline);
        Assert.True(requests.TryTake(Ms(500), RoundTrip));
    }

    [Fact]
    public void A_long_path_is_given_two_round_trips()
    {
        var requests = new KeyframeRequests();
        requests.Request(Ms(0));
        Assert.True(requests.TryTake(Ms(0), TimeSpan.FromMilliseconds(400)));
        Assert.Equal(Ms(800), requests.NextDeadline);
    }

    [Fact]
    public void A_publisher_that_never_answers_is_asked_a_bounded_number_of_times()
    {
        var requests = new KeyframeRequests();
        requests.Request(Ms(0));
        int sent = 0;
        for (int ms = 0; ms < 60_000; ms += 10)
        {
            sent += requests.TryTake(Ms(ms), RoundTrip) ? 1 : 0;
        }

        Assert.Equal(KeyframeRequests.MaxRequests, sent);
        Assert.False(requests.IsPending);
        requests.Request(Ms(60_000));
        Assert.True(requests.TryTake(Ms(60_000), RoundTrip));
    }
}
