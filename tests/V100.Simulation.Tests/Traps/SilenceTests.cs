using V100.Sfu.Peers;
using V100.Sfu.Rooms;
using V100.Simulation.World;
using Xunit.Abstractions;

namespace V100.Simulation.Traps;

/// <summary>A publisher that sends nothing in silence (DTX).</summary>
public sealed class SilenceTests(ITestOutputHelper output)
{
    private const byte Speech = 0x80 | 25;
    private const byte Noise = 75;

    [Fact]
    public void Line_19_A_minute_of_silence_is_no_loss_and_the_sound_goes_on_behind_it()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = Publish(world, "alice");
            alice.Audio.ComfortInterval = TimeSpan.FromMilliseconds(seed % 2 == 0 ? 400 : 0);
            SimulatedClient bob = world.Subscribe(offer: ClientOffer.Subscriber().AudioOnly());
            world.RunUntilConnected();
            world.Run(3);
            int reports = alice.ReceiverReports;
            uint before = alice.Audio.Number;
            alice.Audio.IsSilent = true;
            world.Run(60);
            Assert.InRange(alice.Audio.Number - before, 0u, 151u);
            Assert.True(alice.ReceiverReports > reports + 40, $"{alice.ReceiverReports - reports} reports in the silence");
            Assert.True(alice.IsConnected && bob.IsConnected);
            alice.Audio.IsSilent = false;
            world.Run(3);
            world.Settle();

            PlaybackChecks.IsWhole(bob.AudioPlayback);
            PlaybackChecks.HasAllMedia(bob.AudioPlayback, alice.Audio);
            Assert.All(alice.Reported, report => Assert.Equal((0, 0), (report.FractionLost, report.CumulativeLost)));
            Assert.All(alice.Reported, report => Assert.True(report.Jitter < 48 * 10, $"a jitter of {report.Jitter}"));
            Assert.Equal(0, alice.Audio.NackedPackets);
            PlayedPacket[] played = [.. bob.AudioPlayback.Packets.Values];
            Assert.All(played, packet => Assert.InRange((packet.At - packet.Mark.CapturedAt).TotalMilliseconds, 0, 100));
            Assert.Equal(0, world.Server.Count(SfuCounter.DroppedDuplicate) + world.Server.Count(SfuCounter.DroppedMalformed));
        }
    }

    [Fact]
    public void Line_19_Who_is_silent_is_no_speaker_and_is_one_again_with_the_next_words()
    {
        foreach (int seed in Seed.Each(output))
        {
            using var world = new SimulatedWorld(seed);
            SimulatedClient alice = Publish(world, "alice");
            SimulatedClient eve = Publish(world, "eve");
            eve.Audio.AudioLevel = Noise;
            SimulatedClient bob = world.Subscribe(target: null, offer: ClientOffer.Subscriber().AudioOnly());
            world.RunUntilConnected();
            Room room = world.SessionOf(bob).Participant.Room;
            world.RunUntil(() => room.DominantSpeaker?.Identity == "alice", 3);

            // Silent, and nobody else speaks: who spoke last stays, and after a while nobody listens.
            alice.Audio.IsSilent = true;
            world.Run(10);
            Assert.Equal("alice", room.DominantSpeaker?.Identity);
            Assert.Equal(0, world.Server.Rooms.AwakeRoomCount);
            eve.Audio.AudioLevel = Speech;
            world.RunUntil(() => room.DominantSpeaker?.Identity == "eve", 2);
            world.Run(48);
            Assert.Equal("eve", room.DominantSpeaker?.Identity);
            (alice.Audio.IsSilent, eve.Audio.AudioLevel) = (false, Noise);
            world.RunUntil(() => room.DominantSpeaker?.Identity == "alice", 2);
            world.Run(1);
            world.Settle();
            PlaybackChecks.IsInOrderOfTurns(bob.AudioPlayback);
            uint[] sources = [.. bob.AudioPlayback.Packets.Values.Select(packet => packet.Mark.Source).Distinct()];
            Assert.Equal(new HashSet<uint> { alice.Audio.SourceId, eve.Audio.SourceId }, [.. sources]);
            Assert.Equal(alice.Audio.SourceId, bob.AudioPlayback.Packets.Values.Last().Mark.Source);
        }
    }

    private static SimulatedClient Publish(SimulatedWorld world, string identity) => world.Publish(
        identity, client => client.Audio.AudioLevel = Speech, ClientOffer.Publisher(world.Random).AudioOnly());
}
