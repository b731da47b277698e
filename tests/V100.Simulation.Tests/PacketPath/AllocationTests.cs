using System.Text;
using V100.Net;
using V100.Sfu.Peers;
using V100.Sfu.Rooms;
using V100.Sfu.Rtcp;
using V100.Sfu.Rtp;
using V100.Sfu.Sdp;
using V100.Simulation.World;
using V100.Stun;
using Xunit.Abstractions;

namespace V100.Simulation.PacketPath;

/// <summary>
/// In a call that runs, a packet costs no managed memory, whatever it is: one publisher, two subscribers on its shard and two on
/// another, thousands of packets, counted over all of both shards' turns.
/// </summary>
public sealed class AllocationTests(ITestOutputHelper output)
{
    private const int WarmUpSteps = 300;
    private const int MeasuredSteps = 1000;
    private static readonly TimeSpan _step = TimeSpan.FromMilliseconds(20);

    [Fact]
    public void An_allocation_would_be_seen()
    {
        using SimulatedWorld world = Connect(out SimulatedClient alice, out _);

        // Kept, or the compiler finds that nobody needs it on the heap.
        object[] kept = new object[1];
        int made = 0;
        world.Server.Routing = client =>
        {
            kept[0] = new object();
            made++;
            return client == alice.Address ? 0 : 1;
        };
        var script = new PacketScript(world);
        script.Drive(_step * 10);
        Assert.True(script.Play() > 0);
        Assert.True(made > 0);
        Assert.NotNull(kept[0]);
    }

    [Fact]
    public void Forwarding_to_subscribers_on_the_same_and_on_another_shard_allocates_nothing()
    {
        using SimulatedWorld world = Connect(out _, out _);
        long packets = Measure(world, SfuCounter.RtpReceived, _ => { }, out long forwarded, SfuCounter.RtpForwarded);
        Assert.True(packets > 2000);
        Assert.Equal(4 * packets, forwarded);
    }

    [Fact]
    public void Asking_for_gaps_and_taking_retransmissions_and_padding_allocates_nothing()
    {
        using SimulatedWorld world = Connect(out SimulatedClient alice, out _);
        uint ssrc = alice.Video.Ssrc;
        var lost = new Queue<SequenceNumber>();
        alice.Video.PaddingChance = 0.1;
        bool Keeps(SimulatedPacket packet)
        {
            if (!packet.IsRtp || packet.RtpSsrc != ssrc || packet.RtpSequence % 5 != 0)
            {
                return true;
            }

            lost.Enqueue(new SequenceNumber(packet.RtpSequence));
            return false;
        }

        long nacks = Measure(world, SfuCounter.NacksSent, step => AnswerLater(alice.Video, lost, step), out long forwarded, SfuCounter.RtpForwarded, Keeps);
        Assert.True(nacks > 100);
        Assert.True(forwarded > 4000);
        Assert.True(world.Server.Count(SfuCounter.DroppedPadding) > 100);
        Assert.Equal(0, world.Server.Count(SfuCounter.DroppedDuplicate));
    }

    [Fact]
    public void Answering_NACKs_allocates_nothing()
    {
        using SimulatedWorld world = Connect(out _, out SimulatedClient[] viewers);
        long[] next = [.. viewers.Select(viewer => viewer.VideoPlayback.Packets.Keys.Last())];
        long retransmitted = Measure(
            world,
            SfuCounter.RtpRetransmitted,
            step =>
            {
                // One packet in 20 ms is less than what is sent: a number long since out, at most two seconds old.
                for (int index = 0; index < viewers.Length; index++)
                {
                    next[index]++;
                    viewers[index].VideoPlayback.SendNack([.. Enumerable.Range(0, 4).Select(back => new SequenceNumber((ushort)(next[index] - back)))]);
                }
            },
            out _,
            SfuCounter.RtpForwarded,
            framesPerSecond: 50,
            packetsPerFrame: 1);
        Assert.True(retransmitted > 2 * MeasuredSteps, $"{retransmitted} retransmitted");
    }

