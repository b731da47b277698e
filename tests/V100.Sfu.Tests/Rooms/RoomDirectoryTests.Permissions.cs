using V100.Sfu.Forwarding;
using V100.Sfu.Peers;
using V100.Sfu.Rooms;
using V100.Sfu.Sdp;

namespace V100.Sfu.Tests.Rooms;

/// <summary>What an administrator changes while media flows.</summary>
public partial class RoomDirectoryTests
{
    private static readonly string PlayManyOffer = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Sdp", "Offers", "chromium-recvonly-4video-1audio.sdp"));
    private static readonly string PublishManyOffer = PlayManyOffer.Replace("a=recvonly", "a=sendonly", StringComparison.Ordinal);

    [Theory]
    [InlineData(TrackSources.All, "Camera ScreenShare ScreenShare ScreenShare Microphone")]
    [InlineData(TrackSources.ScreenShare | TrackSources.ScreenShareAudio, "ScreenShare ScreenShare ScreenShare ScreenShare ScreenShareAudio")]
    [InlineData(TrackSources.Camera | TrackSources.Microphone, "Camera Camera Camera Camera Microphone")]
    public void A_track_shows_what_its_place_and_its_token_say(TrackSources allowed, string expected)
    {
        RoomDirectory rooms = Create();
        Assert.Equal(JoinOutcome.Joined, Publish(rooms, "a", ParticipantPermissions.Everything with { Sources = allowed }, out Session session));
        IEnumerable<string> sources = session.Tracks.OrderBy(track => track.Kind == MediaKind.Audio).Select(track => track.Source.ToString());
        Assert.Equal(expected, string.Join(' ', sources));
    }

    [Fact]
    public void What_is_held_keeps_its_place_and_leaves_the_others_theirs()
    {
        RoomDirectory rooms = Create();
        Publish(rooms, "a", ParticipantPermissions.Everything, out Session publisher);
        Join(rooms, PlayManyOffer, SessionRole.Subscribe, "viewer", ParticipantPermissions.Everything, out Session viewer, target: "a");
        Connect(rooms, publisher);
        Assert.Equal<PublishedTrack?>(publisher.Tracks, Sources(viewer));

        rooms.Permit(publisher.Participant, ParticipantPermissions.Everything with { Sources = TrackSources.ScreenShare | TrackSources.Microphone });
        Assert.Equal(Without(publisher, track => track.Source == TrackSources.Camera), Sources(viewer));
        Assert.Equal(publisher.Tracks.Count - 1, publisher.Participant.Tracks.Count);

        PublishedTrack screen = publisher.Participant.Tracks.First(track => track.Source == TrackSources.ScreenShare);
        rooms.Mute(publisher.Participant, screen, true);
        Assert.Equal(Without(publisher, track => track.Source == TrackSources.Camera || track == screen), Sources(viewer));
        Assert.Contains(screen, publisher.Participant.Tracks);

        // Given back while it is muted: it stays muted.
        rooms.Permit(publisher.Participant, ParticipantPermissions.Everything with { CanPublish = false });
        Assert.All(Sources(viewer), Assert.Null);
        rooms.Permit(publisher.Participant, null);
        Assert.Equal(Without(publisher, track => track == screen), Sources(viewer));
        rooms.Mute(publisher.Participant, screen, false);
        Assert.Equal<PublishedTrack?>(publisher.Tracks, Sources(viewer));
    }

    [Fact]
    public void What_is_muted_or_withdrawn_is_told_from_the_time_when_it_can_be_played()
    {
        RoomDirectory rooms = Create();
        Publish(rooms, "a", ParticipantPermissions.Everything with { Sources = TrackSources.Camera }, out Session publisher);
        PublishedTrack camera = publisher.Tracks.First(track => track.Source == TrackSources.Camera);
        rooms.Mute(publisher.Participant, camera, true);
        rooms.Mute(publisher.Participant, camera, false);
        Assert.DoesNotContain(Events(rooms), e => e.Track is not null);
        Connect(rooms, publisher);
        Assert.Equal(publisher.Participant.Tracks, Events(rooms).Where(e => e.Kind == RoomEventKind.TrackPublished).Select(e => e.Track!));

        rooms.Mute(publisher.Participant, camera, true);
        rooms.Mute(publisher.Participant, camera, true);
        rooms.Mute(publisher.Participant, camera, false);
        Assert.Equal([(RoomEventKind.TrackMuted, camera), (RoomEventKind.TrackUnmuted, camera)], Events(rooms).Select(e => (e.Kind, e.Track!)));

        int permitted = publisher.Participant.Tracks.Count;
        rooms.Permit(publisher.Participant, ParticipantPermissions.Everything with { CanPublish = false });
        Assert.Equal(Enumerable.Repeat(RoomEventKind.TrackUnpublished, permitted), Events(rooms).Select(e => e.Kind));
        rooms.Permit(publisher.Participant, null);
        Assert.Equal(Enumerable.Repeat(RoomEventKind.TrackPublished, permitted), Events(rooms).Select(e => e.Kind));
    }

