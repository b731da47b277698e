using V100.Net;
using V100.Sfu.Forwarding;
using V100.Sfu.Peers;
using V100.Sfu.Rooms;
using V100.Sfu.Sdp;

namespace V100.Sfu.Tests.Rooms;

public partial class RoomDirectoryTests
{
    private static readonly string PublishOffer = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Sdp", "Offers", "chromium-audio-video-sendonly.sdp"));
    private static readonly string PlayOffer = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Sdp", "Offers", "chromium-audio-video-recvonly.sdp"));

    private readonly PeerDirectory _peers = new();
    private Instant _now = new(1_000_000_000);

    [Fact]
    public void A_room_is_created_once()
    {
        RoomDirectory rooms = Create();
        Assert.Equal(RoomOutcome.Created, rooms.Create("r", new RoomSettings(MaxParticipants: 2), _now, default, out Room room));
        Assert.Equal(RoomOutcome.Existing, rooms.Create("r", new RoomSettings(MaxParticipants: 9), _now, default, out Room again));
        Assert.Same(room, again);
        Assert.Equal(2, room.MaxParticipants);
    }

    [Fact]
    public void Rooms_are_bounded_and_without_auto_creation_must_exist()
    {
        RoomDirectory rooms = Create(new RoomLimits { MaxRooms = 1, AutoCreate = false });
        Assert.Equal(JoinOutcome.NoSuchRoom, Join(rooms, "r", "a", SessionRole.Publish, out _));
        rooms.Create("r", new RoomSettings(), _now, default, out _);
        Assert.Equal(RoomOutcome.TooManyRooms, rooms.Create("s", new RoomSettings(), _now, default, out _));
        Assert.Equal(JoinOutcome.Joined, Join(rooms, "r", "a", SessionRole.Publish, out _));
    }

    [Fact]
    public void A_full_room_takes_nobody_new_but_more_sessions_of_who_is_in_it()
    {
        RoomDirectory rooms = Create(new RoomLimits { MaxParticipantsPerRoom = 1, MaxSessionsPerParticipant = 2 });
        Assert.Equal(JoinOutcome.Joined, Join(rooms, "r", "a", SessionRole.Publish, out _));
        Assert.Equal(JoinOutcome.RoomFull, Join(rooms, "r", "b", SessionRole.Subscribe, out _));
        Assert.Equal(JoinOutcome.Joined, Join(rooms, "r", "a", SessionRole.Subscribe, out _));
        Assert.Equal(JoinOutcome.TooManySessions, Join(rooms, "r", "a", SessionRole.Subscribe, out _));
    }

    [Fact]
    public void An_offer_that_is_not_SDP_leaves_nothing_behind()
    {
        RoomDirectory rooms = Create();
        var request = new JoinRequest { Room = "r", Identity = "a", Role = SessionRole.Publish, Offer = "v=0\r\nnonsense\r\n" };
        Assert.Equal(JoinOutcome.OfferMalformed, rooms.Join(request, _now, default, out _, out SdpError error));
        Assert.Equal(2, error.Line);
        Assert.Empty(rooms.Rooms);
        Assert.Equal(0, _peers.UfragCount);
    }

    [Fact]
    public void A_subscriber_plays_its_target_from_the_moment_it_is_connected()
    {
        RoomDirectory rooms = Create();
        Join(rooms, "r", "viewer", SessionRole.Subscribe, out Session viewer, target: "a");
        Join(rooms, "r", "a", SessionRole.Publish, out Session publisher);
        Assert.Equal([null, null], Sources(viewer));
        Connect(rooms, publisher);
        Assert.Equal<PublishedTrack?>(publisher.Tracks, Sources(viewer));
        rooms.Close(publisher, PeerCloseReason.Requested, _now);
        Assert.Equal([null, null], Sources(viewer));
    }

    [Fact]
    public void Without_a_target_the_only_publisher_is_played_and_then_the_next()
    {
        RoomDirectory rooms = Create();
        Join(rooms, "r", "viewer", SessionRole.Subscribe, out Session viewer);
        Join(rooms, "r", "a", SessionRole.Publish, out Session first);
        Join(rooms, "r", "b", SessionRole.Publish, out Session second);
        Connect(rooms, first);
        Connect(rooms, second);
        Assert.Equal<PublishedTrack?>(first.Tracks, Sources(viewer));
        rooms.Close(first, PeerCloseReason.ConsentExpired, _now);
        Assert.Equal<PublishedTrack?>(second.Tracks, Sources(viewer));
    }

