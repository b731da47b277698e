using System.Text.Json;
using V100.Net;
using V100.Sfu.Bwe;
using V100.Sfu.Forwarding;
using V100.Sfu.Rooms;
using V100.Sfu.Sdp;
using V100.Sfu.Tests.Rtp;
using Xunit.Abstractions;

namespace V100.Sfu.Tests.Rooms;

public class RoomTickTests(ITestOutputHelper output)
{
    private static readonly TrackId Voice = new(1);
    private static readonly TrackId Picture = new(2);

    private readonly TickSchedule _schedule = new();
    private Instant _now = new(1_000_000_000);

    [Fact]
    public void Several_changes_of_one_thing_become_its_last_state()
    {
        RoomTick room = CreateRoom(out TestListener listener);
        room.Joined("a", null, null, default);
        room.Updated("a", "A", null);
        room.Published("a", Voice, MediaKind.Audio, "microphone", [""], false);
        room.Muted(Voice, true);
        room.Level(Voice, 100);
        Tick();
        listener.TakeAll();
        Assert.Equal(["participant_joined", "track_published"], Types(listener));
        Assert.Contains("\"name\":\"A\"", listener.Json);
        Assert.Contains("\"muted\":true,\"level\":-27", listener.Json);

        room.Muted(Voice, false);
        room.Level(Voice, 90);
        room.Muted(Voice, true);
        room.Muted(Voice, false);
        room.Level(Voice, 60);
        Tick();
        listener.TakeAll();
        Assert.Equal(["track_unmuted", "levels"], Types(listener));
        Assert.Contains("{\"TR_00000001\":-67}", listener.Json);
    }

    [Fact]
    public void What_came_and_went_between_two_ticks_is_not_told()
    {
        RoomTick room = CreateRoom(out TestListener listener);
        room.Joined("a", null, null, default);
        room.Published("a", Voice, MediaKind.Audio, "microphone", [""], false);
        room.Left("a");
        Tick();
        Assert.False(listener.TakeAll());
        Assert.Equal([TickEventKind.Snapshot], listener.Kinds);
        Assert.Equal(0, listener.Wakes);
    }

    [Fact]
    public void Who_leaves_and_comes_back_within_a_tick_comes_without_what_he_had()
    {
        RoomTick room = CreateRoom(out TestListener listener);
        room.Joined("a", null, null, default);
        room.Published("a", Voice, MediaKind.Audio, "microphone", [""], false);
        room.Paused("a", "TR_9", Voice, AllocationReason.EstimateTooLow);
        room.Speakers("a", ["a"]);
        Tick();
        listener.TakeAll();
        room.Left("a");
        room.Joined("a", "again", null, default);
        Tick();
        listener.TakeAll();
        Assert.Equal(["participant_left", "participant_joined", "speakers"], Types(listener));
        Assert.Equal(Fresh(room), listener.Told.ToString());
        Assert.DoesNotContain("TR_", listener.Told.ToString());
    }

    [Fact]
    public void A_room_that_was_quiet_tells_at_once_and_then_20_times_a_second()
    {
        RoomTick room = CreateRoom(out TestListener listener);
        Assert.Equal(Instant.Never, _schedule.Next);
        _now += TickSchedule.Interval;
        Run();
        room.Joined("a", null, null, default);
        room.Published("a", Voice, MediaKind.Audio, "microphone", [""], false);
        Instant end = _now + TimeSpan.FromSeconds(1);
        Assert.True(_schedule.Next <= _now);
        while (_now < end)
        {
            room.Level(Voice, (int)(_now.Milliseconds % 10) * 10);
            if (_now >= _schedule.Next)
            {
                Run();
            }

            _now += TimeSpan.FromMilliseconds(1);
        }

        listener.TakeAll();
        Assert.InRange(listener.Kinds.Count(kind => kind == TickEventKind.Tick), 19, 21);
        _now += TimeSpan.FromSeconds(1);
        Run();
        Assert.Equal(Instant.Never, _schedule.Next);
    }

