using V100.Net;
using V100.Server.Usage;
using V100.Sfu.Peers;
using V100.Sfu.Rooms;
using V100.Sfu.Sdp;
using V100.Turn;

namespace V100.Server.Tests.Usage;

/// <summary>What is metered adds up to what workers counted and to the time that went by, whenever it is asked for.</summary>
public sealed class UsageMeterTests
{
    private static readonly DateTimeOffset _noon = new(2030, 1, 1, 12, 0, 0, TimeSpan.Zero);

    private readonly TurnDirectory _turn = new();
    private readonly UsageMeter _meter = new();
    private readonly RoomDirectory _rooms = new(
        new RoomLimits(),
        new TransportParameters([TransportAddress.FromIPv4(0x7F000001, 3478)], string.Join(':', Enumerable.Repeat("AB", 32)), 1),
        new PeerDirectory(),
        new SystemEntropy());

    private readonly Dictionary<UsageKey, UsageAmount> _total = [];
    private Instant _now = new(5_000_000_000);

    public UsageMeterTests() => _meter.Begin(_turn);

    [Fact]
    public void Published_and_delivered_bytes_are_the_differences_and_feedback_is_not_counted()
    {
        Session alice = Join("alice", SessionRole.Publish);
        Session bob = Join("bob", SessionRole.Subscribe);
        Connect(alice);
        Connect(bob);
        for (int round = 0; round < 3; round++)
        {
            alice.Peer.Traffic.CountReceived(1000);
            alice.Peer.Traffic.CountSent(10);
            bob.Peer.Traffic.CountSent(900);
            bob.Peer.Traffic.CountReceived(20);
            Collect(withTimes: false);
        }

        Assert.Equal(new UsageAmount(PublishedBytes: 3000), Of("alice"));
        Assert.Equal(new UsageAmount(DeliveredBytes: 2700), Of("bob"));
        UsageAmount[] before = [.. _total.Values];
        Collect(withTimes: false);
        Assert.Equal(before, _total.Values);
    }

    [Fact]
    public void The_last_bytes_of_a_session_count_that_its_worker_reports_after_it_was_closed()
    {
        Session bob = Join("bob", SessionRole.Subscribe);
        Connect(bob);
        Pass(10);
        _rooms.Close(bob, PeerCloseReason.Requested, _now);
        Tell();
        Collect();
        Assert.False(_meter.IsIdle);
        bob.Peer.Traffic.CountSent(77);
        _meter.TellClosed(bob.Peer);
        Pass(10);
        Collect();
        Assert.Equal(new UsageAmount(ParticipantUs: 10_000_000, DeliveredBytes: 77), Of("bob"));
        Assert.True(_meter.IsIdle);
    }