    [Fact]
    public void Sound_with_and_without_redundancy_made_of_each_other_allocates_nothing()
    {
        using SimulatedWorld world = ConnectSound(places: 0, out SimulatedClient alice, out _);
        uint ssrc = alice.Audio.Ssrc;
        bool Keeps(SimulatedPacket packet) => !packet.IsRtp || packet.RtpSsrc != ssrc || packet.RtpSequence % 5 != 0;
        long recovered = Measure(world, SfuCounter.AudioFramesRecovered, _ => { }, out long forwarded, SfuCounter.RtpForwarded, Keeps);
        Assert.True(recovered > 2 * MeasuredSteps / 6, $"{recovered} recovered");
        Assert.True(forwarded > 3 * MeasuredSteps, $"{forwarded} forwarded");
    }

    [Fact]
    public void Sound_that_others_drown_and_that_wakes_its_room_allocates_nothing()
    {
        using SimulatedWorld world = ConnectSound(places: 1, out SimulatedClient alice, out SimulatedClient eve);
        eve.Audio.AudioLevel = 80;
        long dropped = Measure(
            world,
            SfuCounter.DroppedNotAmongLoudest,
            step =>
            {
                // As long a silence as it takes the room to be left alone, then speech: once before it is counted.
                alice.Audio.AudioLevel = step % 500 < 270 ? (byte)80 : (byte)(0x80 | 20);
            },
            out _,
            SfuCounter.RtpForwarded);
        Assert.True(dropped > MeasuredSteps / 2, $"{dropped} dropped");
    }

    [Fact]
    public void Reports_feedback_and_keyframe_requests_in_and_out_allocate_nothing()
    {
        using SimulatedWorld world = Connect(out SimulatedClient alice, out SimulatedClient[] viewers);
        byte[] packet = new byte[512];
        long received = Measure(
            world,
            SfuCounter.RtcpReceived,
            step =>
            {
                foreach (SimulatedClient viewer in viewers)
                {
                    var writer = new SpanWriter(packet);
                    WriteCompound(ref writer, viewer, (uint)step);
                    viewer.SendRtcp(writer.Written);
                }

                var report = new SpanWriter(packet);
                SenderReport.Write(ref report, new SenderReport.Fields(new Ssrc(alice.Video.Ssrc), (ulong)step << 32, (uint)step, 1, 1), []);
                SourceDescription.Write(ref report, new Ssrc(alice.Video.Ssrc), "clock"u8);
                alice.SendRtcp(report.Written);
            },
            out long sent,
            SfuCounter.RtcpSent);
        Assert.True(received >= 5 * MeasuredSteps);
        Assert.True(sent > 100);
        Assert.True(world.Server.Count(SfuCounter.KeyframesRequested) > 10);
    }

    [Fact]
    public void Connectivity_checks_allocate_nothing_for_either_shards_peers()
    {
        using SimulatedWorld world = Connect(out SimulatedClient alice, out SimulatedClient[] viewers);
        PacketScript? recording = null;
        long answered = Measure(
            world,
            SfuCounter.StunAnswered,
            step =>
            {
                foreach (SimulatedClient client in viewers.Append(alice))
                {
                    client.Send(client.Ice.WriteCheck(recording!.Now));
                }
            },
            out _,
            SfuCounter.RtpForwarded,
            begins: script => recording = script);
        Assert.True(answered >= 5 * MeasuredSteps);
    }

    [Fact]
    public void Binding_requests_of_strangers_allocate_nothing()
    {
        using SimulatedWorld world = Connect(out _, out _);
        var script = new PacketScript(world);
        AddBindingRequests(script, WarmUpSteps);
        script.Play();
        AddBindingRequests(script, 10 * MeasuredSteps);
        Assert.Equal(0, script.Play());
    }

