using V100.Net;
using V100.Sfu.Ice;

namespace V100.Sfu.Tests.Ice;

/// <summary>Which pair is sent on, for how long, and what a restart does.</summary>
public class IcePairSelectionTests
{
    private const uint Low = IceTestPeer.Priority - 1;
    private const uint High = IceTestPeer.Priority;

    private static readonly TransportAddress s_home = IceTestPeer.Home;
    private static readonly TransportAddress s_mobile = IceTestPeer.Mobile;

    private static readonly IceCredentials s_restarted = IceTestPeer.Make("SrvUfra2", "second");
    private static readonly IceCredentials s_restartedAgain = IceTestPeer.Make("SrvUfra3", "third");

    [Fact]
    public void Before_a_nomination_the_highest_priority_is_sent_on()
    {
        using var peer = new IceTestPeer();
        Assert.Equal((true, true), Flags(peer.Check(s_home, priority: Low)));
        Assert.Equal(s_home, peer.Selected);
        Assert.Equal((true, true), Flags(peer.Check(s_mobile, priority: High)));
        Assert.Equal(s_mobile, peer.Selected);
        Assert.Equal((false, false), Flags(peer.Check(s_home, priority: Low)));
        Assert.Equal(s_mobile, peer.Selected);
    }

    [Fact]
    public void Before_a_nomination_a_silent_pair_gives_way()
    {
        using var peer = new IceTestPeer();
        peer.Check(s_home, priority: High);
        peer.Check(s_mobile, priority: Low);
        peer.Wait(3.1);
        Assert.True(peer.Check(s_mobile, priority: Low).SelectedChanged);
        Assert.Equal(s_mobile, peer.Selected);
    }

    [Fact]
    public void Regular_nomination_selects_whatever_the_priority()
    {
        using var peer = new IceTestPeer();
        peer.Check(s_home, priority: High);
        peer.Check(s_mobile, priority: Low);
        Assert.Equal(s_home, peer.Selected);
        Assert.Equal((false, true), Flags(peer.Check(s_mobile, nominate: true, Low)));
        Assert.Equal(s_mobile, peer.Selected);
        Assert.False(peer.Check(s_home, priority: High).SelectedChanged);
        Assert.Equal(s_mobile, peer.Selected);
    }

    [Fact]
    public void A_browser_that_nominates_another_pair_later_is_followed_at_once()
    {
        using var peer = new IceTestPeer();
        peer.Check(s_home, priority: High);
        peer.Check(s_home, nominate: true, High);
        peer.Wait(2);
        peer.Check(s_home, nominate: true, High);
        peer.Check(s_mobile, priority: Low);
        Assert.Equal(s_home, peer.Selected);
        Assert.True(peer.Check(s_mobile, nominate: true, Low).SelectedChanged);
        Assert.Equal(s_mobile, peer.Selected);
        // And back.
        Assert.True(peer.Check(s_home, nominate: true, High).SelectedChanged);
        Assert.Equal(s_home, peer.Selected);
    }

    [Fact]
    public void Aggressive_nomination_ends_on_the_highest_priority_in_any_order()
    {
        using var rising = new IceTestPeer();
        rising.Check(s_mobile, nominate: true, Low);
        Assert.True(rising.Check(s_home, nominate: true, High).SelectedChanged);
        Assert.Equal(s_home, rising.Selected);

        using var falling = new IceTestPeer();
        falling.Check(s_home, nominate: true, High);
        Assert.Equal((true, false), Flags(falling.Check(s_mobile, nominate: true, Low)));
        falling.Wait(0.5);
        Assert.False(falling.Check(s_mobile, nominate: true, Low).SelectedChanged);
        Assert.Equal(s_home, falling.Selected);
    }

    [Fact]
    public void Aggressive_nomination_moves_on_when_the_best_pair_falls_silent()
    {
        using var peer = new IceTestPeer();
        peer.Check(s_home, nominate: true, High);
        peer.Check(s_mobile, nominate: true, Low);
        peer.Wait(2.9);
        Assert.False(peer.Check(s_mobile, nominate: true, Low).SelectedChanged);
        peer.Wait(0.2);
        Assert.True(peer.Check(s_mobile, nominate: true, Low).SelectedChanged);
        Assert.Equal(s_mobile, peer.Selected);
    }

