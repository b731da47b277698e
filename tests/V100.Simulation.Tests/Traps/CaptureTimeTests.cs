using V100.Net;
using V100.Sfu.Sdp;
using V100.Simulation.World;
using Xunit.Abstractions;

namespace V100.Simulation.Traps;

/// <summary>Extensions that tell of clocks: capture times, send times, and how long a frame may wait to be shown.</summary>
public sealed class CaptureTimeTests(ITestOutputHelper output)
{
    /// <summary>Of each direction of a path.</summary>
    private static readonly TimeSpan _oneWay = LinkConditions.Good.Delay;

    /// <summary>Rounding: of timestamps, of the world's clock, of fixed point.</summary>
    private static readonly TimeSpan _rounding = TimeSpan.FromMilliseconds(0.1);

    [Fact]
    public void Line_24_A_subscriber_learns_by_its_own_clock_when_a_frame_was_captured()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = Publish(world);
            SimulatedClient bob = world.Subscribe(offer: With(ClientOffer.Subscriber(), (11, HeaderExtensionKind.AbsCaptureTime)));
            ShakeReports(world, alice);
            world.RunUntilConnected();
            world.Run(5);
            world.Network.SetPath(bob.Address, LinkConditions.Good, new LinkConditions { Loss = 0.03 });
            Instant since = world.Now;
            world.Run(8);
            Assert.Contains(bob.VideoPlayback.Packets.Values, packet => packet.CameAsRetransmission);
            AreTrueCaptureTimes(bob.VideoPlayback, since);
            AreTrueCaptureTimes(bob.AudioPlayback, since);
        }
    }

    [Fact]
    public void Line_24_Who_captured_is_not_made_known_where_the_publisher_does_not_say()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = Publish(world);
            alice.Publications.ForEach(publication => publication.CaptureClockAhead = null);
            SimulatedClient bob = world.Subscribe(offer: With(ClientOffer.Subscriber(), (11, HeaderExtensionKind.AbsCaptureTime)));
            world.RunUntilConnected();
            world.Run(2);
            foreach (PlayedPacket packet in bob.Playbacks.SelectMany(playback => playback.Packets.Values))
            {
                Assert.Equal(new AbsoluteCaptureTime(Publication.NtpOf(packet.Mark.CapturedAt + alice.Video.ClockAhead), null), packet.CaptureTime);
            }
        }
    }

    /// <summary>Intermediate systems write a send time of their own or none; this one writes none. What is said of showing a frame goes on.</summary>
    [Fact]
    public void Line_24_No_send_time_of_the_publisher_reaches_a_subscriber_and_the_playout_delay_does()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);

            // Each of the two ids means the other extension on the other side.
            SimulatedClient alice = world.Publish(
                offer: With(ClientOffer.Publisher(world.Random), (9, HeaderExtensionKind.AbsSendTime), (12, HeaderExtensionKind.PlayoutDelay)));
            SimulatedClient bob = world.Subscribe(
                offer: With(ClientOffer.AdaptiveSubscriber(), (12, HeaderExtensionKind.AbsSendTime), (9, HeaderExtensionKind.PlayoutDelay)));
            world.Network.SetPath(bob.Address, LinkConditions.Good, new LinkConditions { Loss = 0.05 });
            world.RunUntilConnected(10);
            world.Run(3);
            world.Settle();
            Assert.True(bob.VideoPlayback.Retransmissions > 0);
            foreach (SimulatedClient client in new[] { alice, bob })
            {
                for (int section = 0; section < client.Offer.Sections.Length; section++)
                {
                    Assert.DoesNotContain(client.Answer.Values(section, "a=extmap:"), line => line.EndsWith(HeaderExtensionUri.Of(HeaderExtensionKind.AbsSendTime), StringComparison.Ordinal));
                }
            }

            foreach (Playback playback in bob.Playbacks)
            {
                Assert.Empty(playback.Faults);
                Assert.DoesNotContain(HeaderExtensionKind.AbsSendTime, playback.Extensions.Keys);
                Assert.Equal(Publication.PlayoutDelay, playback.Extensions[HeaderExtensionKind.PlayoutDelay]);
            }
        }
    }

    /// <summary>Its clock is hours off, and that of who captured is another one.</summary>
    private static SimulatedClient Publish(SimulatedWorld world)
    {
        TimeSpan ahead = TimeSpan.FromHours(4 * world.Random.NextDouble() - 2);
        TimeSpan captureAhead = TimeSpan.FromSeconds(60 * world.Random.NextDouble() - 30);
        return world.Publish(
            configure: client => client.Publications.ForEach(publication => (publication.ClockAhead, publication.CaptureClockAhead) = (ahead, captureAhead)),
            offer: With(ClientOffer.Publisher(world.Random), (6, HeaderExtensionKind.AbsCaptureTime)));
    }

    /// <summary>Of four reports of the publisher one travels as fast as its media, the others wait on their way.</summary>
    private static void ShakeReports(SimulatedWorld world, SimulatedClient publisher)
    {
        int reports = 0;
        world.Network.ExtraDelay = packet => packet.IsRtcp && packet.From == publisher.Address && reports++ % 4 != 0
            ? TimeSpan.FromMilliseconds(300 * world.Random.NextDouble())
            : TimeSpan.Zero;
    }

    /// <summary>
    /// Capturer's clock = clock of the reports + offset. What a report says of its clock when it comes, the subscriber corrects by its own way from the
    /// server; of the publisher's way to the server nothing tells, so by that much a capture may seem later.
    /// </summary>
    private static void AreTrueCaptureTimes(Playback playback, Instant since)
    {
        PlayedPacket[] packets = [.. playback.Packets.Values.Where(packet => packet.At > since)];
        Assert.True(packets.Length > 100);
        foreach (PlayedPacket packet in packets)
        {
            PlayedReport report = playback.Reports.Last(report => report.At <= packet.At);
            long clockAhead = (long)(report.NtpTime - Publication.NtpOf(report.At - _oneWay));
            Assert.NotNull(packet.CaptureTime);
            Assert.NotNull(packet.CaptureTime.Value.ClockOffset);
            long captured = (long)packet.CaptureTime.Value.CapturedAt - packet.CaptureTime.Value.ClockOffset.Value - clockAhead;
            var late = TimeSpan.FromSeconds((captured - (long)Publication.NtpOf(packet.Mark.CapturedAt)) / (double)(1L << 32));
            Assert.InRange(late, -_rounding, _oneWay + _rounding);
        }
    }

    private static ClientOffer With(ClientOffer offer, params (byte, HeaderExtensionKind)[] extensions) => offer with
    {
        Sections = Array.ConvertAll(offer.Sections, section => section with { Extensions = [.. section.Extensions, .. extensions] }),
    };
}
