using V100.Net;
using V100.Server.Connections;
using V100.Turn;

namespace V100.Server.Tests.Connections;

/// <summary>The pace of a user with a rate, on a clock that a test moves.</summary>
internal static class TestPace
{
    public static Instant At(ManualTime time) => new(time.GetTimestamp() * 100);

    public static SplicePace Make(int bytesPerSecond, ManualTime time)
    {
        TurnSettings settings = new()
        {
            Credentials = new TurnCredentials("example", []),
            Peers = new PeerPolicy(new PeerRules()),
            MaxBitsPerSecondPerUser = 8 * bytesPerSecond,
        };
        TurnServer server = new(settings, 1, new SystemEntropy(), 0, At(time));
        Assert.Equal(QuotaResult.Charged, server.Quotas.Charge("user", 1, settings, out UserAccount account));
        return new SplicePace(new UserRate(account, server), () => At(time), time);
    }
}
