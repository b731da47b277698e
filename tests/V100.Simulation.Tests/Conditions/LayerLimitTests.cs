using V100.Sfu.Bwe;
using V100.Sfu.Forwarding;
using V100.Sfu.Peers;
using V100.Sfu.Rooms;
using V100.Simulation.World;
using Xunit.Abstractions;

namespace V100.Simulation.Conditions;

/// <summary>A subscriber of a publisher with three encodings limits itself, and what is decided can be read.</summary>
public sealed class LayerLimitTests(ITestOutputHelper output)
{
    // In the order of the offer. No keyframe of the simulation tells a size, so rates alone tell which is larger.
    private const int High = 2;
    private const int Low = 0;

    [Fact]
    public void Limits_by_place_and_name_hold_and_are_lifted()
    {
        foreach (int seed in Seed.Each(output, 3))
        {
            using SimulatedWorld world = Call(seed, out _, out SimulatedClient bob);
            Session session = world.SessionOf(bob);
            RunUntilBest(world, session);

            world.Limit(bob, new LayerConstraints { MaxPlace = 0 });
            world.RunUntil(() => EncodingOf(world, session) == Low, 5);
            Assert.Equal(AllocationReason.ConstrainedByClient, Report(world, session).Layers!.Reason);

            world.Limit(bob, new LayerConstraints { MaxRid = "m" });
            world.RunUntil(() => EncodingOf(world, session) == 1, 5);

            world.Limit(bob, new LayerConstraints());
            world.RunUntil(() => EncodingOf(world, session) == High, 5);
        }
    }

    [Fact]
    public void A_pause_stops_the_picture_alone_and_its_end_brings_it_back()
    {
        foreach (int seed in Seed.Each(output, 3))
        {
            using SimulatedWorld world = Call(seed, out _, out SimulatedClient bob);
            Session session = world.SessionOf(bob);
            RunUntilBest(world, session);

            world.Limit(bob, new LayerConstraints { IsPaused = true });
            world.Run(1);
            (long video, long audio) = (PacketsOf(world, session, video: true), PacketsOf(world, session, video: false));
            world.Run(2);
            Assert.Equal(video, PacketsOf(world, session, video: true));
            Assert.True(PacketsOf(world, session, video: false) >= audio + 50);
            Assert.Equal(AllocationReason.PausedByClient, Report(world, session).Layers!.Reason);
            Assert.Equal(-1, EncodingOf(world, session));

            world.Limit(bob, new LayerConstraints());
            world.RunUntil(() => PacketsOf(world, session, video: true) > video + 30, 5);
        }
    }

    [Fact]
    public void Encodings_that_nobody_takes_are_not_wanted_and_one_that_rests_comes_back_for_who_takes_it()
    {
        foreach (int seed in Seed.Each(output, 3))
        {
            using SimulatedWorld world = Call(seed, out SimulatedClient alice, out SimulatedClient bob);
            Session session = world.SessionOf(bob);
            PublishedTrack track = world.SessionOf(alice).Tracks.Single(published => published.Encodings.Length == 3);
            RunUntilBest(world, session);
            world.Limit(bob, new LayerConstraints { MaxPlace = 0 });
            world.RunUntil(() => Wanted(track).SequenceEqual([true, false, false]), 12);

            // The publisher follows, and rests it.
            alice.Encoding("h").Stop();
            world.Run(5);
            Assert.Equal(0, track.Encodings[High].BitrateBps);
            world.Limit(bob, new LayerConstraints());
            world.RunUntil(() => track.Encodings[High].IsWanted, 3);
            alice.Encoding("h").Start(world.Now);
            world.RunUntil(() => EncodingOf(world, session) == High, 10);
        }
    }

