using V100.Net;
using V100.Sfu.Peers;
using V100.Sfu.Rooms;
using V100.Sfu.Sdp;

namespace V100.Sfu.Tests.Rooms;

public partial class RoomDirectoryTests
{
    [Fact]
    public void A_listener_is_told_who_comes_and_goes_and_what_is_published()
    {
        RoomDirectory rooms = Create();
        Join(rooms, "r", "a", SessionRole.Publish, out Session first);
        Connect(rooms, first);
        TestListener listener = Listen(rooms, "r");
        Assert.Equal([TickEventKind.Snapshot], listener.Kinds);
        Assert.Equal(["a"], listener.Told.Identities);
        Assert.All(first.Tracks, track => Assert.Contains($"\"trackId\":\"{track.Id}\"", listener.Json));

        Join(rooms, "r", "b", SessionRole.Publish, out Session second);
        Assert.Contains("participant_joined", Told(rooms, listener));
        Connect(rooms, second);
        string published = Told(rooms, listener);
        Assert.All(second.Tracks, track => Assert.Contains($"{{\"type\":\"track_published\",\"identity\":\"b\",\"trackId\":\"{track.Id}\"", published));
        Assert.Contains("\"kind\":\"audio\",\"source\":\"microphone\"", published);
        Assert.Contains("\"kind\":\"video\",\"source\":\"camera\"", published);
        AssertKnows(rooms, listener);

        // Publishing again: the participant stays.
        Join(rooms, "r", "b", SessionRole.Publish, out _);
        string replaced = Told(rooms, listener);
        Assert.All(second.Tracks, track => Assert.Contains($"{{\"type\":\"track_unpublished\",\"identity\":\"b\",\"trackId\":\"{track.Id}\"}}", replaced));
        Assert.DoesNotContain("participant", replaced);
        rooms.RemoveParticipant("r", "b", _now);
        Assert.Equal("{\"changes\":[{\"type\":\"participant_left\",\"identity\":\"b\"}]}", Told(rooms, listener));
        AssertKnows(rooms, listener);
    }

    [Fact]
    public void A_listener_is_told_who_speaks_and_how_loud()
    {
        RoomDirectory rooms = Create();
        Join(rooms, "r", "a", SessionRole.Publish, out Session first);
        Join(rooms, "r", "b", SessionRole.Publish, out Session second);
        Connect(rooms, first);
        Connect(rooms, second);
        TestListener listener = Listen(rooms, "r");
        Sound(rooms, TimeSpan.FromSeconds(3), (first, Speech), (second, Noise));
        Told(rooms, listener);
        Assert.Contains("\"dominant\":\"a\",\"loudest\":[\"a\"]", listener.Told.ToString());
        Assert.Contains($"{first.Tracks[0].Id} of a: ", listener.Told.ToString());
        Assert.Contains("level=-25", listener.Told.ToString());
        AssertKnows(rooms, listener);
        int ticks = listener.Kinds.Count;
        Sound(rooms, TimeSpan.FromSeconds(10), (first, Silence), (second, Noise));
        Told(rooms, listener);

        // The level fell at once, and the loudness by and by; then nothing more is told.
        Assert.InRange(listener.Kinds.Count - ticks, 1, 4);
        Assert.Contains("\"dominant\":\"a\",\"loudest\":[]", listener.Told.ToString());
        rooms.Close(first, PeerCloseReason.Requested, _now);
        Told(rooms, listener);
        Assert.Contains("\"dominant\":null", listener.Told.ToString());
    }

