using V100.Net;
using V100.Turn.Tests.World;

namespace V100.Turn.Tests;

public class DenialLogTests
{
    [Fact]
    public void It_keeps_the_last_ones_the_newest_first()
    {
        var log = new DenialLog();
        Assert.Empty(log.Read());
        for (int i = 1; i <= DenialLog.Capacity + 5; i++)
        {
            log.Add(new Denial(new Instant(i), "alice", default, default, PeerUse.Send, PeerVerdict.DeniedLoopback));
        }

        Assert.Equal(Enumerable.Range(6, DenialLog.Capacity).Reverse(), log.Read().Select(denial => (int)denial.At.Nanoseconds));
    }

    [Fact]
    public void A_client_that_keeps_sending_to_a_denied_port_fills_no_log()
    {
        var world = new TurnWorld();
        RawClient client = world.Client();
        client.Allocate();
        client.CreatePermission($"{TurnWorld.RelayAddress}:1");
        for (int i = 0; i < 100; i++)
        {
            client.Send($"{TurnWorld.RelayAddress}:22", 1);
        }

        Assert.Single(world.Shard.Denials.Read());
        Assert.Equal(100, world.Count(TurnCounter.DroppedDeniedPeer));
        world.Advance(1);
        client.Send($"{TurnWorld.RelayAddress}:23", 1);
        Assert.Equal(23, world.Shard.Denials.Read()[0].Peer.Port);
    }
}
