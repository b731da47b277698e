using V100.Turn.Tests.World;

namespace V100.Turn.Tests;

public class TurnQuotasTests
{
    private readonly TurnQuotas _quotas = new();

    [Fact]
    public void A_refused_charge_leaves_nothing()
    {
        TurnSettings limits = TurnWorld.Settings(maxPerUser: 3, maxAllocations: 5);
        Assert.Equal(QuotaResult.Charged, _quotas.Charge("alice", 2, limits, out UserAccount alice));
        Assert.Equal(QuotaResult.UserFull, _quotas.Charge("alice", 2, limits, out _));
        Assert.Equal(QuotaResult.UserFull, _quotas.Charge("bob", 4, TurnWorld.Settings(maxPerUser: 3), out _));
        Assert.Equal(QuotaResult.Charged, _quotas.Charge("carol", 3, limits, out UserAccount carol));
        Assert.Equal(QuotaResult.ServerFull, _quotas.Charge("dave", 1, limits, out _));
        Assert.Equal((5, 2), (_quotas.Total, _quotas.Users));
        Assert.Equal((2, 0, 3), (_quotas.ChargedTo("alice"), _quotas.ChargedTo("bob"), _quotas.ChargedTo("carol")));
        foreach (UserAccount account in new[] { alice, alice, carol, carol, carol })
        {
            _quotas.Release(account);
        }

        Assert.Equal((0, 0), (_quotas.Total, _quotas.Users));
    }

    [Fact]
    public void Many_threads_never_exceed_the_limits_and_give_all_back()
    {
        TurnSettings limits = TurnWorld.Settings(maxPerUser: 2, maxAllocations: 5);
        int charged = 0;
        Parallel.For(0, 4, thread =>
        {
            for (int i = 0; i < 20_000; i++)
            {
                if (_quotas.Charge($"user{i % 3}", 1, limits, out UserAccount account) == QuotaResult.Charged)
                {
                    Interlocked.Increment(ref charged);
                    // Others may have charged and not yet been refused; what is granted is never above the limit.
                    Assert.InRange(account.Charges, 1, 2);
                    _quotas.Release(account);
                }
            }
        });
        Assert.True(charged > 0);
        Assert.Equal((0, 0), (_quotas.Total, _quotas.Users));
    }
}