    [Fact]
    public void An_encoding_that_does_not_come_back_is_given_up()
    {
        using SimulatedWorld world = Call(Seed.Each(output, 1).First(), out SimulatedClient alice, out SimulatedClient bob);
        Session session = world.SessionOf(bob);
        PublishedTrack track = world.SessionOf(alice).Tracks.Single(published => published.Encodings.Length == 3);
        RunUntilBest(world, session);
        world.Limit(bob, new LayerConstraints { MaxPlace = 0 });
        world.RunUntil(() => !track.Encodings[High].IsWanted, 12);
        alice.Encoding("h").Stop();
        world.Run(5);
        world.Limit(bob, new LayerConstraints());
        world.RunUntil(() => track.Encodings[High].IsWanted, 3);
        world.RunUntil(() => Report(world, session).Layers!.Target.Encoding == 1 && EncodingOf(world, session) == 1, 10);
        world.Run(20);
        Assert.Equal((1, false), (EncodingOf(world, session), track.Encodings[High].IsWanted));

        // Later it is asked for once more: the publisher's uplink may have recovered.
        world.RunUntil(() => track.Encodings[High].IsWanted, 15);
        alice.Encoding("h").Start(world.Now);
        world.RunUntil(() => EncodingOf(world, session) == High, 10);
    }

    [Fact]
    public void A_publisher_that_rests_everything_while_nobody_watches_is_asked_for_it_by_who_comes()
    {
        foreach (int seed in Seed.Each(output, 3))
        {
            using SimulatedWorld world = Call(seed, out SimulatedClient alice, out SimulatedClient bob);
            PublishedTrack track = world.SessionOf(alice).Tracks.Single(published => published.Encodings.Length == 3);
            RunUntilBest(world, world.SessionOf(bob));
            bob.Close(world.Now);
            world.RunUntil(() => Wanted(track).All(wanted => !wanted), 12);
            foreach (string rid in new[] { "l", "m", "h" })
            {
                alice.Encoding(rid).Stop();
            }

            world.Run(20);
            SimulatedClient carol = world.Subscribe("carol", offer: ClientOffer.AdaptiveSubscriber());
            world.RunUntil(() => Wanted(track).Any(wanted => wanted), 5);
            foreach (string rid in new[] { "l", "m", "h" })
            {
                alice.Encoding(rid).Start(world.Now);
            }

            world.RunUntil(() => carol.VideoPlayback.Packets.Count > 0, 5);
        }
    }

    [Fact]
    public void Decisions_of_a_traced_session_tell_why_and_others_tell_nothing()
    {
        using SimulatedWorld world = Call(Seed.Each(output, 1).First(), out SimulatedClient alice, out SimulatedClient bob);
        Session session = world.SessionOf(bob);
        session.Peer.TraceName = "bob";
        RunUntilBest(world, session);
        world.Limit(bob, new LayerConstraints { MaxPlace = 0 });
        world.RunUntil(() => EncodingOf(world, session) == Low, 5);
        List<Decision> decisions = [];
        foreach (SfuShard shard in world.Server.Shards)
        {
            while (shard.Trace.TryRead(out Decision decision))
            {
                decisions.Add(decision);
            }
        }

        Assert.All(decisions, decision => Assert.Equal("bob", decision.Session));
        Assert.Equal(decisions.OrderBy(decision => decision.At.Nanoseconds), decisions);
        foreach (DecisionKind kind in new[] { DecisionKind.Estimate, DecisionKind.Probe, DecisionKind.Allocation, DecisionKind.Switch, DecisionKind.KeyframeRequest })
        {
            Assert.Contains(decisions, decision => decision.Kind == kind);
        }

        Decision limited = decisions.Last(decision => decision is { Kind: DecisionKind.Allocation });
        Assert.Equal((Low, AllocationReason.ConstrainedByClient, 3), (limited.To!.Value.Encoding, limited.Reason, limited.Options!.Length));
        Assert.Equal(0, limited.Limits!.Value.MaxPlace);
        Assert.True(limited.EstimateBps > 0);
        Decision last = decisions.Last(decision => decision.Kind == DecisionKind.Switch);
        Assert.Equal((High, Low), (last.From!.Value.Encoding, last.To!.Value.Encoding));
        Assert.Equal(0, world.Server.Count(SfuCounter.TraceDropped));
        Assert.True(world.Server.Count(SfuCounter.EncodingSwitches) >= 1);
        Assert.True(world.Server.Shards.Sum(shard => Enumerable.Range(0, EstimateHistogram.BoundsBps.Length + 1).Sum(shard.Estimates.CountOf)) > 0);
    }

