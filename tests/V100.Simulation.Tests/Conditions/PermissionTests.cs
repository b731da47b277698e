using V100.Sfu.Forwarding;
using V100.Sfu.Peers;
using V100.Sfu.Rooms;
using V100.Sfu.Sdp;
using V100.Simulation.World;
using Xunit.Abstractions;

namespace V100.Simulation.Conditions;

/// <summary>An administrator mutes tracks, takes permissions and gives them back, while media flows.</summary>
public sealed class PermissionTests(ITestOutputHelper output)
{
    /// <summary>Both ways of a client, whose paths have 10 ms each, and what messages take within the server.</summary>
    private const double RoundTrip = 0.025;

    /// <summary>A round trip to the publisher, who answers a request for a keyframe with its next frame, and the way from the server to the subscriber.</summary>
    private const double ReturnTime = RoundTrip + 0.034 + 0.01;

    /// <summary>The same where it was asked for one just before.</summary>
    private static readonly double _latestReturnTime = Sfu.Rtcp.KeyframeRequests.Interval.TotalSeconds + ReturnTime;

    [Fact]
    public void A_muted_picture_stops_within_a_round_trip_and_comes_back_at_a_keyframe_without_a_gap()
    {
        foreach (int seed in Seed.Each(output))
        {
            using SimulatedWorld world = Call(seed, out SimulatedClient alice, out SimulatedClient bob);
            PublishedTrack picture = TrackOf(world, alice, MediaKind.Video);
            for (int round = 0; round < 3; round++)
            {
                Mute(world, alice, picture, muted: true);
                world.Run(RoundTrip);
                (int pictures, int sounds) = Played(bob);
                (long dropped, int asked) = (world.Server.Count(SfuCounter.DroppedMuted), alice.Video.KeyframeRequests);
                world.Run(1 + world.Random.NextDouble());
                Assert.Equal(pictures, bob.VideoPlayback.Packets.Count);
                Assert.InRange(bob.AudioPlayback.Packets.Count, sounds + 45, sounds + 105);
                Assert.True(world.Server.Count(SfuCounter.DroppedMuted) > dropped + 25);
                Assert.Equal(asked, alice.Video.KeyframeRequests);

                Mute(world, alice, picture, muted: false);
                world.Run(ReturnTime);
                Assert.Equal(asked + 1, alice.Video.KeyframeRequests);
                PlayedPacket first = bob.VideoPlayback.Packets.Values.Skip(pictures).First();
                Assert.True(first.Mark is { IsKeyframe: true, Index: 0 }, $"comes back with {first.Mark}");
                world.Run(1);
            }

            CheckStreams(world, alice, bob);
        }
    }

    [Fact]
    public void A_muted_voice_stops_within_a_round_trip_and_comes_back_within_one()
    {
        foreach (int seed in Seed.Each(output))
        {
            using SimulatedWorld world = Call(seed, out SimulatedClient alice, out SimulatedClient bob);
            PublishedTrack voice = TrackOf(world, alice, MediaKind.Audio);
            Mute(world, alice, voice, muted: true);
            world.Run(RoundTrip);
            (int pictures, int sounds) = Played(bob);
            world.Run(1);
            Assert.Equal(sounds, bob.AudioPlayback.Packets.Count);
            Assert.True(bob.VideoPlayback.Packets.Count > pictures + 25);
            Mute(world, alice, voice, muted: false);
            world.Run(RoundTrip + 0.02);
            Assert.True(bob.AudioPlayback.Packets.Count > sounds);
            CheckStreams(world, alice, bob);
        }
    }

