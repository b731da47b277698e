using V100.Sfu.Bwe;
using V100.Sfu.Quality;
using V100.Sfu.Sdp;
using V100.Sfu.Tests.Quality;
using V100.Simulation.World;
using Xunit.Abstractions;

namespace V100.Simulation.Quality;

/// <summary>Calls over paths that are ever worse: what the server makes of them by its own measurements.</summary>
public sealed class ImpairmentTests(ITestOutputHelper output)
{
    private static readonly double[] _losses = [0, 0.01, 0.03, 0.06, 0.12, 0.2, 0.3];
    private static readonly int[] _roundTripsMs = [0, 100, 300, 600];
    private static readonly int[] _jittersMs = [0, 20, 60, 150];

    /// <summary>What paths lose is drawn from the same numbers, and yet other packets are lost of one than of another.</summary>
    private const double Chance = 0.08;

    /// <summary>From the best path to the worst.</summary>
    private const double LeastFall = 0.3;

    private readonly record struct Path(double Loss, int RoundTripMs, int JitterMs, long RateBps = 0)
    {
        public LinkConditions Link => new()
        {
            Delay = TimeSpan.FromMilliseconds(RoundTripMs / 2.0), Jitter = TimeSpan.FromMilliseconds(JitterMs), RateBps = RateBps, QueueBytes = RateBps == 0 ? 128 * 1024 : (int)(RateBps / 8 * 0.3),
        };

        /// <summary>Reports come back the same way, and are not what is tried.</summary>
        public LinkConditions Back => Link with { RateBps = 0, Jitter = TimeSpan.Zero };

        /// <summary>Puts it between the server and the client. The n-th packet is lost on every path that loses as much, or more, than on one where it is.</summary>
        public void Apply(SimulatedWorld world, SimulatedClient client, int seed)
        {
            double loss = Loss;
            var random = new Random(seed);
            world.Network.SetPath(client.Address, Back, Link);
            world.Network.Admits = packet => packet.To != client.Address || random.NextDouble() >= loss;
        }
    }

    [Fact]
    public void Sound_falls_with_loss_delay_and_jitter_and_ranks_as_the_full_E_model()
    {
        int seed = Seed.One(output);
        var scores = new Dictionary<Path, double>();
        foreach (double loss in _losses)
        {
            foreach (int roundTripMs in _roundTripsMs)
            {
                foreach (int jitterMs in loss is 0 or 0.03 ? _jittersMs : [0])
                {
                    var path = new Path(loss, roundTripMs, jitterMs);
                    scores[path] = SoundOver(seed, path);
                }
            }
        }

        foreach (Path path in scores.Keys)
        {
            FallsTo(scores, path, path with { Loss = _losses.FirstOrDefault(loss => loss > path.Loss) });
            FallsTo(scores, path, path with { RoundTripMs = _roundTripsMs.FirstOrDefault(ms => ms > path.RoundTripMs) });
            FallsTo(scores, path, path with { JitterMs = _jittersMs.FirstOrDefault(ms => ms > path.JitterMs) });
        }

        double correlation = Ranks.Spearman([.. scores.Values], [.. scores.Keys.Select(FullRating)]);
        output.WriteLine(FormattableString.Invariant($"{scores.Count} paths, scores {scores.Values.Max():0.00} to {scores.Values.Min():0.00}, Spearman {correlation:0.000}"));
        Assert.InRange(correlation, 0.95, 1);
        Assert.InRange(scores[new Path(0, 0, 0)], 4, 4.5);
        Assert.InRange(scores[new Path(0.3, 600, 0)], 1, 1.5);
    }

    /// <summary>What is asked for again makes a picture whole, until the path loses too much or answers too late.</summary>
    [Fact]
    public void A_picture_falls_with_loss_with_the_rate_of_the_path_and_with_how_long_its_publisher_stands_still()
    {
        int seed = Seed.One(output);
        Falls("loss", [.. _losses.Select(loss => PictureOver(seed, new Path(loss, 300, 0), stillShare: 0))]);
        Falls("still", [.. new[] { 0, 0.2, 0.4, 0.6, 0.8 }.Select(share => PictureOver(seed, new Path(0, 60, 0), share))]);
        Falls("rate", [.. new[] { 0, 700_000, 400_000, 150_000 }.Select(rate => LayersOver(seed, new Path(0, 60, 0, rate)))]);
    }