    [Fact]
    public void The_dominant_speaker_is_followed_but_not_a_cough()
    {
        RoomDirectory rooms = Create();
        Join(rooms, "r", "viewer", SessionRole.Subscribe, out Session viewer);
        Join(rooms, "r", "a", SessionRole.Publish, out Session first);
        Join(rooms, "r", "b", SessionRole.Publish, out Session second);
        Connect(rooms, first);
        Connect(rooms, second);
        Sound(rooms, TimeSpan.FromSeconds(3), (first, Speech), (second, Silence));
        Assert.Equal<PublishedTrack?>(first.Tracks, Sources(viewer));
        Sound(rooms, TimeSpan.FromMilliseconds(200), (first, Silence), (second, Speech));
        Sound(rooms, TimeSpan.FromSeconds(1), (first, Silence), (second, Silence));
        Assert.Equal<PublishedTrack?>(first.Tracks, Sources(viewer));
        Assert.All(first.Tracks, track => Assert.True(track.IsOfActiveSpeaker));
        Sound(rooms, TimeSpan.FromSeconds(3), (first, Silence), (second, Speech));
        Assert.Equal<PublishedTrack?>(second.Tracks, Sources(viewer));
        Assert.Same(second.Participant, second.Participant.Room.DominantSpeaker);
        Assert.All(first.Tracks, track => Assert.False(track.IsOfActiveSpeaker));
        Assert.All(second.Tracks, track => Assert.True(track.IsOfActiveSpeaker));
    }

    [Fact]
    public void A_room_in_which_nobody_speaks_is_not_listened_to_until_somebody_does()
    {
        RoomDirectory rooms = Create(new RoomLimits { LoudestSpeakers = 2 });
        Session[] publishers = new Session[3];
        for (int index = 0; index < publishers.Length; index++)
        {
            Join(rooms, index == 0 ? "other" : "r", $"p{index}", SessionRole.Publish, out publishers[index]);
            Connect(rooms, publishers[index]);
        }

        Sound(rooms, TimeSpan.FromSeconds(1), (publishers[0], Noise), (publishers[1], Speech), (publishers[2], Silence));
        Assert.Equal(2, rooms.AwakeRoomCount);
        Sound(rooms, TimeSpan.FromSeconds(12), (publishers[0], Noise), (publishers[1], Silence), (publishers[2], Noise));
        Assert.Equal(0, rooms.AwakeRoomCount);
        Sound(rooms, TimeSpan.FromSeconds(3), (publishers[0], Noise), (publishers[1], Silence), (publishers[2], Speech));
        Assert.Equal(1, rooms.AwakeRoomCount);
        Assert.Same(publishers[2].Participant, publishers[2].Participant.Room.DominantSpeaker);
        rooms.Close(publishers[2], PeerCloseReason.Requested, _now);
        Assert.Null(publishers[1].Participant.Room.DominantSpeaker);
    }

    [Fact]
    public void Beyond_the_places_the_silent_are_left_out_but_not_for_who_plays_one_alone()
    {
        RoomDirectory rooms = Create(new RoomLimits { LoudestSpeakers = 2 });
        Session[] publishers = new Session[4];
        for (int index = 0; index < publishers.Length; index++)
        {
            Join(rooms, "r", $"p{index}", SessionRole.Publish, out publishers[index]);
            Connect(rooms, publishers[index]);
        }

        Sound(rooms, TimeSpan.FromSeconds(3), (publishers[0], Silence), (publishers[1], Speech), (publishers[2], Speech), (publishers[3], Silence));
        bool[] expected = [false, true, true, false];
        Assert.Equal(expected, publishers.Select(publisher => publisher.Tracks[0].IsAmongLoudest));
        Join(rooms, "r", "viewer", SessionRole.Subscribe, out Session viewer, target: "p3");
        Assert.True(publishers[3].Tracks[0].IsPlayedAlone);
        Assert.False(publishers[0].Tracks[0].IsPlayedAlone);
        Join(rooms, "r", "viewer", SessionRole.Subscribe, out _, target: "p2");
        Assert.False(publishers[3].Tracks[0].IsPlayedAlone);
        Sound(rooms, TimeSpan.FromSeconds(3), (publishers[0], Silence), (publishers[1], Silence), (publishers[2], Speech), (publishers[3], Speech));
        expected = [false, false, true, true];
        Assert.Equal(expected, publishers.Select(publisher => publisher.Tracks[0].IsAmongLoudest));
    }

    [Fact]
    public void Publishing_again_replaces_the_session_before()
    {
        RoomDirectory rooms = Create();
        Join(rooms, "r", "a", SessionRole.Publish, out Session first);
        Connect(rooms, first);
        Join(rooms, "r", "a", SessionRole.Publish, out Session second);
        Assert.Equal(SessionState.Closed, first.State);
        Assert.Equal(PeerCloseReason.Replaced, first.CloseReason);
        Assert.Equal(1, rooms.SessionCount);
        Assert.Same(second, second.Participant.Publishing);
        Assert.Equal(1, _peers.UfragCount);
    }