    [Fact]
    public void A_listener_is_told_of_another_name_and_of_a_mute()
    {
        RoomDirectory rooms = Create();
        Join(rooms, "r", "a", SessionRole.Publish, out Session session);
        Connect(rooms, session);
        TestListener listener = Listen(rooms, "r");
        session.Participant.Name = "Another";
        RoomDirectory.TellUpdated(session.Participant);
        RoomDirectory.TellMuted(session.Participant, session.Tracks[0], isMuted: true);
        string told = Told(rooms, listener);
        Assert.Contains("{\"type\":\"participant_updated\",\"identity\":\"a\",\"name\":\"Another\"", told);
        Assert.Contains($"{{\"type\":\"track_muted\",\"identity\":\"a\",\"trackId\":\"{session.Tracks[0].Id}\"}}", told);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_end_of_a_room_is_the_last_that_is_told(bool deleted)
    {
        RoomDirectory rooms = Create();
        rooms.Create("r", new RoomSettings(EmptyTimeout: TimeSpan.FromSeconds(5)), _now, default, out _);
        TestListener listener = Listen(rooms, "r");
        if (deleted)
        {
            Assert.True(rooms.Delete("r", _now));
        }
        else
        {
            Pass(rooms, TimeSpan.FromSeconds(6));
        }

        Told(rooms, listener);
        Assert.Equal([TickEventKind.Snapshot, TickEventKind.End], listener.Kinds);
        Assert.Equal("{\"reason\":\"room_ended\"}", listener.Json);
        Assert.Equal(0, rooms.TickingRoomCount);
        rooms.RemoveListener(listener, _now);
        Assert.Equal(Instant.Never, rooms.NextTick);
    }

    [Fact]
    public void A_room_without_listeners_gathers_a_little_longer_so_that_one_may_come_back_and_then_nothing()
    {
        RoomDirectory rooms = Create();
        Join(rooms, "r", "a", SessionRole.Publish, out _);
        TestListener first = Listen(rooms, "r");
        rooms.RemoveListener(first, _now);
        Join(rooms, "r", "b", SessionRole.Publish, out _);
        Tick(rooms, TimeSpan.FromSeconds(20));
        TestListener second = TestListener.After(first);
        Assert.Equal(ListenOutcome.Listening, rooms.AddListener("r", second, second.Last));
        Assert.Contains("\"b\"", Told(rooms, second));
        Assert.Equal([TickEventKind.Tick], second.Kinds);

        // The time that was left counts no more: it begins anew when the second goes.
        Tick(rooms, TimeSpan.FromSeconds(20));
        Assert.Equal(1, rooms.TickingRoomCount);
        rooms.RemoveListener(second, _now);
        Tick(rooms, TimeSpan.FromSeconds(29));
        Assert.Equal(1, rooms.TickingRoomCount);
        Tick(rooms, TimeSpan.FromSeconds(2));
        Assert.Equal(0, rooms.TickingRoomCount);
        Assert.Equal(Instant.Never, rooms.NextTick);
        TestListener third = TestListener.After(second);
        rooms.AddListener("r", third, third.Last);
        Told(rooms, third);
        Assert.Equal([TickEventKind.Snapshot], third.Kinds);
    }

    [Fact]
    public void Listeners_of_a_room_are_bounded_and_of_none_there_are_none()
    {
        RoomDirectory rooms = Create(new RoomLimits { MaxListenersPerRoom = 2 });
        Assert.Equal(ListenOutcome.NoSuchRoom, rooms.AddListener("r", new TestListener(), null));
        Join(rooms, "r", "a", SessionRole.Publish, out _);
        Join(rooms, "s", "a", SessionRole.Publish, out _);
        TestListener first = Listen(rooms, "r");
        Listen(rooms, "r");
        var third = new TestListener();
        Assert.Equal(ListenOutcome.TooManyListeners, rooms.AddListener("r", third, null));
        rooms.RemoveListener(third, _now);
        Assert.Equal(ListenOutcome.Listening, rooms.AddListener("s", new TestListener(), null));
        rooms.RemoveListener(first, _now);
        Assert.Equal(ListenOutcome.Listening, rooms.AddListener("r", third, null));
    }

    [Fact]
    public void Ten_thousand_rooms_without_news_are_not_looked_at()
    {
        RoomDirectory rooms = Create();
        for (int index = 0; index < 10_000; index++)
        {
            rooms.Create($"{index}", new RoomSettings(), _now, default, out _);
            rooms.AddListener($"{index}", new TestListener(), null);
        }

        Tick(rooms, TimeSpan.FromSeconds(1));
        long ticks = rooms.TickCount;
        Assert.Equal((10_000, Instant.Never), (rooms.TickingRoomCount, rooms.NextTick));
        Join(rooms, "42", "a", SessionRole.Publish, out _);
        Tick(rooms, TimeSpan.FromSeconds(10));
        Assert.Equal((ticks + 1, Instant.Never), (rooms.TickCount, rooms.NextTick));
    }

    private TestListener Listen(RoomDirectory rooms, string room)
    {
        var listener = new TestListener();
        Assert.Equal(ListenOutcome.Listening, rooms.AddListener(room, listener, null));
        Told(rooms, listener);
        return listener;
    }

    /// <summary>What the listener is told within the next second; the last of it.</summary>
    private string Told(RoomDirectory rooms, TestListener listener)
    {
        Tick(rooms, TimeSpan.FromSeconds(1));
        Assert.False(listener.TakeAll());
        return listener.Json;
    }

    private void AssertKnows(RoomDirectory rooms, TestListener listener)
    {
        TestListener fresh = Listen(rooms, "r");
        Assert.Equal(fresh.Told.ToString(), listener.Told.ToString());
        rooms.RemoveListener(fresh, _now);
    }

    /// <summary>Goes from tick to tick, as the control loop does.</summary>
    private void Tick(RoomDirectory rooms, TimeSpan time)
    {
        Instant end = _now + time;
        while (rooms.NextTick <= end)
        {
            _now = rooms.NextTick > _now ? rooms.NextTick : _now;
            rooms.HandleTick(_now);
        }

        while (rooms.TryPollTold(out TickLog told))
        {
            told.WakeListeners();
        }

        _now = end;
    }
}
