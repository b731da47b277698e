using V100.Sfu.Peers;
using V100.Sfu.Sdp;
using V100.Simulation.World;
using Xunit.Abstractions;

namespace V100.Simulation.Traps;

/// <summary>Names that each client has chosen for itself: payload types, header extensions, mids.</summary>
public sealed class MappingTests(ITestOutputHelper output)
{
    private static readonly HeaderExtensionKind[] _kinds =
    [
        HeaderExtensionKind.Mid, HeaderExtensionKind.Rid, HeaderExtensionKind.RepairedRid, HeaderExtensionKind.AudioLevel,
        HeaderExtensionKind.TransportCc, HeaderExtensionKind.VideoOrientation, HeaderExtensionKind.PlayoutDelay, HeaderExtensionKind.DependencyDescriptor,
    ];

    private static readonly LinkConditions _lossy = new() { Loss = 0.03, Jitter = TimeSpan.FromMilliseconds(10) };

    [Fact]
    public void Line_20_Every_extension_arrives_under_the_subscribers_id_whatever_forms_both_sides_use()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            bool publisherMixes = world.Random.Next(2) == 0;
            bool subscriberMixes = world.Random.Next(2) == 0;
            byte[] descriptor = new byte[publisherMixes ? 40 : 12];
            world.Random.NextBytes(descriptor);

            // Without a structure: one made by chance might speak of layers in which there is no keyframe ever.
            descriptor[3] &= 0x7F;
            SimulatedClient alice = world.Publish(
                configure: client =>
                {
                    client.Video.Rid = "high";
                    client.Video.DependencyDescriptor = descriptor;

                    // So little that no pacer leaves out any.
                    client.Video.MaxFillerLength = 200;
                },
                offer: Permute(world.Random, ClientOffer.Publisher(world.Random), publisherMixes));
            SimulatedClient bob = world.Subscribe(offer: Permute(world.Random, ClientOffer.Subscriber(), subscriberMixes));
            world.Network.Default = _lossy;
            world.RunUntilConnected(10);
            world.Run(2);
            world.Settle();
            PlaybackChecks.IsWhole(bob.VideoPlayback);
            PlaybackChecks.IsTrue(bob.AudioPlayback);
            Assert.Equal([alice.Video.Orientation], bob.VideoPlayback.Extensions[HeaderExtensionKind.VideoOrientation]);
            Assert.Equal(Publication.PlayoutDelay, bob.VideoPlayback.Extensions[HeaderExtensionKind.PlayoutDelay]);
            Assert.Equal([alice.Audio.AudioLevel], bob.AudioPlayback.Extensions[HeaderExtensionKind.AudioLevel]);

