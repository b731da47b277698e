using V100.Net;
using V100.Sfu.Forwarding;
using V100.Sfu.Rooms;
using V100.Sfu.Tests.Rtp;
using Xunit.Abstractions;

namespace V100.Sfu.Tests.Rooms;

public class ActiveSpeakersTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(false, 90)]
    [InlineData(true, 90)]
    [InlineData(false, 75)] // a quiet microphone
    public void Who_talks_is_dominant_within_a_second_and_a_half_and_stays_in_silence(bool dtx, int level)
    {
        var room = new SpokenRoom(Seeds.NewRandom(output), 5) { Dtx = dtx, SpeechLevel = level };
        room.Run(2_000, []);
        Assert.Null(room.Speakers.Dominant);
        room.Run(1_500, [3]);
        Assert.Same(room[3], room.Speakers.Dominant);
        Assert.Same(room[3], room.Speakers.Loudest[0]);
        room.Run(60_000, []);
        Assert.Same(room[3], room.Speakers.Dominant);
        Assert.Equal(0, room.Speakers.Loudest.Length);
        room.Run(1_500, [1]);
        Assert.Same(room[1], room.Speakers.Dominant);
        Assert.Equal(2, room.DominantChanges);
    }

    [Fact]
    public void A_cough_or_a_short_yes_changes_nothing()
    {
        var room = new SpokenRoom(Seeds.NewRandom(output), 4);
        room.Run(1_000, []);
        room.Run(5_000, [0]);
        for (int cough = 0; cough < 20; cough++)
        {
            room.Run(140, [0, 2]);
            room.Run(1_200, [0]);
        }

        Assert.Same(room[0], room.Speakers.Dominant);
        Assert.Equal(1, room.DominantChanges);
    }

    [Fact]
    public void Two_who_talk_at_once_do_not_alternate_and_turns_follow_the_talk()
    {
        var room = new SpokenRoom(Seeds.NewRandom(output), 4);
        room.Run(1_000, []);
        room.Run(3_000, [0]);
        room.Run(30_000, [0, 1]);
        Assert.InRange(room.DominantChanges, 1, 8);
        int before = room.DominantChanges;
        for (int turn = 0; turn < 10; turn++)
        {
            room.Run(5_000, [2 + turn % 2]);
            Assert.Same(room[2 + turn % 2], room.Speakers.Dominant);
        }

        Assert.Equal(before + 10, room.DominantChanges);
    }

    [Fact]
    public void The_list_holds_the_loudest_in_order_and_levels_that_are_close_do_not_swap()
    {
        Random random = Seeds.NewRandom(output);
        var speakers = new ActiveSpeakers(8, 2);
        var levels = new AudioLevels[3];
        for (int index = 0; index < 3; index++)
        {
            levels[index] = new AudioLevels();
            speakers.TryAdd(new TrackId(index), levels[index], new Instant(0));
        }

        int changes = 0;
        for (int step = 1; step < 2_000; step++)
        {
            levels[0].Record((byte)(127 - (step % 10 == 0 ? 20 : 60 + random.Next(10))));
            levels[1].Record((byte)(127 - (step % 10 == 0 ? 20 : 60 + random.Next(10))));
            levels[2].Record((byte)(127 - (step < 1_000 ? 20 : 95)));
            changes += (speakers.Update(new Instant(step * 20_000_000L)) & SpeakerChanges.Loudest) != 0 && step > 200 ? 1 : 0;
        }

        Assert.Equal([new TrackId(2), new TrackId(0)], speakers.Loudest.ToArray().Select(speaker => speaker.Track));
        Assert.InRange(changes, 1, 3);
    }

    [Fact]
    public void Who_leaves_is_dominant_no_more_and_more_than_the_bound_are_not_heard()
    {
        var room = new SpokenRoom(Seeds.NewRandom(output), 3);
        Assert.Null(room.Speakers.TryAdd(new TrackId(99), new AudioLevels(), room.Now));
        room.Run(500, []);
        room.Run(2_000, [1]);
        Speaker left = room[1];
        Assert.Same(left, room.Speakers.Dominant);
        room.Speakers.Remove(left);
        Assert.Null(room.Speakers.Dominant);
        Assert.Equal(0, room.Speakers.Loudest.Length);
        room.Run(1_500, [2]);
        Assert.Same(room[2], room.Speakers.Dominant);
    }

    [Fact]
    public void A_client_that_flags_voice_and_sends_nothing_else_is_heard()
    {
        var speakers = new ActiveSpeakers(2, 1);
        var gated = new AudioLevels();
        Speaker speaker = speakers.TryAdd(new TrackId(0), gated, new Instant(0))!;
        for (int step = 1; step < 100; step++)
        {
            gated.Record(AudioLevels.VoiceBit | 127 - 85);
            speakers.Update(new Instant(step * 20_000_000L));
        }

        Assert.True(speaker.IsSpeaking);
        Assert.Same(speaker, speakers.Dominant);
    }

    [Fact]
    public void A_steady_noise_is_no_speech_once_it_is_known()
    {
        var speakers = new ActiveSpeakers(2, 1);
        var fan = new AudioLevels();
        Speaker speaker = speakers.TryAdd(new TrackId(0), fan, new Instant(0))!;
        Random random = Seeds.NewRandom(output);
        for (int step = 1; step < 3_000; step++)
        {
            fan.Record((byte)(127 - 70 - random.Next(5)));
            speakers.Update(new Instant(step * 20_000_000L));
            Assert.False(speaker.IsSpeaking);
        }

        Assert.Null(speakers.Dominant);
    }

    [Fact]
    public void Updating_allocates_nothing()
    {
        var room = new SpokenRoom(Seeds.NewRandom(output), 50, slots: 3);
        long at = 0;
        Allocations.AssertNone(() =>
        {
            at += 20_000_000;
            room.Record((int)(at / 20_000_000 % 50), 80);
            room.Speakers.Update(new Instant(at));
            room.Selector.Update(room.Speakers, new Instant(at));
        });
    }
}