    [Fact]
    public void What_is_muted_allocates_nothing_while_the_rest_goes_on()
    {
        using SimulatedWorld world = Connect(out SimulatedClient alice, out _);
        Session session = world.SessionOf(alice);
        world.Server.Use(
            rooms =>
            {
                rooms.Mute(session.Participant, session.Tracks.Single(track => track.Kind == MediaKind.Audio), muted: true);
                return rooms;
            },
            world.Now);
        world.Run(0.1);
        long dropped = Measure(world, SfuCounter.DroppedMuted, _ => { }, out long forwarded, SfuCounter.RtpForwarded);
        Assert.True(dropped > MeasuredSteps / 4, $"{dropped} dropped");
        Assert.True(forwarded > MeasuredSteps, $"{forwarded} forwarded");
    }

    [Fact]
    public void What_is_dropped_allocates_nothing()
    {
        using SimulatedWorld world = Connect(out SimulatedClient alice, out _);
        var mallory = new Attacker(world, alice);
        world.Run(0.2);

        // A recorded check from another address makes a new pair, which is remembered and costs memory once.
        byte[][] recorded = [.. mallory.Recorded.Where(bytes => bytes[0] > 3)];
        PacketScript? recording = null;
        long dropped = Measure(
            world,
            SfuCounter.DroppedAuthentication,
            step =>
            {
                byte[] packet = recorded[step % recorded.Length];
                mallory.Send(packet);
                mallory.Send(mallory.Forge(packet.Length > 40 ? packet : recorded.MaxBy(bytes => bytes.Length)!));
                mallory.Send(packet, fromOwnAddress: true);
                recording!.Add(packet[..Math.Min(packet.Length, step % 30)], alice.Address);
                byte[] noise = new byte[step % 200];
                world.Random.NextBytes(noise);
                recording.Add(noise, alice.Address);
            },
            out long replayed,
            SfuCounter.DroppedReplay,
            begins: script => recording = script);
        Assert.True(dropped > MeasuredSteps / 4, $"{dropped} forged");
        Assert.True(replayed > MeasuredSteps / 4, $"{replayed} replayed");
        Assert.True(world.Server.Count(SfuCounter.DroppedUnknownFlow) > MeasuredSteps / 2);
    }

    /// <summary>Alice publishes on shard 0; two viewers are there, two on shard 1.</summary>
    private SimulatedWorld Connect(out SimulatedClient alice, out SimulatedClient[] viewers)
    {
        var world = new SimulatedWorld(Seed.Each(output, count: 1).First());
        SimulatedClient publisher = alice = world.Publish();
        SimulatedClient[] all = viewers = [.. Enumerable.Range(0, 4).Select(index => world.Subscribe($"viewer{index}"))];
        world.Server.Routing = client => client == publisher.Address ? 0 : client == all[0].Address || client == all[1].Address ? 0 : 1;
        world.RunUntilConnected();
        world.Run(1.5);
        Assert.True(world.Server.Shards.All(shard => shard.PeerCount >= 2));
        foreach (SfuShard shard in world.Server.Shards)
        {
            Grow(shard.Pool);
        }

        return world;
    }

    /// <summary>Alice publishes redundant audio and eve plain, in a room with so many places; on each of two shards somebody plays each in the other form.</summary>
    private SimulatedWorld ConnectSound(int places, out SimulatedClient alice, out SimulatedClient eve)
    {
        var world = new SimulatedWorld(Seed.Each(output, count: 1).First(), roomLimits: new RoomLimits { LoudestSpeakers = places });
        (OfferedFormat red, OfferedFormat opus) = ClientOffer.RedundantAudio(world.Random);
        var video = new OfferedFormat(95, "VP8/90000", 94);
        alice = world.Publish(offer: ClientOffer.Publisher(world.Random, [video]).WithAudio(red, opus));
        eve = world.Publish("eve");
        HashSet<TransportAddress> onFirstShard = [alice.Address, eve.Address];
        foreach (string listener in new[] { "bob", "carol" })
        {
            SimulatedClient plain = world.Subscribe(listener, offer: ClientOffer.Subscriber().AudioOnly());
            SimulatedClient redundant = world.Subscribe(listener, "eve", ClientOffer.Subscriber().WithAudio(red, opus).AudioOnly());
            onFirstShard.UnionWith(listener == "bob" ? [plain.Address, redundant.Address] : []);
        }

        world.Server.Routing = client => onFirstShard.Contains(client) ? 0 : 1;
        world.RunUntilConnected();
        world.Run(1.5);
        foreach (SfuShard shard in world.Server.Shards)
        {
            Grow(shard.Pool);
        }

        return world;
    }