    [Fact]
    public void Who_may_no_longer_publish_is_withdrawn_and_comes_back_without_a_new_offer()
    {
        foreach (int seed in Seed.Each(output))
        {
            using SimulatedWorld world = Call(seed, out SimulatedClient alice, out SimulatedClient bob);
            Participant participant = world.SessionOf(alice).Participant;
            Permit(world, alice, participant.Permissions with { CanPublish = false });
            Assert.Empty(participant.Tracks);
            world.Run(RoundTrip);
            (int pictures, int sounds) = Played(bob);
            world.Run(1);
            Assert.Equal((pictures, sounds), Played(bob));
            Assert.True(world.Server.Count(SfuCounter.DroppedWithdrawn) > 70);
            Assert.All(world.SessionOf(bob).Peer.Negotiated.Sections, section => Assert.Null(world.SessionOf(bob).Peer.GetSource(section.Index)));

            Permit(world, alice, participant.Permissions with { CanPublish = true });
            Assert.Equal(2, participant.Tracks.Count);
            world.Run(ReturnTime);
            Assert.True(bob.VideoPlayback.Packets.Count > pictures);
            Assert.True(bob.AudioPlayback.Packets.Count > sounds);
            CheckStreams(world, alice, bob);
        }
    }

    [Fact]
    public void A_source_that_is_left_out_is_withdrawn_alone()
    {
        foreach (int seed in Seed.Each(output))
        {
            using SimulatedWorld world = Call(seed, out SimulatedClient alice, out SimulatedClient bob);
            Participant participant = world.SessionOf(alice).Participant;
            Permit(world, alice, participant.Permissions with { Sources = TrackSources.Microphone | TrackSources.ScreenShare });
            Assert.Equal(TrackSources.Microphone, Assert.Single(participant.Tracks).Source);
            world.Run(RoundTrip);
            (int pictures, int sounds) = Played(bob);
            world.Run(1);
            Assert.Equal(pictures, bob.VideoPlayback.Packets.Count);
            Assert.InRange(bob.AudioPlayback.Packets.Count, sounds + 45, sounds + 55);

            Permit(world, alice, participant.Permissions with { Sources = TrackSources.All });
            world.Run(ReturnTime);
            Assert.True(bob.VideoPlayback.Packets.Count > pictures);
            CheckStreams(world, alice, bob);
        }
    }

    [Fact]
    public void Who_may_no_longer_subscribe_is_sent_nothing_and_others_see_no_difference()
    {
        foreach (int seed in Seed.Each(output))
        {
            using SimulatedWorld world = Call(seed, out SimulatedClient alice, out SimulatedClient bob);
            SimulatedClient carol = world.Subscribe("carol");
            world.RunUntil(() => carol.IsConnected, 5);
            Participant participant = world.SessionOf(bob).Participant;
            Permit(world, bob, participant.Permissions with { CanSubscribe = false });
            world.Run(RoundTrip);
            (int pictures, int sounds) = Played(bob);
            int sent = 0;
            world.Network.Tap = packet => sent += packet.To == bob.Address && packet.IsRtp ? 1 : 0;
            world.Run(1);
            Assert.Equal((pictures, sounds, 0), (bob.VideoPlayback.Packets.Count, bob.AudioPlayback.Packets.Count, sent));

            Permit(world, bob, participant.Permissions with { CanSubscribe = true });
            world.Run(ReturnTime);
            Assert.True(bob.VideoPlayback.Packets.Count > pictures);
            Assert.True(bob.AudioPlayback.Packets.Count > sounds);
            CheckStreams(world, alice, bob);
            PlaybackChecks.IsWhole(carol.VideoPlayback);
            PlaybackChecks.HasAllMedia(carol.VideoPlayback, alice.Video);
        }
    }