    [Fact]
    public void Rooms_in_which_nothing_changed_are_in_no_list()
    {
        RoomTick[] rooms = [.. Enumerable.Range(0, 100).Select(_ => CreateRoom(out TestListener _))];
        rooms[42].Joined("a", null, null, default);
        Run();
        Assert.True(_schedule.TryPollTold(out TickLog told));
        Assert.Same(rooms[42].Log, told);
        Assert.False(_schedule.TryPollTold(out _));
    }

    [Fact]
    public void What_the_room_does_not_know_changes_nothing()
    {
        RoomTick room = CreateRoom(out TestListener listener);
        room.Updated("a", null, null);
        room.Left("a");
        room.Published("a", Voice, MediaKind.Audio, "microphone", [""], false);
        room.Unpublished(Voice);
        room.Muted(Voice, true);
        room.Wanted(Voice, 1);
        room.Level(Voice, 100);
        room.Speakers("a", ["a", "b"]);
        room.Paused("a", "TR_9", null, AllocationReason.EstimateTooLow);
        room.Resumed("TR_9");
        room.Unsubscribed("TR_9");
        room.ParticipantQuality("a", 4);
        room.TrackQuality(Voice, 4);
        room.SubscriptionQuality("a", "TR_9", 4);
        Assert.Equal(Instant.Never, _schedule.Next);
        Assert.False(listener.TakeAll());
    }

    [Fact]
    public void Names_are_told_as_they_are_whatever_they_hold()
    {
        RoomTick room = CreateRoom(out TestListener listener);
        const string Odd = "\"\\\u0001\n😀é</script>";
        room.Joined(Odd, Odd + '\uD800', null, default);
        room.Published(Odd, Picture, MediaKind.Video, "camera", [Odd, "h"], false);
        room.Wanted(Picture, 1);
        room.Speakers(Odd, [Odd]);
        Tick();
        listener.TakeAll();
        Assert.Equal([Odd], listener.Told.Identities);
        Assert.DoesNotContain('\n', listener.Json);
        JsonElement joined = JsonDocument.Parse(listener.Json).RootElement.GetProperty("changes")[0];
        Assert.Equal(Odd + '\uFFFD', joined.GetProperty("name").GetString());
        Assert.Equal(Fresh(room), listener.Told.ToString());
    }

    [Fact]
    public void Wanted_layers_pauses_and_scores_are_told()
    {
        RoomTick room = CreateRoom(out TestListener listener);
        room.Joined("a", null, null, default);
        room.Joined("b", null, null, default);
        room.Published("a", Picture, MediaKind.Video, "camera", ["q", "h", "f"], false);
        Tick();
        listener.TakeAll();
        Assert.Contains("\"layers\":[\"q\",\"h\",\"f\"],\"muted\":false,\"wanted\":[\"q\",\"h\",\"f\"]", listener.Json);
        room.Wanted(Picture, 0b1101);
        room.Paused("b", "TR_9", Picture, AllocationReason.EstimateTooLow);
        room.TrackQuality(Picture, 4.256);
        room.ParticipantQuality("b", 9);
        Tick();
        listener.TakeAll();
        Assert.Equal(["layers_wanted", "quality", "subscription_paused", "quality"], Types(listener));
        Assert.Contains("\"wanted\":[\"q\",\"f\"]", listener.Json);
        Assert.Contains("\"reason\":\"estimate_too_low\",\"trackId\":\"TR_00000002\"", listener.Json);
        Assert.Contains("\"score\":4.26", listener.Json);
        Assert.Contains("\"score\":5.00", listener.Json);
        room.Resumed("TR_9");
        Tick();
        listener.TakeAll();
        Assert.Equal(["subscription_resumed"], Types(listener));
    }