    /// <summary>A pool grows by hundreds of buffers at a time, up to what caches hold at most; here it has done so before.</summary>
    private static void Grow(PacketPool pool)
    {
        var held = new List<PacketBuffer>();
        while (held.Count < 2048 && pool.TryRent(out PacketBuffer buffer))
        {
            held.Add(buffer);
        }

        held.ForEach(buffer => buffer.Release());
    }

    /// <summary>Plays a call in which <paramref name="also"/> sends something at every step; asserts 0 bytes, and tells how two counters grew.</summary>
    private static long Measure(
        SimulatedWorld world,
        SfuCounter counter,
        Action<int> also,
        out long other,
        SfuCounter otherCounter,
        Func<SimulatedPacket, bool>? keeps = null,
        int framesPerSecond = 30,
        int packetsPerFrame = 4,
        Action<PacketScript>? begins = null)
    {
        var script = new PacketScript(world) { Keeps = keeps };
        begins?.Invoke(script);
        Publication video = world.Clients[0].Video;
        video.FrameInterval = TimeSpan.FromSeconds(1.0 / framesPerSecond);
        video.MaxPacketsPerFrame = packetsPerFrame;
        Make(script, 0, WarmUpSteps, also);
        script.Play();
        long before = world.Server.Count(counter);
        long otherBefore = world.Server.Count(otherCounter);
        Make(script, WarmUpSteps, MeasuredSteps, also);
        Assert.Equal(0, script.Play());
        other = world.Server.Count(otherCounter) - otherBefore;
        return world.Server.Count(counter) - before;
    }

    private static void Make(PacketScript script, int first, int steps, Action<int> also)
    {
        for (int step = first; step < first + steps; step++)
        {
            script.Drive(_step);
            also(step);
        }
    }

    /// <summary>The publisher's answers, as if each NACK took 40 ms there and back.</summary>
    private static void AnswerLater(Publication publication, Queue<SequenceNumber> lost, int step)
    {
        if (step % 2 == 0)
        {
            while (lost.TryDequeue(out SequenceNumber sequence))
            {
                publication.HandleNack(sequence);
            }
        }
    }

    /// <summary>All that a subscriber says, in one packet: report, NACK of what was never sent, PLI, FIR, feedback, bitrate.</summary>
    private static void WriteCompound(ref SpanWriter writer, SimulatedClient viewer, uint step)
    {
        var self = new Ssrc(1);
        var media = new Ssrc(viewer.VideoPlayback.Ssrc);
        ReceiverReport.Write(ref writer, self, [new ReportBlock(media, (byte)step, (int)step, step, step, step, step)]);
        SourceDescription.Write(ref writer, self, "viewer"u8);
        GenericNack.Write(ref writer, self, media, [new SequenceNumber((ushort)(60_000 + (step & 1023)))]);
        new PictureLossIndication(self, media).Write(ref writer);
        FullIntraRequest.Write(ref writer, self, media, (byte)step);
        Assert.False(writer.Overflowed);
    }

    private static void AddBindingRequests(PacketScript script, int count)
    {
        byte[] buffer = new byte[128];
        for (int index = 0; index < count; index++)
        {
            script.Drive(TimeSpan.FromMilliseconds(1));
            var writer = new StunWriter(buffer, new StunMessageType(StunMethod.Binding, StunClass.Request), Encoding.ASCII.GetBytes($"{index:d12}"));
            writer.WriteFingerprint();
            script.Add(buffer[..writer.Finish()], TransportAddress.FromIPv4(0x0B000000 + (uint)index, 5000));
        }
    }
}
