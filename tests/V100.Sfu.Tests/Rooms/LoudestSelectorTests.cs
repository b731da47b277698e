using V100.Net;
using V100.Sfu.Forwarding;
using V100.Sfu.Rooms;
using V100.Sfu.Tests.Rtp;
using Xunit.Abstractions;

namespace V100.Sfu.Tests.Rooms;

public class LoudestSelectorTests(ITestOutputHelper output)
{
    private static int CountSelected(SpokenRoom room, int members) => Enumerable.Range(0, members).Count(index => room[index].IsSelected);

    [Fact]
    public void Without_a_bound_all_go_through()
    {
        var room = new SpokenRoom(Seeds.NewRandom(output), 10, slots: 0);
        room.Run(100, []);
        Assert.Equal(10, CountSelected(room, 10));
    }

    [Fact]
    public void Who_begins_to_speak_is_heard_at_once_and_nobody_is_cut_in_a_word()
    {
        Random random = Seeds.NewRandom(output);
        var room = new SpokenRoom(random, 20, slots: 3);
        room.Run(3_000, []);
        Assert.Equal(3, CountSelected(room, 20));
        var lost = new int[20];
        for (int turn = 0; turn < 40; turn++)
        {
            // Two talk; one of them changes with each turn.
            int[] talking = [turn % 20, (turn + 1) % 20];
            bool[] before = [.. Enumerable.Range(0, 20).Select(index => room[index].IsSelected)];
            Array.Clear(lost);
            room.Run(3_000, talking, inWord =>
            {
                Assert.Equal(3, CountSelected(room, 20));
                for (int index = 0; index < 20; index++)
                {
                    lost[index] += inWord[index] && !room[index].IsSelected ? 20 : 0;
                    Assert.False(before[index] && !room[index].IsSelected && inWord[index], "cut in a word");
                    before[index] = room[index].IsSelected;
                }
            });
            Assert.All(lost, milliseconds => Assert.InRange(milliseconds, 0, 60));
        }
    }

    [Fact]
    public void Where_more_talk_than_there_are_places_the_places_do_not_change_hands_all_the_time()
    {
        var room = new SpokenRoom(Seeds.NewRandom(output), 6, slots: 2);
        room.Run(2_000, [0, 1]);
        int changes = 0;
        bool[] before = [.. Enumerable.Range(0, 6).Select(index => room[index].IsSelected)];
        room.Run(30_000, [0, 1, 2, 3], _ =>
        {
            for (int index = 0; index < 6; index++)
            {
                changes += before[index] != room[index].IsSelected ? 1 : 0;
                before[index] = room[index].IsSelected;
            }
        });
        Assert.Equal(0, changes);
    }

    [Fact]
    public void Who_is_much_louder_takes_a_place_at_a_gap_between_words()
    {
        var speakers = new ActiveSpeakers(2, 2);
        var selector = new LoudestSelector(1);
        AudioLevels[] levels = [new(), new()];
        Speaker[] both = [.. levels.Select((level, index) => speakers.TryAdd(new TrackId(index), level, new Instant(0))!)];
        long takenAtMs = -1;
        for (long ms = 20; ms < 20_000; ms += 20)
        {
            // The first talks softly with a gap of 300 ms in each second, the second begins at 5 s, loudly and without any.
            bool inGap = ms % 1_000 < 300;
            levels[0].Record((byte)(127 - (inGap ? 20 : 66)));
            levels[1].Record((byte)(127 - (ms < 5_000 ? 20 : 100)));
            speakers.Update(new Instant(ms * 1_000_000));
            selector.Update(speakers, new Instant(ms * 1_000_000));
            Assert.True(both[0].IsSelected ^ both[1].IsSelected || ms == 20);
            if (takenAtMs < 0 && both[1].IsSelected)
            {
                takenAtMs = ms;
                Assert.True(inGap);
            }
        }

        Assert.InRange(takenAtMs, 5_001, 8_000);
    }

    [Fact]
    public void A_track_without_levels_is_let_through_beside_the_places_and_who_leaves_makes_room()
    {
        var room = new SpokenRoom(Seeds.NewRandom(output), 4, slots: 1);
        room.Muted.Add(3);
        room.Run(500, [0]);
        Assert.Equal([true, false, false, true], Enumerable.Range(0, 4).Select(index => room[index].IsSelected));
        room.Speakers.Remove(room[0]);
        room.Run(100, [1]);
        Assert.Equal([false, true, false, true], Enumerable.Range(0, 4).Select(index => room[index].IsSelected));
    }
}