    [Fact]
    public void A_session_that_never_connects_goes_after_its_patience_and_no_shard_can_claim_it()
    {
        RoomDirectory rooms = Create();
        Join(rooms, "r", "a", SessionRole.Publish, out Session session);
        Pass(rooms, TimeSpan.FromSeconds(29));
        Assert.Equal(SessionState.Connecting, session.State);
        Pass(rooms, TimeSpan.FromSeconds(2));
        Assert.Equal(PeerCloseReason.NeverConnected, session.CloseReason);
        Assert.False(session.Peer.TryClaim(0));
        Assert.Equal(0, _peers.UfragCount);
    }

    [Fact]
    public void An_empty_room_goes_after_its_time()
    {
        RoomDirectory rooms = Create();
        rooms.Create("r", new RoomSettings(EmptyTimeout: TimeSpan.FromSeconds(10)), _now, default, out _);
        Join(rooms, "r", "a", SessionRole.Publish, out Session session);
        Connect(rooms, session);
        Pass(rooms, TimeSpan.FromSeconds(60));
        Assert.Single(rooms.Rooms);
        rooms.Close(session, PeerCloseReason.Requested, _now);
        Pass(rooms, TimeSpan.FromSeconds(9));
        Assert.Single(rooms.Rooms);
        Pass(rooms, TimeSpan.FromSeconds(2));
        Assert.Empty(rooms.Rooms);
    }

    [Fact]
    public void Deleting_a_room_closes_everyone_and_tells_the_owners()
    {
        RoomDirectory rooms = Create();
        Join(rooms, "r", "a", SessionRole.Publish, out Session publisher);
        Join(rooms, "r", "b", SessionRole.Subscribe, out Session viewer);
        Connect(rooms, publisher);
        Connect(rooms, viewer);
        Drain(rooms);
        Assert.True(rooms.Delete("r", _now));
        Assert.False(rooms.Delete("r", _now));
        Assert.Equal(0, rooms.SessionCount);
        Assert.Equal(0, _peers.UfragCount);
        HashSet<PeerId> told = [];
        while (rooms.TryPollCommand(out int shard, out ShardCommand command))
        {
            Assert.Equal(command.Peer.OwnerShard, shard);
            Assert.Equal(PeerCloseReason.RoomClosed, command.Peer.CloseReason);
            told.Add(command.Peer.Id);
        }

        Assert.Equal([publisher.Peer.Id, viewer.Peer.Id], told);
    }

    [Fact]
    public void An_ICE_restart_changes_the_tag_and_leaves_two_ufrags_at_most()
    {
        RoomDirectory rooms = Create();
        Join(rooms, "r", "a", SessionRole.Publish, out Session session);
        Connect(rooms, session);
        string tag = session.IceTag;
        for (int restart = 0; restart < 3; restart++)
        {
            string fragment = $"a=ice-ufrag:new{restart}\r\na=ice-pwd:0123456789012345678901{restart}\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n";
            Assert.Equal(IceRestartOutcome.Restarted, rooms.HandleFragment(session, fragment, out string answer, out _));
            Assert.Contains($"a=ice-ufrag:{session.IceTag}", answer, StringComparison.Ordinal);
            Assert.Equal(IceRestartOutcome.NothingNew, rooms.HandleFragment(session, fragment, out _, out _));
        }

        Assert.NotEqual(tag, session.IceTag);
        Assert.Equal(2, _peers.UfragCount);
        rooms.Close(session, PeerCloseReason.Requested, _now);
        Assert.Equal(0, _peers.UfragCount);
    }

    [Fact]
    public void What_a_room_goes_through_is_told_in_order()
    {
        RoomDirectory rooms = Create();
        Join(rooms, "r", "a", SessionRole.Publish, out Session session);
        Connect(rooms, session);
        rooms.HandleEvent(new PeerEvent(PeerEventKind.Closed, session.Peer, PeerCloseReason.DtlsClosed), _now);
        rooms.Delete("r", _now);
        List<RoomEvent> events = Events(rooms);
        Assert.Equal(
            [
                RoomEventKind.RoomCreated,
                RoomEventKind.ParticipantJoined,
                RoomEventKind.SessionOpened,
                RoomEventKind.SessionConnected,
                .. session.Tracks.Select(_ => RoomEventKind.TrackPublished),
                .. session.Tracks.Select(_ => RoomEventKind.TrackUnpublished),
                RoomEventKind.SessionClosed,
                RoomEventKind.ParticipantLeft,
                RoomEventKind.RoomEnded,
            ],
            events.Select(e => e.Kind));
        Assert.Equal(session.Tracks, events.Where(e => e.Kind == RoomEventKind.TrackPublished).Select(e => e.Track));
        Assert.Equal(PeerCloseReason.DtlsClosed, session.CloseReason);
        Assert.Equal(RoomEndReason.Deleted, events[^1].Room.EndReason);
        Assert.All(events, e => Assert.Equal("r", e.Room.Name));
        Assert.All(events[1..^1], e => Assert.Equal("a", e.Participant!.Identity));
    }