    [Fact]
    public void Pairs_differ_by_both_addresses_and_the_answer_leaves_from_the_one_asked()
    {
        using var peer = new IceTestPeer();
        TransportAddress second = IceTestPeer.Address("198.51.100.2:3478");
        peer.Check(s_home, nominate: true, High);
        Assert.True(peer.Check(s_home, priority: Low, to: second).NewPair);
        peer.Output.GetPacket(0, out _, out TransportAddress from);
        Assert.Equal(second, from);
        Assert.Equal(2, peer.Agent.Pairs.Length);
        Assert.True(peer.Agent.TryGetSelected(out _, out TransportAddress local));
        Assert.Equal(IceTestPeer.ServerAddress, local);
    }

    [Fact]
    public void At_the_bound_the_oldest_pair_that_is_not_selected_goes()
    {
        using var peer = new IceTestPeer();
        peer.Check(s_home, nominate: true, High);
        for (int i = 1; i < IceLiteAgent.MaxPairs; i++)
        {
            peer.Wait(0.01);
            peer.Check(s_home.WithPort((ushort)i), priority: Low);
            Assert.True(peer.Agent.Removed.IsEmpty);
        }

        peer.Wait(0.01);
        peer.Check(s_home.WithPort(1), priority: Low);
        for (int i = 100; i < 200; i++)
        {
            peer.Wait(0.01);
            Assert.True(peer.Check(s_home.WithPort((ushort)i), priority: Low).NewPair);
            Assert.Equal(IceLiteAgent.MaxPairs, peer.Agent.Pairs.Length);
            ushort gone = Assert.Single(peer.Agent.Removed.ToArray()).Remote.Port;
            Assert.False(peer.Agent.IsValidPair(s_home.WithPort(gone)));
            if (i == 100)
            {
                Assert.Equal(2, gone);
            }
        }

        Assert.Equal(s_home, peer.Selected);
    }

    [Fact]
    public void Consent_ends_30_s_after_the_last_valid_check()
    {
        using var peer = new IceTestPeer();
        Instant first = peer.Now;
        peer.Check(s_home, nominate: true);
        Assert.Equal(first + TimeSpan.FromSeconds(30), peer.Agent.ConsentDeadline);
        peer.Wait(20);
        peer.Check(s_home);
        Assert.Equal(peer.Now + TimeSpan.FromSeconds(30), peer.Agent.ConsentDeadline);

        // What is not authenticated does not count.
        peer.Wait(10);
        peer.Target = IceTestPeer.Make("SrvUfrag", "guess");
        peer.Check(s_home);
        Assert.Equal(peer.Now + TimeSpan.FromSeconds(20), peer.Agent.ConsentDeadline);
        Assert.Equal(peer.Agent.ConsentDeadline, peer.Agent.NextDeadline);

        peer.Wait(19.999);
        Assert.False(peer.Agent.HandleDeadline(peer.Now));
        Assert.Equal(s_home, peer.Selected);
        peer.Wait(0.001);
        Assert.True(peer.Agent.HandleDeadline(peer.Now));
        Assert.False(peer.Agent.TryGetSelected(out _, out _));
        Assert.Equal(s_home, Assert.Single(peer.Agent.Removed.ToArray()).Remote);
        Assert.Equal(Instant.Never, peer.Agent.NextDeadline);
    }

    [Fact]
    public void When_the_selected_pair_expires_the_best_of_the_others_is_sent_on()
    {
        using var peer = new IceTestPeer();
        peer.Check(s_home, nominate: true, High);
        peer.Wait(15);
        peer.Check(s_home.WithPort(7), priority: High);
        peer.Check(s_mobile, nominate: true, Low);
        peer.Check(s_home, priority: High);
        Assert.Equal(s_mobile, peer.Selected);
        peer.Wait(10);
        peer.Check(s_home, priority: High);
        peer.Check(s_home.WithPort(7), priority: High);
        peer.Wait(20);
        Assert.True(peer.Agent.HandleDeadline(peer.Now));
        // Nominated before, so better than one that never was.
        Assert.Equal(s_home, peer.Selected);
        Assert.Equal(2, peer.Agent.Pairs.Length);
    }