    [Theory]
    [InlineData(true, QualityCause.BadUplink)]
    [InlineData(false, QualityCause.BadDownlink)]
    public void The_path_that_loses_is_blamed(bool isUp, QualityCause cause)
    {
        using var world = new SimulatedWorld(Seed.One(output));
        SimulatedClient alice = world.Publish(offer: ClientOffer.Publisher(world.Random).AudioOnly());
        SimulatedClient bob = world.Subscribe(offer: ClientOffer.Subscriber().AudioOnly());
        SimulatedClient carol = world.Subscribe("carol", offer: ClientOffer.Subscriber().AudioOnly());
        world.RunUntilConnected();
        world.Run(8);
        Assert.All(new[] { alice, bob, carol }, client => Assert.Equal((true, QualityCause.None), (QualityOf(world, client).Score > 4, QualityOf(world, client).Cause)));

        LinkConditions bad = LinkConditions.Good with { Loss = 0.12 };
        world.Network.SetPath((isUp ? alice : bob).Address, isUp ? bad : LinkConditions.Good, isUp ? LinkConditions.Good : bad);
        world.Run(8);
        Assert.Equal((true, cause), (QualityOf(world, bob).Score < 3.5, QualityOf(world, bob).Cause));
        Assert.Equal(isUp ? cause : QualityCause.None, QualityOf(world, alice).Cause);
        Assert.Equal(isUp ? cause : QualityCause.None, QualityOf(world, carol).Cause);
        Assert.Equal(QualityOf(world, bob).Score, world.SessionOf(bob).Participant.Score);
    }

    [Fact]
    public void A_device_that_decodes_less_than_comes_is_slow_and_one_that_decodes_all_is_not()
    {
        using var world = new SimulatedWorld(Seed.One(output));
        world.Publish();
        SimulatedClient bob = world.Subscribe();
        world.RunUntilConnected();
        world.Run(5);
        (double frames, double bytes) = (0, 0);
        foreach ((double shown, QualityCause cause) in new[] { (1.0, QualityCause.None), (0.1, QualityCause.SlowDevice), (1.0, QualityCause.None) })
        {
            for (int beacon = 0; beacon < 3; beacon++)
            {
                frames += 5 * 30 * shown;
                bytes += 5 * QualityOf(world, bob).Subscriptions.Sum(stream => stream.Inputs.BitrateBps) / 8;
                var said = new ClientBeacon(world.Now.Milliseconds, frames, 0, 0, 640, 360, 0, frames, 1, 20, 0, frames, bytes);
                world.Server.Use(
                    rooms =>
                    {
                        Sfu.Rooms.RoomDirectory.HandleBeacon(world.SessionOf(bob), in said, world.Now);
                        return 0;
                    },
                    world.Now);
                world.Run(5);
            }

            SessionQuality quality = QualityOf(world, bob);
            Assert.Equal((cause, cause == QualityCause.SlowDevice), (quality.Cause, quality.Beacon!.IsSlow));
            Assert.Equal(shown < 1, quality.Beacon.Score < quality.Subscriptions.Average(stream => stream.Score) - 0.3);
        }

        // Its word is forgotten when it says nothing more.
        world.Run(16);
        Assert.Null(QualityOf(world, bob).Beacon);
    }

    [Fact]
    public void What_rests_because_somebody_wants_it_so_or_is_not_there_has_no_score()
    {
        using var world = new SimulatedWorld(Seed.One(output));
        SimulatedClient alice = world.Publish();
        SimulatedClient bob = world.Subscribe(offer: ClientOffer.AdaptiveSubscriber());
        SimulatedClient carol = world.Subscribe("carol", target: "nobody");
        world.RunUntilConnected();
        world.Run(5);
        Assert.Equal((true, null), (QualityOf(world, bob).Score > 3, QualityOf(world, carol).Score));

        world.Limit(bob, new LayerConstraints { IsPaused = true });
        world.Run(12);
        Assert.Equal([MediaKind.Audio], QualityOf(world, bob).Subscriptions.Where(stream => stream.Score is not null).Select(stream => stream.Section.Kind));
        Assert.True(QualityOf(world, bob).Score > 4);
        world.Limit(bob, new LayerConstraints());
        world.RunUntil(() => QualityOf(world, bob).Subscriptions.All(stream => stream.Score > 2.5), 15);

        foreach (Publication publication in alice.Publications)
        {
            publication.Stop();
        }

        world.Run(5);
        Assert.InRange(QualityOf(world, bob).Subscriptions.Single(stream => stream.Section.Kind == MediaKind.Video).Score!.Value, 1, 2);
        world.Run(12);
        Assert.Equal((null, null), (QualityOf(world, bob).Score, QualityOf(world, alice).Score));
    }