    [Fact]
    public void A_session_that_its_client_ended_is_done_with_in_either_order_and_one_that_never_connected_at_once()
    {
        Session alice = Join("alice", SessionRole.Publish);
        Connect(alice);
        Join("never", SessionRole.Publish);
        alice.Peer.Traffic.CountReceived(5);
        _meter.TellClosed(alice.Peer);
        _rooms.HandleEvent(new PeerEvent(PeerEventKind.Closed, alice.Peer, PeerCloseReason.DtlsClosed), _now);
        _rooms.Delete("r", _now);
        Tell();
        Collect();
        Assert.Equal(5, Of("alice").PublishedBytes);
        Assert.Equal(default, Of("never"));
        Assert.True(_meter.IsIdle);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Time_counts_while_connected_to_the_microsecond_however_often_it_is_asked_for(bool often)
    {
        Session alice = Join("alice", SessionRole.Publish);
        Pass(5);
        Connect(alice);
        for (int step = 0; step < 3333; step++)
        {
            _now = new Instant(_now.Nanoseconds + 3_000_333);
            if (often)
            {
                Collect();
            }
        }

        _rooms.Close(alice, PeerCloseReason.Requested, _now);
        Tell();
        Pass(5);
        Collect();
        const long elapsedUs = 3333 * 3_000_333L / 1000;
        Assert.Equal(elapsedUs, Of("alice").ParticipantUs);
        Assert.Equal(alice.Tracks.Count * elapsedUs, Of("alice").TrackUs);
        Assert.True(alice.Tracks.Count > 0);
    }

    [Fact]
    public void A_participant_with_two_sessions_is_there_once()
    {
        Session first = Join("alice", SessionRole.Publish);
        Connect(first);
        Pass(10);
        Session second = Join("alice", SessionRole.Subscribe);
        Connect(second);
        Pass(10);
        _rooms.Close(first, PeerCloseReason.Requested, _now);
        Tell();
        Pass(10);
        _rooms.Close(second, PeerCloseReason.Requested, _now);
        Tell();
        Pass(10);
        Collect();
        Assert.Equal(30_000_000, Of("alice").ParticipantUs);
        Assert.Equal(first.Tracks.Count * 20_000_000, Of("alice").TrackUs);
    }

    [Fact]
    public void What_is_counted_belongs_to_the_hour_of_the_call()
    {
        Session alice = Join("alice", SessionRole.Publish);
        Connect(alice);
        alice.Peer.Traffic.CountReceived(1);
        Collect(_noon.AddSeconds(-1));
        alice.Peer.Traffic.CountReceived(10);
        Collect(_noon);
        Assert.Equal(1, _total[new UsageKey(_noon.AddHours(-1).ToUnixTimeSeconds(), "r", "alice")].PublishedBytes);
        Assert.Equal(10, _total[new UsageKey(_noon.ToUnixTimeSeconds(), "r", "alice")].PublishedBytes);
    }

    [Fact]
    public void Relayed_bytes_stand_under_the_user_with_those_of_allocations_that_came_and_went_in_between()
    {
        AllocationRecord lasting = Allocate(1, "carol");
        lasting.CountToPeer(1, 100);
        Collect();
        lasting.CountToClient(1, 20);
        AllocationRecord brief = Allocate(2, "carol");
        brief.CountToPeer(1, 3);
        _turn.Remove(brief);
        Collect();
        lasting.CountToPeer(1, 4000);
        _turn.Remove(lasting);
        Collect();
        Assert.Equal(new UsageAmount(RelayedBytes: 4123), Of("carol", ""));
        Assert.True(_meter.IsIdle);
    }

    private Session Join(string identity, SessionRole role)
    {
        string offer = role == SessionRole.Publish ? "chromium-audio-video-sendonly" : "chromium-audio-video-recvonly";
        var request = new JoinRequest
        {
            Room = "r",
            Identity = identity,
            Role = role,
            Offer = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Offers", offer + ".sdp")),
        };
        Assert.Equal(JoinOutcome.Joined, _rooms.Join(request, _now, default, out Session session, out _));
        Tell();
        return session;
    }

    private void Connect(Session session)
    {
        Assert.True(session.Peer.TryClaim(0));
        _rooms.HandleEvent(new PeerEvent(PeerEventKind.Connected, session.Peer, PeerCloseReason.None), _now);
        Tell();
    }

    private AllocationRecord Allocate(ulong id, string user)
    {
        var record = new AllocationRecord(new AllocationId(id), "2000000000:" + user, user, default, RelayTransport.Udp, _now);
        _turn.Add(record);
        return record;
    }

    /// <summary>As the media plane does after each call.</summary>
    private void Tell()
    {
        while (_rooms.TryPollEvent(out RoomEvent e))
        {
            if (e.Session is { } session)
            {
                _meter.Tell(e.Kind, session, _now);
            }
        }
    }

    private void Pass(int seconds) => _now += TimeSpan.FromSeconds(seconds);

    private void Collect(bool withTimes = true) => Collect(_noon, withTimes);

    private void Collect(DateTimeOffset clock, bool withTimes = true) => _meter.Collect(_total, _now, clock, withTimes);

    private UsageAmount Of(string participant, string room = "r") => _total.GetValueOrDefault(new UsageKey(_noon.ToUnixTimeSeconds(), room, participant));
}
