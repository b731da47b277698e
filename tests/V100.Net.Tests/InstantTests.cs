namespace V100.Net.Tests;

public class InstantTests
{
    [Fact]
    public void Never_stays_never_and_a_sum_does_not_wrap()
    {
        Assert.Equal(Instant.Never, Instant.Never + TimeSpan.FromSeconds(5));
        Assert.Equal(Instant.Never, new Instant(long.MaxValue - 1) + TimeSpan.FromSeconds(1));
        Assert.Equal(Instant.Never, new Instant(5) + TimeSpan.MaxValue);
    }

    [Fact]
    public void Sums_and_differences_agree()
    {
        Instant start = new(5_000);
        Assert.Equal(new Instant(1_005_000), start + TimeSpan.FromMilliseconds(1));
        Assert.Equal(new Instant(4_000), start + TimeSpan.FromMicroseconds(-1));
        Assert.Equal(new Instant(4_000), start - TimeSpan.FromMicroseconds(1));
        Assert.Equal(TimeSpan.FromMilliseconds(1), new Instant(1_005_000) - start);
    }
}
