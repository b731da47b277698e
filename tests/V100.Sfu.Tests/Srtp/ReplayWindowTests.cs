using V100.Sfu.Srtp;

namespace V100.Sfu.Tests.Srtp;

public class ReplayWindowTests
{
    [Fact]
    public void It_agrees_with_a_list_of_everything_that_was_accepted()
    {
        for (int seed = 1; seed <= 30; seed++)
        {
            var random = new Random(seed);
            var window = new ReplayWindow();
            var accepted = new HashSet<long>();
            long highest = -1;
            for (int turn = 0; turn < 5000; turn++)
            {
                // Mostly near the front, sometimes leaps as long as the window and longer.
                long index = Math.Max(0, highest + random.Next(100) switch
                {
                    < 60 => random.Next(1, 4),
                    < 90 => -random.Next(0, 1100),
                    < 97 => random.Next(1000, 1050),
                    _ => random.Next(0, 5000),
                });
                ReplayVerdict expected = index > highest ? ReplayVerdict.Fresh
                    : highest - index >= ReplayWindow.Size ? ReplayVerdict.TooOld
                    : accepted.Contains(index) ? ReplayVerdict.Seen
                    : ReplayVerdict.Fresh;
                ReplayVerdict verdict = window.Check(index);
                Assert.True(expected == verdict, $"seed {seed}, turn {turn}: {index} behind {highest} is {verdict}, not {expected}");
                if (verdict == ReplayVerdict.Fresh)
                {
                    window.Accept(index);
                    accepted.Add(index);
                    highest = Math.Max(highest, index);
                    Assert.Equal(highest, window.Highest);
                }
            }
        }
    }

    [Fact]
    public void Before_the_first_everything_is_fresh_but_what_cannot_be()
    {
        var window = new ReplayWindow();
        Assert.Equal(ReplayVerdict.Fresh, window.Check(0));
        Assert.Equal(ReplayVerdict.TooOld, window.Check(-1));
        Assert.Equal(ReplayVerdict.TooOld, window.Check(-2000));
    }
}
