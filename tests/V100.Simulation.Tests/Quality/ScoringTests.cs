using System.Text.RegularExpressions;
using V100.Net;
using V100.Sfu.Quality;
using V100.Sfu.Rooms;
using V100.Simulation.World;
using Xunit.Abstractions;

namespace V100.Simulation.Quality;

/// <summary>What a room's listeners are told of scores, what is kept of them, and what scoring costs.</summary>
public sealed partial class ScoringTests(ITestOutputHelper output)
{
    [Fact]
    public void Listeners_are_told_when_scores_cross_a_threshold_and_not_otherwise()
    {
        using var world = new SimulatedWorld(Seed.One(output));
        SimulatedClient alice = world.Publish(offer: ClientOffer.Publisher(world.Random).AudioOnly());
        SimulatedClient bob = world.Subscribe(offer: ClientOffer.Subscriber().AudioOnly());
        ReadingListener early = ReadingListener.Listen(world, "room");
        world.RunUntilConnected();
        world.Run(30);

        // Both participants, the track and the subscription, once each.
        Assert.Equal(4, Quality().Count(early.All));
        Assert.All(Quality().Matches(early.All), told => Assert.InRange(double.Parse(told.Groups["score"].Value, System.Globalization.CultureInfo.InvariantCulture), 4, 4.5));
        string subscription = Assert.Single(world.SessionOf(bob).Quality!.Subscriptions).Section.Sender.TrackId;
        Assert.Contains($"\"identity\":\"bob\",\"subscription\":\"{subscription}\",\"score\":4", early.All);
        Assert.Contains($"\"trackId\":\"{Assert.Single(world.SessionOf(alice).Tracks).Id}\",\"score\":4", early.All);

        // Who comes later begins with what was told.
        ReadingListener late = ReadingListener.Listen(world, "room");
        world.Run(1);
        Assert.Equal(4, Score().Count(late.All));

        world.Network.SetPath(bob.Address, LinkConditions.Good, LinkConditions.Good with { Loss = 0.3 });
        world.Run(10);
        Assert.Contains("{\"type\":\"quality\",\"identity\":\"bob\",\"score\":1.", early.All);
        int told = Quality().Count(early.All);
        Assert.InRange(told, 6, 10); // Bob and what he plays, down to three thresholds each.
        Assert.DoesNotContain("{\"type\":\"quality\",\"identity\":\"alice\",\"score\":1.", early.All);
        world.Run(30);
        Assert.InRange(Quality().Count(early.All), told, told + 2);
    }

    [Fact]
    public void A_series_of_a_call_has_a_point_for_each_ten_seconds()
    {
        using var world = new SimulatedWorld(Seed.One(output));
        world.Publish(offer: ClientOffer.Publisher(world.Random).AudioOnly());
        SimulatedClient bob = world.Subscribe(offer: ClientOffer.Subscriber().AudioOnly());
        world.RunUntilConnected();
        world.Run(120);
        List<QualityPoint> points = world.SessionOf(bob).Quality!.History.Since(new Instant(0));
        Assert.InRange(points.Count, 11, 13);
        Assert.All(points.Skip(1), point => Assert.InRange(point.Lowest, 4, point.Mean + 0.01));
        Assert.Equal(3, world.SessionOf(bob).Quality!.History.Since(world.Now - TimeSpan.FromSeconds(30)).Count);
    }

    [Fact]
    public void Scoring_allocates_nothing_and_ends_with_the_session()
    {
        using var world = new SimulatedWorld(Seed.One(output));
        world.Publish();
        SimulatedClient[] viewers = [.. Enumerable.Range(0, 20).Select(index => world.Subscribe($"viewer {index}", offer: ClientOffer.AdaptiveSubscriber()))];
        world.RunUntilConnected();
        world.Run(12);
        Session[] sessions = [.. world.Clients.Select(world.SessionOf)];
        Assert.All(sessions, session => Assert.NotNull(session.Quality!.Score));
        Instant now = world.Now;
        const int Rounds = 2000;
        Look(sessions, now, Rounds);
        long bytes = GC.GetAllocatedBytesForCurrentThread();
        long began = System.Diagnostics.Stopwatch.GetTimestamp();
        Look(sessions, now, Rounds);
        double microseconds = System.Diagnostics.Stopwatch.GetElapsedTime(began).TotalMicroseconds / Rounds / sessions.Length;
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - bytes);
        output.WriteLine(FormattableString.Invariant($"{microseconds:0.00} µs for a session with sound and picture: {microseconds * 3000 / 1e4:0.00} % of a core for 3,000"));

        foreach (SimulatedClient client in viewers)
        {
            client.Close(world.Now);
        }

        world.RunUntil(() => world.Server.Rooms.SessionCount == 1, 5);
        world.Run(3);
        Assert.NotNull(sessions[0].Quality!.Score);
    }

    private static void Look(Session[] sessions, Instant now, int rounds)
    {
        for (int round = 0; round < rounds; round++)
        {
            foreach (Session session in sessions)
            {
                session.Quality!.Update(now);
            }
        }
    }

    [GeneratedRegex("\"type\":\"quality\",[^}]*\"score\":(?<score>[0-9.]+)")]
    private static partial Regex Quality();

    [GeneratedRegex("\"score\":[0-9.]+")]
    private static partial Regex Score();
}