            // VP8 says by its own numbers what a subscriber needs; a descriptor with the publisher's besides would contradict them.
            Assert.DoesNotContain(HeaderExtensionKind.DependencyDescriptor, bob.VideoPlayback.Extensions.Keys);
            Assert.DoesNotContain(HeaderExtensionKind.Rid, bob.VideoPlayback.Extensions.Keys);
            Assert.DoesNotContain(HeaderExtensionKind.RepairedRid, bob.VideoPlayback.Extensions.Keys);
        }
    }

    [Fact]
    public void Line_20_Unannounced_sources_are_latched_by_mid_and_stay_so_without_it()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            ClientOffer offer = ClientOffer.Publisher(world.Random);
            OfferSection camera = offer.Sections[1] with { AnnouncesSsrc = false };
            OfferSection screen = camera with { Mid = "2", Ssrc = ClientOffer.NextSsrc(world.Random), RtxSsrc = ClientOffer.NextSsrc(world.Random) };
            SimulatedClient alice = world.Publish(offer: offer with { Sections = [offer.Sections[0] with { AnnouncesSsrc = false }, camera, screen] });
            ClientOffer wish = ClientOffer.Subscriber();
            SimulatedClient bob = world.Subscribe(offer: wish with { Sections = [.. wish.Sections, wish.Sections[1] with { Mid = "second" }] });
            world.Network.Default = _lossy;
            world.RunUntilConnected(10);
            world.Run(1);

            // Browsers leave it out once a report said that the stream arrives.
            alice.Publications.ForEach(publication => publication.SendsMid = false);
            world.Run(1);
            world.Settle();
            Publication[] published = [.. alice.Publications];
            Assert.Equal(published.Length, bob.Playbacks.Count);
            for (int index = 0; index < published.Length; index++)
            {
                PlaybackChecks.IsTrue(bob.Playbacks[index]);
                Assert.Equal(published[index].SourceId, Assert.Single(bob.Playbacks[index].Packets.Values.Select(packet => packet.Mark.Source).Distinct()));
                Assert.Equal(published[index].Number - 1, bob.Playbacks[index].Packets.Values.Last().Mark.Number);
            }

            PlaybackChecks.IsWhole(bob.Playbacks[1]);
            PlaybackChecks.IsWhole(bob.Playbacks[2]);
        }
    }

    [Fact]
    public void Line_20_Without_SSRC_and_mid_the_payload_type_tells_retransmissions_too()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            ClientOffer offer = ClientOffer.Publisher(world.Random);
            SimulatedClient alice = world.Publish(
                configure: client => client.Publications.ForEach(publication => publication.OmitsMid = true),
                offer: offer with { Sections = [.. offer.Sections.Select(section => section with { AnnouncesSsrc = false })] });
            SimulatedClient bob = world.Subscribe();
            world.Network.Default = _lossy with { Loss = 0.05 };
            world.RunUntilConnected(10);
            world.Run(4);
            world.Settle();
            Assert.True(alice.Video.Retransmissions > 0);
            PlaybackChecks.IsWhole(bob.VideoPlayback);
            PlaybackChecks.HasAllMedia(bob.VideoPlayback, alice.Video);
            PlaybackChecks.IsTrue(bob.AudioPlayback);
        }
    }

    [Fact]
    public void Line_21_Each_subscriber_gets_its_own_payload_types_and_those_of_its_retransmissions()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = world.Publish(
                configure: client => client.Video.ChangeFormat(client.Video.Section.Formats[world.Random.Next(4)]),
                offer: ClientOffer.Publisher(world.Random, Formats(96, 97, 98, 99, 100, 101, 102, 103)));
            OfferedFormat published = alice.Video.Format;
            SimulatedClient bob = world.Subscribe(offer: ClientOffer.Subscriber(Formats(98, 103, 96, 97, 102, 101, 100, 99)));
            SimulatedClient carol = world.Subscribe("carol", offer: ClientOffer.Subscriber(Formats(41, 97, 35, 98, 99, 100, 96, 42)));
            world.Network.Default = _lossy;
            world.RunUntilConnected(10);
            world.Run(4);
            world.Settle();
            foreach (SimulatedClient viewer in new[] { bob, carol })
            {
                PlaybackChecks.IsWhole(viewer.VideoPlayback);
                PlaybackChecks.HasAllMedia(viewer.VideoPlayback, alice.Video);
                Assert.True(viewer.VideoPlayback.Retransmissions > 0);
                OfferedFormat played = Assert.Single(viewer.VideoPlayback.FormatsSeen);
                Assert.Equal((published.Name, published.Parameters), (played.Name, played.Parameters));
            }
        }
    }

    [Fact]
    public void Line_21_A_publisher_may_change_its_payload_type_in_mid_stream()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = world.Publish(offer: ClientOffer.Publisher(world.Random, Formats(96, 97, 98, 99, 100, 101, 102, 103)));
            SimulatedClient bob = world.Subscribe(offer: ClientOffer.Subscriber(Formats(98, 103, 96, 97, 102, 101, 100, 99)));
            world.Network.Default = _lossy with { Loss = 0.08 };
            world.RunUntilConnected(10);
            for (int turn = 0; turn < 8; turn++)
            {
                world.Run(0.5);
                alice.Video.ChangeFormat(alice.Video.Section.Formats[(turn + 1) % 4]);
            }

            world.Run(0.5);
            world.Settle();
            PlaybackChecks.IsWhole(bob.VideoPlayback);
            PlaybackChecks.HasAllMedia(bob.VideoPlayback, alice.Video);
            Assert.Equal(4, bob.VideoPlayback.FormatsSeen.Count);
        }
    }

    [Fact]
    public void Line_21_What_a_subscriber_cannot_play_leaves_no_gap_when_the_publisher_comes_back_from_it()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = world.Publish(offer: ClientOffer.Publisher(world.Random, Formats(96, 97, 98, 99, 100, 101, 102, 103)));
            OfferedFormat vp8 = alice.Video.Section.Formats[2];
            OfferedFormat h264 = alice.Video.Section.Formats[0];
            alice.Video.ChangeFormat(vp8);
            SimulatedClient bob = world.Subscribe();
            world.Network.SetPath(bob.Address, LinkConditions.Good, new LinkConditions { Jitter = TimeSpan.FromMilliseconds(10) });
            world.RunUntilConnected();
            for (int turn = 0; turn < 6; turn++)
            {
                world.Run(0.5);
                alice.Video.ChangeFormat(turn % 2 == 0 ? h264 : vp8);
            }

            int requests = alice.Video.KeyframeRequests;
            world.Run(1);
            world.Settle();
            PlaybackChecks.IsInOrder(bob.VideoPlayback);
            Assert.Equal(alice.Video.Number - 1, bob.VideoPlayback.Packets.Values.Last().Mark.Number);
            Assert.Equal(0, bob.VideoPlayback.Holes);
            Assert.Equal("VP8/90000", Assert.Single(bob.VideoPlayback.FormatsSeen).Name);
            Assert.InRange(alice.Video.KeyframeRequests - requests, 0, 1);
            Assert.True(world.Server.Count(SfuCounter.DroppedCodecMismatch) > 50);
        }
    }

    /// <summary>Codecs that differ in a parameter alone, each with its retransmissions.</summary>
    private static OfferedFormat[] Formats(params byte[] types) =>
    [
        new(types[0], "H264/90000", types[1], "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"),
        new(types[2], "H264/90000", types[3], "level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f"),
        new(types[4], "VP8/90000", types[5]),
        new(types[6], "H264/90000", types[7], "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=64001f"),
    ];

    /// <summary>Every extension under an id by chance, the same in all sections (RFC 8843, 9: one bundle has one map).</summary>
    private static ClientOffer Permute(Random random, ClientOffer offer, bool mixes)
    {
        byte[] ids = [.. Enumerable.Range(1, mixes ? 255 : 14).Where(id => id != 15).Select(id => (byte)id)];
        random.Shuffle(ids);
        (byte, HeaderExtensionKind)[] all = [.. _kinds.Select((kind, index) => (ids[index], kind))];
        return offer with
        {
            AllowsMixedExtensions = mixes,
            Sections =
            [
                .. offer.Sections.Select(section => section with
                {
                    Extensions = [.. all.Where(extension => extension.Item2 != (section.Kind == MediaKind.Audio ? HeaderExtensionKind.VideoOrientation : HeaderExtensionKind.AudioLevel))],
                }),
            ],
        };
    }
}