    [Fact]
    public void Listeners_of_the_room_are_told_what_rests_and_what_nobody_takes()
    {
        foreach (int seed in Seed.Each(output, 3))
        {
            using SimulatedWorld world = Call(seed, out SimulatedClient alice, out SimulatedClient bob);
            (Session publisher, Session subscriber) = (world.SessionOf(alice), world.SessionOf(bob));
            PublishedTrack track = publisher.Tracks.Single(published => published.Encodings.Length == 3);
            string subscription = subscriber.Peer.Negotiated.Sections.Single(section => section.Kind == Sfu.Sdp.MediaKind.Video).Sender.TrackId;
            ReadingListener listener = ReadingListener.Listen(world, publisher.Participant.Room.Name);
            RunUntilBest(world, subscriber);

            world.Limit(bob, new LayerConstraints { IsPaused = true });
            string of = $"\"identity\":\"{subscriber.Participant.Identity}\",\"subscription\":\"{subscription}\"";
            world.RunUntil(() => listener.Told($"{{\"type\":\"subscription_paused\",{of},\"reason\":\"paused_by_client\",\"trackId\":\"{track.Id}\"}}"), 1);
            world.RunUntil(() => listener.Told($"\"trackId\":\"{track.Id}\",\"wanted\":[]"), 12);
            world.Limit(bob, new LayerConstraints { MaxPlace = 0 });
            world.RunUntil(() => listener.Told($"{{\"type\":\"subscription_resumed\",{of}}}"), 1);
            world.RunUntil(() => listener.Told($"\"trackId\":\"{track.Id}\",\"wanted\":[\"l\"]"), 3);
        }
    }

    private static SimulatedWorld Call(int seed, out SimulatedClient alice, out SimulatedClient bob)
    {
        var world = new SimulatedWorld(seed);
        alice = world.Publish(offer: Offer(world.Random));
        (alice.Encoding("l").MaxFillerLength, alice.Encoding("m").MaxFillerLength, alice.Encoding("h").MaxFillerLength) = (200, 500, 1000);
        (alice.Encoding("l").MaxPacketsPerFrame, alice.Encoding("m").MaxPacketsPerFrame, alice.Encoding("h").MaxPacketsPerFrame) = (1, 2, 8);
        bob = world.Subscribe(offer: ClientOffer.AdaptiveSubscriber());
        world.RunUntilConnected();
        return world;
    }

    private static ClientOffer Offer(Random random)
    {
        ClientOffer offer = ClientOffer.SimulcastPublisher(random);
        return offer with { Sections = Array.ConvertAll(offer.Sections, section => section.Rids.Length == 0 ? section : section with { Rids = ["l", "m", "h"] }) };
    }

    /// <summary>The path has room, and all encodings were measured.</summary>
    private static void RunUntilBest(SimulatedWorld world, Session session)
    {
        world.Run(3);
        world.RunUntil(() => EncodingOf(world, session) == High && Report(world, session).Layers!.Reason == AllocationReason.Best, 30);
    }

    private static bool[] Wanted(PublishedTrack track) => Array.ConvertAll(track.Encodings, encoding => encoding.IsWanted);

    private static int EncodingOf(SimulatedWorld world, Session session) =>
        Reports(world, session).FirstOrDefault(stream => stream.Layers is not null).Layers?.Current.Encoding ?? -1;

    private static SentStreamReport Report(SimulatedWorld world, Session session) => Reports(world, session).Single(stream => stream.Layers is not null);

    private static long PacketsOf(SimulatedWorld world, Session session, bool video) =>
        Reports(world, session).Single(stream => stream.Layers is not null == video).Packets;

    private static List<SentStreamReport> Reports(SimulatedWorld world, Session session)
    {
        var report = new FilledReport();
        if (session.Peer.OwnerShard is var shard and >= 0)
        {
            world.Server.Shards[shard].HandleCommand(new ShardCommand(ShardCommandKind.Report, session.Peer, report), world.Now);
        }

        return report.Sent;
    }

    private sealed class FilledReport : PeerReport
    {
        protected internal override void Complete() => Assert.True(IsFilled);
    }
}