    [Fact]
    public void Mutes_and_permissions_that_change_all_the_time_leave_whole_streams()
    {
        foreach (int seed in Seed.Each(output))
        {
            using SimulatedWorld world = Call(seed, out SimulatedClient alice, out SimulatedClient bob);
            Session session = world.SessionOf(alice);
            for (int change = 0; change < 60; change++)
            {
                PublishedTrack track = session.Tracks[world.Random.Next(2)];
                if (world.Random.Next(2) == 0)
                {
                    Mute(world, alice, track, world.Random.Next(2) == 0);
                }
                else
                {
                    Permit(world, alice, ParticipantPermissions.Everything with { CanPublish = world.Random.Next(2) == 0 });
                }

                world.Run(world.Random.Next(4) == 0 ? 0 : 0.2 * world.Random.NextDouble());
            }

            foreach (PublishedTrack track in session.Tracks)
            {
                Mute(world, alice, track, muted: false);
            }

            Permit(world, alice, ParticipantPermissions.Everything);
            (int pictures, int sounds) = Played(bob);
            world.RunUntil(() => bob.VideoPlayback.Packets.Count > pictures && bob.AudioPlayback.Packets.Count > sounds, _latestReturnTime);
            CheckStreams(world, alice, bob);
        }
    }

    [Fact]
    public void An_encoding_of_many_comes_back_as_soon_after_any_pause()
    {
        foreach (int seed in Seed.Each(output, 5))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = world.Publish(offer: ClientOffer.SimulcastPublisher(world.Random));
            SimulatedClient bob = world.Subscribe(offer: ClientOffer.AdaptiveSubscriber());
            world.RunUntilConnected();
            world.Run(5);
            PublishedTrack picture = TrackOf(world, alice, MediaKind.Video);
            Mute(world, alice, picture, muted: true);
            world.Run(10);
            int pictures = bob.VideoPlayback.Packets.Count;
            Mute(world, alice, picture, muted: false);
            world.Run(ReturnTime);
            Assert.True(bob.VideoPlayback.Packets.Count > pictures);
            world.Settle();
            PlaybackChecks.IsOneStreamOfEncodings(bob.VideoPlayback);
        }
    }

    [Fact]
    public void Who_follows_goes_on_with_another_who_may_publish()
    {
        foreach (int seed in Seed.Each(output, 5))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = world.Publish();
            SimulatedClient bob = world.Subscribe(target: null);
            world.RunUntilConnected();
            SimulatedClient eve = world.Publish("eve");
            world.Run(1);
            Permit(world, alice, ParticipantPermissions.Everything with { CanPublish = false });
            world.RunUntil(() => bob.VideoPlayback.Packets.Values.Any(packet => packet.Mark.Source == eve.Video.SourceId), 2);
        }
    }

    private static SimulatedWorld Call(int seed, out SimulatedClient alice, out SimulatedClient bob)
    {
        var world = new SimulatedWorld(seed);
        alice = world.Publish();
        bob = world.Subscribe();
        world.RunUntilConnected();
        world.Run(1);
        return world;
    }

    private static PublishedTrack TrackOf(SimulatedWorld world, SimulatedClient client, MediaKind kind) =>
        world.SessionOf(client).Tracks.Single(track => track.Kind == kind);

    private static (int Pictures, int Sounds) Played(SimulatedClient client) => (client.VideoPlayback.Packets.Count, client.AudioPlayback.Packets.Count);

    private static void Mute(SimulatedWorld world, SimulatedClient client, PublishedTrack track, bool muted) => world.Server.Use(
        rooms =>
        {
            rooms.Mute(world.SessionOf(client).Participant, track, muted);
            return muted;
        },
        world.Now);

    private static void Permit(SimulatedWorld world, SimulatedClient client, ParticipantPermissions permissions) => world.Server.Use(
        rooms =>
        {
            Participant participant = world.SessionOf(client).Participant;
            rooms.Permit(participant, permissions);
            return participant;
        },
        world.Now);

    private static void CheckStreams(SimulatedWorld world, SimulatedClient alice, SimulatedClient bob)
    {
        world.Settle();
        PlaybackChecks.IsOneStreamOfEncodings(bob.VideoPlayback);
        PlaybackChecks.IsInOrder(bob.AudioPlayback);
        Assert.Equal((0, 0), (bob.VideoPlayback.Holes, bob.AudioPlayback.Holes));
        Assert.Equal(0, bob.VideoPlayback.Nacked + alice.Video.NackedPackets);
    }
}