    [Fact]
    public void A_change_is_posted_to_the_shards_of_those_that_it_concerns()
    {
        RoomDirectory rooms = Create();
        Publish(rooms, "a", ParticipantPermissions.Everything, out Session publisher);
        Join(rooms, PlayManyOffer, SessionRole.Subscribe, "viewer", ParticipantPermissions.Everything, out Session viewer, target: "a");
        Join(rooms, PlayManyOffer, SessionRole.Subscribe, "other", ParticipantPermissions.Everything, out Session other, target: "nobody");
        foreach (Session session in new[] { publisher, viewer, other })
        {
            Connect(rooms, session);
        }

        Drain(rooms);
        rooms.Mute(publisher.Participant, publisher.Tracks[0], true);
        Assert.True(rooms.TryPollCommand(out _, out ShardCommand command));
        Assert.Equal((ShardCommandKind.Synchronize, viewer.Peer), (command.Kind, command.Peer));
        Assert.False(rooms.TryPollCommand(out _, out _));
        rooms.Mute(publisher.Participant, publisher.Tracks[0], true);
        Assert.False(rooms.TryPollCommand(out _, out _));
        rooms.Permit(viewer.Participant, ParticipantPermissions.Everything with { CanSubscribe = false });
        Assert.All(Sources(viewer), Assert.Null);
        Assert.True(rooms.TryPollCommand(out _, out command));
        Assert.Same(viewer.Peer, command.Peer);
    }

    [Fact]
    public void What_was_set_outlives_a_new_session_and_not_the_participant()
    {
        RoomDirectory rooms = Create();
        ParticipantPermissions silent = ParticipantPermissions.Everything with { Sources = TrackSources.Camera };
        Publish(rooms, "a", ParticipantPermissions.Everything, out Session first);
        rooms.Permit(first.Participant, silent);
        Publish(rooms, "a", ParticipantPermissions.Everything, out Session second);
        Assert.Equal((SessionState.Closed, silent), (first.State, second.Participant.Permissions));
        Assert.All(second.Tracks, track => Assert.Equal(track.Source == TrackSources.Camera ? TrackHold.None : TrackHold.Withdrawn, track.Hold));

        rooms.Permit(second.Participant, silent with { CanPublish = false });
        Assert.Equal(JoinOutcome.NotPermitted, Publish(rooms, "a", ParticipantPermissions.Everything, out _));
        Assert.NotEqual(SessionState.Closed, second.State);
        rooms.Close(second, PeerCloseReason.Requested, _now);
        Assert.Equal(JoinOutcome.Joined, Publish(rooms, "a", ParticipantPermissions.Everything, out Session again));
        Assert.Equal(ParticipantPermissions.Everything, again.Participant.Permissions);
    }

    [Fact]
    public void Publishers_are_bounded_and_who_publishes_may_do_so_again()
    {
        RoomDirectory rooms = Create(new RoomLimits { MaxPublishersPerRoom = 2 });
        Publish(rooms, "a", ParticipantPermissions.Everything, out Session a);
        Publish(rooms, "b", ParticipantPermissions.Everything, out _);
        Join(rooms, "r", "c", SessionRole.Subscribe, out _);
        Assert.Equal(JoinOutcome.TooManyPublishers, Publish(rooms, "c", ParticipantPermissions.Everything, out _));
        Assert.Equal(JoinOutcome.Joined, Publish(rooms, "b", ParticipantPermissions.Everything, out _));
        rooms.Close(a, PeerCloseReason.Requested, _now);
        Assert.Equal(JoinOutcome.Joined, Publish(rooms, "c", ParticipantPermissions.Everything, out _));
    }