    [Fact]
    public void A_session_that_never_connected_has_published_nothing_and_a_participant_leaves_with_the_last()
    {
        RoomDirectory rooms = Create();
        Join(rooms, "r", "a", SessionRole.Publish, out Session first);
        Join(rooms, "r", "a", SessionRole.Subscribe, out Session second);
        rooms.Close(first, PeerCloseReason.Requested, _now);
        Assert.DoesNotContain(Events(rooms), e => e.Kind is RoomEventKind.TrackPublished or RoomEventKind.TrackUnpublished or RoomEventKind.ParticipantLeft);
        rooms.Close(second, PeerCloseReason.Requested, _now);
        Assert.Equal([RoomEventKind.SessionClosed, RoomEventKind.ParticipantLeft], Events(rooms).Select(e => e.Kind));
    }

    [Fact]
    public void Rooms_end_when_nobody_came_and_when_the_server_stops()
    {
        RoomDirectory rooms = Create(new RoomLimits { EmptyTimeout = TimeSpan.FromSeconds(10) });
        rooms.Create("empty", new RoomSettings(), _now, default, out Room empty);
        Pass(rooms, TimeSpan.FromSeconds(11));
        Join(rooms, "busy", "a", SessionRole.Publish, out Session session);
        rooms.CloseEverything(_now);
        Assert.Equal(RoomEndReason.Empty, empty.EndReason);
        Assert.Equal(RoomEndReason.ServerStopping, session.Participant.Room.EndReason);
        Assert.Equal(["empty", "busy"], Events(rooms).Where(e => e.Kind == RoomEventKind.RoomEnded).Select(e => e.Room.Name));
        Assert.Empty(rooms.Rooms);
    }

    private static List<RoomEvent> Events(RoomDirectory rooms)
    {
        List<RoomEvent> events = [];
        while (rooms.TryPollEvent(out RoomEvent e))
        {
            events.Add(e);
        }

        return events;
    }

    private RoomDirectory Create(RoomLimits? limits = null) => new(
        limits ?? new RoomLimits(),
        new TransportParameters([TransportAddress.FromIPv4(0x7F000001, 3478)], string.Join(':', Enumerable.Repeat("AB", 32)), 4),
        _peers,
        new SystemEntropy());

    private JoinOutcome Join(RoomDirectory rooms, string room, string identity, SessionRole role, out Session session, string? target = null)
    {
        var request = new JoinRequest
        {
            Room = room,
            Identity = identity,
            Role = role,
            Offer = role == SessionRole.Publish ? PublishOffer : PlayOffer,
            Target = target,
        };
        return rooms.Join(request, _now, default, out session, out _);
    }

    /// <summary>What the shard that claims the peer reports.</summary>
    private void Connect(RoomDirectory rooms, Session session)
    {
        Assert.True(session.Peer.TryClaim(0));
        rooms.HandleEvent(new PeerEvent(PeerEventKind.Connected, session.Peer, PeerCloseReason.None), _now);
    }

    /// <summary>Goes from deadline to deadline, as the control loop does.</summary>
    private void Pass(RoomDirectory rooms, TimeSpan time)
    {
        Instant end = _now + time;
        while (rooms.NextDeadline <= end)
        {
            _now = Instant.Earlier(end, rooms.NextDeadline > _now ? rooms.NextDeadline : _now);
            rooms.HandleDeadline(_now);
        }

        _now = end;
    }

    // Of RFC 6464: the voice flag, and the level below the loudest.
    private const byte Speech = 0x80 | 25;
    private const byte Noise = 70;
    private const byte Silence = 127;

    /// <summary>A packet of each every 20 ms, as their shards record them.</summary>
    private void Sound(RoomDirectory rooms, TimeSpan time, params (Session Session, byte Level)[] voices)
    {
        for (Instant end = _now + time; _now < end;)
        {
            foreach ((Session session, byte level) in voices)
            {
                session.Tracks[0].RecordAudioLevel(level);
            }

            Pass(rooms, TimeSpan.FromMilliseconds(20));
        }
    }

    private static void Drain(RoomDirectory rooms)
    {
        while (rooms.TryPollCommand(out _, out _))
        {
        }
    }

    private static PublishedTrack?[] Sources(Session session) =>
        [.. session.Peer.Negotiated.Sections.Select(section => session.Peer.GetSource(section.Index))];
}
