using System.Net;
using V100.Server.Configuration;
using V100.Server.Media;
using V100.Turn;

namespace V100.Server.Tests.Media;

public class TurnSetupTests
{
    [Fact]
    public void What_is_configured_is_what_the_relay_gets()
    {
        TurnSettings usual = Settings();
        Assert.Equal((true, true, 200, 1000), (usual.Mobility, usual.TcpRelays, usual.UnauthenticatedAnswersPerSecond, usual.UnauthenticatedBurst));
        TurnSettings settings = Settings("--V100:Turn:Mobility=false", "--V100:Turn:UnauthenticatedPerSecond=7", "--V100:Turn:MaxBitsPerSecondPerUser=9");
        Assert.Equal((false, true, 7, 35, 9L),
            (settings.Mobility, settings.TcpRelays, settings.UnauthenticatedAnswersPerSecond, settings.UnauthenticatedBurst, settings.MaxBitsPerSecondPerUser));
        Assert.False(Settings("--V100:Turn:TcpRelays=false").TcpRelays);
        Assert.Equal(0, Settings("--V100:Turn:UnauthenticatedPerSecond=0").UnauthenticatedAnswersPerSecond);
    }

    private static TurnSettings Settings(params string[] arguments)
    {
        Assert.True(OptionsReader.FromArguments(arguments).TryRead(out ServerOptions options, out string? error), error);
        return new TurnSetup([IPAddress.Loopback], 3478, maxAllocations: 1000).Settings(options);
    }
}