    [Fact]
    public void A_restart_keeps_both_credentials_until_a_pair_of_the_new_ones_is_nominated()
    {
        using var peer = new IceTestPeer();
        peer.Check(s_home);
        peer.Check(s_home, nominate: true);
        peer.Agent.Restart(s_restarted, IceTestPeer.PeerCredentials);
        Assert.True(peer.Agent.IsRestarting);
        Assert.True(peer.Check(s_home, nominate: true).IsValid);
        Assert.Equal(s_home, peer.Selected);

        peer.Target = s_restarted;
        Assert.Equal((true, false), Flags(peer.Check(s_mobile, priority: High)));
        Assert.Equal((default, true), peer.Answer());
        Assert.Equal(s_home, peer.Selected);
        Assert.True(peer.Agent.IsRestarting);

        IceCheckOutcome outcome = peer.Check(s_mobile, nominate: true, Low);
        Assert.Equal(new IceCheckOutcome(IceCheckResult.Answered, false, true, true), outcome);
        Assert.Equal(s_mobile, peer.Selected);
        Assert.Equal(s_home, Assert.Single(peer.Agent.Removed.ToArray()).Remote);
        Assert.False(peer.Agent.IsValidPair(s_home));
        Assert.False(peer.Agent.IsRestarting);

        peer.Target = IceTestPeer.Credentials;
        Assert.Equal(IceCheckResult.RejectedUnknownUsername, peer.Check(s_home, nominate: true).Result);
        Assert.Equal(s_mobile, peer.Selected);
    }

    [Fact]
    public void A_restart_over_the_same_addresses_never_stops_sending()
    {
        using var peer = new IceTestPeer();
        peer.Check(s_home);
        peer.Check(s_home, nominate: true);
        peer.Agent.Restart(s_restarted, IceTestPeer.PeerCredentials);
        peer.Target = s_restarted;
        Assert.Equal(new IceCheckOutcome(IceCheckResult.Answered), peer.Check(s_home));
        Assert.Equal(s_home, peer.Selected);

        // A late check from before: valid, but it nominates nothing.
        peer.Target = IceTestPeer.Credentials;
        Assert.Equal(new IceCheckOutcome(IceCheckResult.Answered), peer.Check(s_home, nominate: true));
        Assert.True(peer.Agent.IsRestarting);

        peer.Target = s_restarted;
        Assert.Equal(
            new IceCheckOutcome(IceCheckResult.Answered, RestartCompleted: true), peer.Check(s_home, nominate: true));
        Assert.Equal(s_home, peer.Selected);
        Assert.True(peer.Agent.Removed.IsEmpty);
    }

    [Fact]
    public void A_second_restart_before_the_first_is_done_replaces_it()
    {
        using var peer = new IceTestPeer();
        peer.Check(s_home);
        peer.Check(s_home, nominate: true);
        peer.Agent.Restart(s_restarted, IceTestPeer.PeerCredentials);
        peer.Target = s_restarted;
        peer.Check(s_mobile);
        peer.Agent.Restart(s_restartedAgain, IceTestPeer.PeerCredentials);
        Assert.Equal(IceCheckResult.RejectedUnknownUsername, peer.Check(s_mobile, nominate: true).Result);

        peer.Target = IceTestPeer.Credentials;
        Assert.True(peer.Check(s_home, nominate: true).IsValid);
        Assert.Equal(s_home, peer.Selected);

        peer.Target = s_restartedAgain;
        TransportAddress third = s_mobile.WithPort(9);
        Assert.True(peer.Check(third, nominate: true).RestartCompleted);
        Assert.Equal(third, peer.Selected);
        Assert.Equal(2, peer.Agent.Removed.Length);
        Assert.Equal(third, Assert.Single(peer.Agent.Pairs.ToArray()).Remote);
    }

    [Fact]
    public void A_restart_with_a_full_table_reports_every_pair_that_goes()
    {
        using var peer = new IceTestPeer();
        for (int i = 1; i <= IceLiteAgent.MaxPairs; i++)
        {
            peer.Check(s_home.WithPort((ushort)i), nominate: true);
        }

        peer.Agent.Restart(s_restarted, IceTestPeer.PeerCredentials);
        peer.Target = s_restarted;
        Assert.True(peer.Check(s_mobile, nominate: true).RestartCompleted);
        Assert.Equal(
            Enumerable.Range(1, IceLiteAgent.MaxPairs),
            peer.Agent.Removed.ToArray().Select(pair => (int)pair.Remote.Port).Order());
        Assert.Equal(s_mobile, Assert.Single(peer.Agent.Pairs.ToArray()).Remote);
    }

    private static (bool NewPair, bool SelectedChanged) Flags(IceCheckOutcome outcome)
    {
        Assert.True(outcome.IsValid);
        return (outcome.NewPair, outcome.SelectedChanged);
    }
}