    [Fact]
    public void An_empty_room_ends_at_its_timeout_also_when_that_was_changed()
    {
        RoomDirectory rooms = Create();
        foreach (string name in new[] { "kept", "shorter", "longer", "busy" })
        {
            rooms.Create(name, new RoomSettings(EmptyTimeout: TimeSpan.FromSeconds(60)), _now, default, out _);
        }

        Join(rooms, "busy", "a", SessionRole.Publish, out Session session);
        Connect(rooms, session);
        Change("shorter", 10);
        Change("longer", 600);
        Change("busy", 5);
        Pass(rooms, TimeSpan.FromSeconds(9));
        Assert.Equal(4, rooms.Rooms.Count);
        Pass(rooms, TimeSpan.FromSeconds(2));
        Assert.False(rooms.TryGetRoom("shorter", out _));
        Pass(rooms, TimeSpan.FromSeconds(50));
        Assert.Equal(["busy", "longer"], rooms.Rooms.Select(room => room.Name).Order(StringComparer.Ordinal));
        rooms.Close(session, PeerCloseReason.Requested, _now);
        Pass(rooms, TimeSpan.FromSeconds(4));
        Assert.True(rooms.TryGetRoom("busy", out _));
        Pass(rooms, TimeSpan.FromSeconds(2));
        Assert.False(rooms.TryGetRoom("busy", out _));
        Assert.Equal(["longer"], rooms.List(null, 10).ConvertAll(room => room.Name));

        void Change(string name, int seconds)
        {
            Assert.True(rooms.TryGetRoom(name, out Room room));
            rooms.Change(room, new RoomSettings(EmptyTimeout: TimeSpan.FromSeconds(seconds)));
        }
    }

    [Fact]
    public void Every_change_has_a_version_of_its_own()
    {
        RoomDirectory rooms = Create();
        rooms.Create("r", new RoomSettings(), _now, default, out Room room);
        Publish(rooms, "a", ParticipantPermissions.Everything, out Session session);
        List<ulong> versions = [room.Version, session.Participant.Version];
        rooms.Change(room, new RoomSettings(MaxParticipants: 2));
        versions.Add(room.Version);
        rooms.Describe(session.Participant, "A", null);
        versions.Add(session.Participant.Version);
        rooms.Permit(session.Participant, ParticipantPermissions.Everything);
        versions.Add(session.Participant.Version);
        rooms.Mute(session.Participant, session.Tracks[0], true);
        versions.Add(session.Participant.Version);
        rooms.Delete("r", _now);
        rooms.Create("r", new RoomSettings(), _now, default, out Room again);
        versions.Add(again.Version);
        Assert.Equal(versions, versions.Distinct());
    }

    [Fact]
    public void Pages_leave_nothing_out_and_repeat_nothing_while_rooms_come_and_go()
    {
        var random = new Random(1);
        RoomDirectory rooms = Create();
        List<string> lasting = [];
        for (int index = 0; index < 100; index++)
        {
            string name = $"room-{random.Next():x}";
            lasting.Add(name);
            rooms.Create(name, new RoomSettings(), _now, default, out _);
        }

        List<string> seen = [];
        string? after = null;
        while (rooms.List(after, 7) is { Count: > 0 } page)
        {
            seen.AddRange(page.ConvertAll(room => room.Name));
            after = page[^1].Name;

            // One comes before and one behind, and the very room that the next page begins after goes.
            rooms.Create($"room-{random.Next():x}", new RoomSettings(), _now, default, out _);
            rooms.Create("a" + after, new RoomSettings(), _now, default, out _);
            lasting.Remove(after);
            rooms.Delete(after, _now);
        }

        Assert.Equal(seen.Order(StringComparer.Ordinal), seen);
        Assert.Equal(seen.Distinct(), seen);
        Assert.Empty(lasting.Except(seen));
        Assert.Empty(rooms.List("zzz", 10));
        Assert.Empty(Create().List(null, 10));
    }

    private JoinOutcome Publish(RoomDirectory rooms, string identity, ParticipantPermissions permissions, out Session session) =>
        Join(rooms, PublishManyOffer, SessionRole.Publish, identity, permissions, out session);

    private JoinOutcome Join(
        RoomDirectory rooms, string offer, SessionRole role, string identity, ParticipantPermissions permissions, out Session session, string? target = null) => rooms.Join(
            new JoinRequest { Room = "r", Identity = identity, Role = role, Offer = offer, Target = target, Permissions = permissions }, _now, default, out session, out _);

    private static PublishedTrack?[] Without(Session publisher, Predicate<PublishedTrack> isHeld) =>
        [.. publisher.Tracks.Select(track => isHeld(track) ? null : track)];
}