    [Fact]
    public void A_tick_allocates_nothing()
    {
        RoomTick room = CreateRoom(out TestListener _);
        var reader = new PlainListener();
        room.Log.Add(reader, room.Log.Id);
        for (int index = 0; index < 100; index++)
        {
            room.Joined($"{index}", null, null, default);
            room.Published($"{index}", new TrackId(index), MediaKind.Audio, "microphone", [""], false);
        }

        int turn = 0;
        byte[] json = new byte[TickLog.MaxBytes];
        Allocations.AssertNone(() =>
        {
            turn++;
            for (int index = 0; index < 10; index++)
            {
                room.Level(new TrackId(index), turn % 2 * 50);
                room.Muted(new TrackId(index), turn % 2 == 0);
                room.TrackQuality(new TrackId(index), 1 + turn % 2);
            }

            room.Speakers(turn % 2 == 0 ? "3" : "4", []);
            Tick();
            while (reader.TryPeek(out TickEvent next))
            {
                reader.TryTake(in next, json.AsSpan(0, next.Length));
            }
        });
        Assert.Equal(1_200, room.Log.Id.Number);
    }

    /// <summary>
    /// Whatever happens, and however slowly or brokenly it reads: who applies what it is told knows in the end what a new listener is told.
    /// </summary>
    [Fact]
    public void A_listener_that_applies_all_ticks_knows_what_a_snapshot_says()
    {
        Random random = Seeds.NewRandom(output);
        int behind = 0;

        // Most runs leave nobody behind at their end: as many more as it takes for one.
        for (int run = 0; run < Seeds.Scaled(20) || behind == 0 && run < 1_000; run++)
        {
            RoomTick room = CreateRoom(out TestListener eager);
            TestListener[] listeners = [eager, .. Enumerable.Range(0, 5).Select(_ => AddListener(room))];
            var story = new RandomRoom(random, room);
            int ticks = random.Next(10, 600);
            for (int tick = 0; tick < ticks; tick++)
            {
                for (int change = random.Next(12); change > 0; change--)
                {
                    story.Change();
                }

                Tick();
                for (int index = 0; index < listeners.Length; index++)
                {
                    // The first reads every tick, the last hardly ever; now and then one loses its connection.
                    if (random.Next(1 << (2 * index)) == 0 && listeners[index].TakeAll())
                    {
                        _schedule.Mark(room);
                    }

                    if (random.Next(100) == 0)
                    {
                        room.Log.Remove(listeners[index]);
                        listeners[index] = TestListener.After(listeners[index]);
                        room.Log.Add(listeners[index], listeners[index].Last);
                        _schedule.Mark(room);
                    }
                }
            }

            foreach (TestListener listener in listeners)
            {
                if (listener.TakeAll())
                {
                    behind++;
                    _schedule.Mark(room);
                    Tick();
                    Assert.False(listener.TakeAll());
                }

                Assert.Equal(Fresh(room), listener.Told.ToString());
            }
        }

        Assert.True(behind > 0);
    }

    private RoomTick CreateRoom(out TestListener listener)
    {
        var room = new RoomTick("r", _schedule, 0xABCD);
        listener = AddListener(room);
        Tick();
        listener.TakeAll();
        return room;
    }

    private TestListener AddListener(RoomTick room)
    {
        var listener = new TestListener();
        room.Log.Add(listener, null);
        _schedule.Mark(room);
        return listener;
    }

    /// <summary>What who comes now is told.</summary>
    private string Fresh(RoomTick room)
    {
        TestListener listener = AddListener(room);
        Tick();
        listener.TakeAll();
        Assert.Equal(TickEventKind.Snapshot, listener.Kinds[0]);
        room.Log.Remove(listener);
        return listener.Told.ToString();
    }

    /// <summary>An interval passes, and what changed is told.</summary>
    private void Tick()
    {
        _now += TickSchedule.Interval;
        Run();
        while (_schedule.TryPollTold(out _))
        {
        }
    }

    private void Run() => _schedule.Run(_now);

    private static IEnumerable<string> Types(TestListener listener) =>
        JsonDocument.Parse(listener.Json).RootElement.GetProperty("changes").EnumerateArray().Select(change => change.GetProperty("type").GetString()!);

    private sealed class PlainListener : TickListener
    {
        protected internal override void Wake()
        {
        }
    }
}