    private static void FallsTo(Dictionary<Path, double> scores, Path path, Path worse)
    {
        bool isWorse = worse.Loss > path.Loss || worse.RoundTripMs > path.RoundTripMs || worse.JitterMs > path.JitterMs;
        if (isWorse && scores.TryGetValue(worse, out double score))
        {
            Assert.True(score <= scores[path] + Chance, $"{worse}: {score:0.00}, {path}: {scores[path]:0.00}");
        }
    }

    private void Falls(string what, double[] scores)
    {
        output.WriteLine($"{what}: {string.Join(", ", scores.Select(score => FormattableString.Invariant($"{score:0.00}")))}");
        for (int index = 1; index < scores.Length; index++)
        {
            Assert.InRange(scores[index], 1, scores[index - 1] + Chance);
        }

        Assert.InRange(scores[^1], 1, scores[0] - LeastFall);
    }

    /// <summary>What the path is known to do, put into the whole of the model: with a packet, a buffer of twice the jitter, and the codec's terms.</summary>
    private static double FullRating(Path path)
    {
        double jitterMs = path.JitterMs / 3.0; // The mean difference of two delays that are spread evenly.
        return FullEModel.Rating(46.5 + path.RoundTripMs / 2.0 + path.JitterMs / 2.0 + 2 * jitterMs, 100 * path.Loss, 10.67 / 1.48, 10.5);
    }

    private static double SoundOver(int seed, Path path)
    {
        using var world = new SimulatedWorld(seed);
        SimulatedClient alice = world.Publish(offer: ClientOffer.Publisher(world.Random).AudioOnly());
        SimulatedClient bob = world.Subscribe(offer: ClientOffer.Subscriber().AudioOnly());
        world.RunUntilConnected();
        world.Network.SetPath(alice.Address, new LinkConditions { Delay = TimeSpan.Zero }, new LinkConditions { Delay = TimeSpan.Zero });
        path.Apply(world, bob, seed);
        return MeanScore(world, bob, MediaKind.Audio, settleSeconds: 10, seconds: 60);
    }

    private static double PictureOver(int seed, Path path, double stillShare)
    {
        using var world = new SimulatedWorld(seed);
        SimulatedClient alice = world.Publish();
        SimulatedClient bob = world.Subscribe();
        world.RunUntilConnected();
        path.Apply(world, bob, seed);
        world.Run(6);
        double sum = 0;
        const int Turns = 30;
        for (int turn = 0; turn < Turns; turn++)
        {
            if (stillShare > 0)
            {
                alice.Video.Stop();
                world.Run(2.5 * stillShare);
                alice.Video.Start(world.Now);
            }

            sum += MeanScore(world, bob, MediaKind.Video, Math.Max(0, 2.5 * (1 - stillShare) - 1), seconds: 1);
        }

        return sum / Turns;
    }

    private static double LayersOver(int seed, Path path)
    {
        using var world = new SimulatedWorld(seed);
        LayeredCall.PublishSimulcast(world);
        SimulatedClient bob = world.Subscribe(offer: ClientOffer.AdaptiveSubscriber());
        path.Apply(world, bob, seed);
        world.RunUntilConnected();
        return MeanScore(world, bob, MediaKind.Video, settleSeconds: 20, seconds: 20);
    }

    private static double MeanScore(SimulatedWorld world, SimulatedClient client, MediaKind kind, double settleSeconds, int seconds)
    {
        world.Run(settleSeconds);
        double sum = 0;
        for (int second = 0; second < seconds; second++)
        {
            world.Run(1);
            sum += QualityOf(world, client).Subscriptions.Single(stream => stream.Section.Kind == kind).Score!.Value;
        }

        return sum / seconds;
    }

    private static SessionQuality QualityOf(SimulatedWorld world, SimulatedClient client) => world.SessionOf(client).Quality!;
}
