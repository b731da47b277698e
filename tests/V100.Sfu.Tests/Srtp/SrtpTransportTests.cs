using System.Buffers.Binary;
using V100.Net.Crypto;
using V100.Sfu.Srtp;

namespace V100.Sfu.Tests.Srtp;

/// <summary>A sender and a receiver of one direction, with a network between that loses, changes the order and attacks.</summary>
public class SrtpTransportTests
{
    public static TheoryData<SrtpProfile> Profiles() =>
        [SrtpProfile.AeadAes128Gcm, SrtpProfile.AeadAes256Gcm, SrtpProfile.Aes128CmSha1_80];

    private static (SrtpSender Sender, SrtpReceiver Receiver) Pair(SrtpProfile profile, int maxSources = 64)
    {
        byte[] key = new byte[profile.KeyLength()];
        byte[] salt = new byte[profile.SaltLength()];
        new Random(11).NextBytes(key);
        new Random(12).NextBytes(salt);
        return (new SrtpSender(profile, key, salt), new SrtpReceiver(profile, key, salt, maxSources));
    }

    private static byte[] Protect(SrtpSender sender, uint ssrc, long index, ReadOnlySpan<byte> payload)
    {
        byte[] packet = [.. SrtpPacket.Rtp(ssrc, (ushort)index, default), .. new byte[payload.Length + SrtpSender.MaxOverhead]];
        int length = sender.ProtectRtp(packet, SrtpPacket.HeaderLength, payload, index);
        Assert.True(length > 0);
        return packet[..length];
    }

    private static SrtpResult Unprotect(SrtpReceiver receiver, byte[] packet, out long index)
    {
        ushort sequenceNumber = BinaryPrimitives.ReadUInt16BigEndian(packet.AsSpan(2));
        uint ssrc = BinaryPrimitives.ReadUInt32BigEndian(packet.AsSpan(8));
        return receiver.UnprotectRtp(packet, SrtpPacket.HeaderLength, ssrc, sequenceNumber, new byte[2000], out _, out index);
    }

    [Theory]
    [MemberData(nameof(Profiles))]
    public void What_is_protected_comes_back_at_every_length(SrtpProfile profile)
    {
        (SrtpSender sender, SrtpReceiver receiver) = Pair(profile);
        var random = new Random(1);
        byte[] destination = new byte[2000];
        for (int length = 0; length < 1300; length++)
        {
            byte[] payload = new byte[length];
            random.NextBytes(payload);
            byte[] plain = SrtpPacket.Rtp(7, (ushort)length, payload);
            byte[] packet = Protect(sender, 7, length, payload);
            Assert.Equal(plain.Length + profile.TagLength(), packet.Length);
            Assert.Equal(
                SrtpResult.Ok,
                receiver.UnprotectRtp(packet, SrtpPacket.HeaderLength, 7, (ushort)length, destination, out int written, out long index));
            Assert.True(plain.AsSpan().SequenceEqual(destination.AsSpan(0, written)), $"length {length}");
            Assert.Equal(length, index);
        }
    }

    [Theory]
    [MemberData(nameof(Profiles))]
    public void Control_packets_come_back_and_their_replays_do_not(SrtpProfile profile)
    {
        (SrtpSender sender, SrtpReceiver receiver) = Pair(profile);
        var history = new List<byte[]>();
        byte[] destination = new byte[2000];
        for (int turn = 0; turn < 300; turn++)
        {
            byte[] plain = SrtpPacket.Rtcp((uint)(turn % 5), turn % 50 * 4);
            byte[] buffer = [.. plain, .. new byte[SrtpSender.MaxOverhead]];
            int length = sender.ProtectRtcp(buffer, plain.Length);
            byte[] packet = buffer[..length];
            Assert.Equal(SrtpResult.Ok, receiver.UnprotectRtcp(packet, destination, out int written));
            Assert.Equal(plain, destination[..written]);
            history.Add(packet);
        }

        Assert.All(history, packet => Assert.Equal(SrtpResult.Replayed, receiver.UnprotectRtcp(packet, destination, out _)));
        Assert.Equal(0, receiver.SourceCount);
    }

    /// <summary>Conformance line 12: the rollover counter is each source's own, and found again after loss at the wrap.</summary>
    [Theory]
    [MemberData(nameof(Profiles))]
    public void The_rollover_counter_is_per_source_and_survives_loss_and_disorder_at_the_wrap(SrtpProfile profile)
    {
        for (int seed = 1; seed <= 20; seed++)
        {
            (SrtpSender sender, SrtpReceiver receiver) = Pair(profile);
            var random = new Random(seed);
            long[] next = [65_530, random.Next(0x8000), 65_535, 3];
            var flying = new List<byte[]>();
            for (int turn = 0; turn < 2000; turn++)
            {
                int stream = random.Next(next.Length);
                long index = next[stream]++;
                byte[] packet = Protect(sender, (uint)stream, index, BitConverter.GetBytes(index));
                if (random.NextDouble() >= 0.05)
                {
                    flying.Insert(random.Next(Math.Max(0, flying.Count - 4), flying.Count + 1), packet);
                }

                if (flying.Count > 8)
                {
                    AssertArrives(receiver, flying[0], seed);
                    flying.RemoveAt(0);
                }
            }
        }
    }

    private static void AssertArrives(SrtpReceiver receiver, byte[] packet, int seed)
    {
        byte[] destination = new byte[100];
        ushort sequenceNumber = BinaryPrimitives.ReadUInt16BigEndian(packet.AsSpan(2));
        uint ssrc = BinaryPrimitives.ReadUInt32BigEndian(packet.AsSpan(8));
        SrtpResult result = receiver.UnprotectRtp(
            packet, SrtpPacket.HeaderLength, ssrc, sequenceNumber, destination, out _, out long index);
        Assert.True(result == SrtpResult.Ok, $"seed {seed}: {result} for source {ssrc}, sequence {sequenceNumber}");
        Assert.Equal(BitConverter.ToInt64(destination, SrtpPacket.HeaderLength), index);
    }

    [Theory]
    [MemberData(nameof(Profiles))]
    public void A_source_whose_packets_before_the_wrap_were_all_lost_is_found(SrtpProfile profile)
    {
        (SrtpSender sender, SrtpReceiver receiver) = Pair(profile);
        Assert.Equal(SrtpResult.Ok, Unprotect(receiver, Protect(sender, 1, 65_536 + 2, [1]), out long index));
        Assert.Equal(65_538, index);
        Assert.Equal(SrtpResult.Ok, Unprotect(receiver, Protect(sender, 1, 65_535, [1]), out index));
        Assert.Equal(65_535, index);
    }

    [Theory]
    [InlineData(100, 40_000)]
    [InlineData(100, 98_000)]
    [InlineData(100_000, 160_000)]
    public void A_gap_longer_than_half_a_rollover_is_recovered(long last, long next)
    {
        foreach (SrtpProfile profile in new[] { SrtpProfile.AeadAes128Gcm, SrtpProfile.Aes128CmSha1_80 })
        {
            (SrtpSender sender, SrtpReceiver receiver) = Pair(profile);
            // Walk there in steps that the estimate bridges.
            for (long step = last % 30_000; step <= last; step += 30_000)
            {
                Assert.Equal(SrtpResult.Ok, Unprotect(receiver, Protect(sender, 1, step, [1]), out _));
            }

            Unprotect(receiver, Protect(sender, 1, last, [1]), out _);
            byte[] packet = Protect(sender, 1, next, [1]);
            Assert.Equal(SrtpResult.Ok, Unprotect(receiver, packet, out long index));
            Assert.Equal(next, index);
            Assert.Equal(SrtpResult.Replayed, Unprotect(receiver, packet, out _));
        }
    }

    /// <summary>Conformance line 13: the window is always on, and late packets within it still come through.</summary>
    [Theory]
    [MemberData(nameof(Profiles))]
    public void Replays_are_refused_and_late_packets_are_not(SrtpProfile profile)
    {
        (SrtpSender sender, SrtpReceiver receiver) = Pair(profile);
        var packets = new List<byte[]>();
        for (long index = 65_000; index < 67_000; index++)
        {
            packets.Add(Protect(sender, 9, index, [1, 2, 3]));
        }

        var late = new List<byte[]>();
        for (int at = 0; at < packets.Count; at++)
        {
            if (at % 10 == 3)
            {
                late.Add(packets[at]);
                continue;
            }

            Assert.Equal(SrtpResult.Ok, Unprotect(receiver, packets[at], out _));
            Assert.Equal(SrtpResult.Replayed, Unprotect(receiver, packets[at], out _));
        }

        int ok = late.Count(packet => Unprotect(receiver, packet, out _) == SrtpResult.Ok);
        Assert.InRange(ok, 100, 103);
        foreach (byte[] packet in packets)
        {
            Assert.Equal(SrtpResult.Replayed, Unprotect(receiver, packet, out _));
        }
    }

    /// <summary>Conformance line 14: forged sources make no state, authentic ones a bounded amount.</summary>
    [Theory]
    [MemberData(nameof(Profiles))]
    public void A_flood_of_sources_makes_no_state_without_the_key_and_bounded_state_with_it(SrtpProfile profile)
    {
        (SrtpSender sender, SrtpReceiver receiver) = Pair(profile, maxSources: 64);
        (SrtpSender stranger, _) = Pair(profile == SrtpProfile.AeadAes128Gcm ? SrtpProfile.Aes128CmSha1_80 : SrtpProfile.AeadAes128Gcm);
        byte[] destination = new byte[200];
        for (uint ssrc = 0; ssrc < 20_000; ssrc++)
        {
            Assert.Equal(SrtpResult.AuthenticationFailed, Unprotect(receiver, Protect(stranger, ssrc, ssrc & 0xffff, [1, 2, 3, 4, 5, 6, 7, 8]), out _));
        }

        Assert.Equal(0, receiver.SourceCount);
        for (uint ssrc = 0; ssrc < 1000; ssrc++)
        {
            SrtpResult result = Unprotect(receiver, Protect(sender, ssrc, 5, [1]), out _);
            Assert.Equal(ssrc < 64 ? SrtpResult.Ok : SrtpResult.TooManySources, result);
            byte[] control = [.. SrtpPacket.Rtcp(ssrc), .. new byte[SrtpSender.MaxOverhead]];
            int length = sender.ProtectRtcp(control, control.Length - SrtpSender.MaxOverhead);
            Assert.Equal(
                ssrc < 64 ? SrtpResult.Ok : SrtpResult.TooManySources, receiver.UnprotectRtcp(control.AsSpan(0, length), destination, out _));
        }

        Assert.Equal(64, receiver.SourceCount);
        receiver.RemoveSource(3);
        Assert.Equal(SrtpResult.Ok, Unprotect(receiver, Protect(sender, 5000, 5, [1]), out _));
        Assert.Equal(SrtpResult.Ok, Unprotect(receiver, Protect(sender, 4, 6, [1]), out _));
    }

    [Theory]
    [MemberData(nameof(Profiles))]
    public void Damaged_and_cut_packets_are_refused_and_change_nothing(SrtpProfile profile)
    {
        (SrtpSender sender, SrtpReceiver receiver) = Pair(profile);
        Assert.Equal(SrtpResult.Ok, Unprotect(receiver, Protect(sender, 1, 10, [1, 2, 3]), out _));
        byte[] packet = Protect(sender, 1, 11, [1, 2, 3]);
        byte[] destination = new byte[200];
        // Sequence number and source are read by the caller: here the changed ones.
        for (int bit = 0; bit < packet.Length * 8; bit++)
        {
            packet[bit / 8] ^= (byte)(1 << bit % 8);
            Assert.Contains(Unprotect(receiver, packet, out _), new[] { SrtpResult.AuthenticationFailed, SrtpResult.Replayed });
            packet[bit / 8] ^= (byte)(1 << bit % 8);
        }

        for (int length = 12; length < packet.Length; length++)
        {
            SrtpResult result = receiver.UnprotectRtp(packet.AsSpan(0, length), 12, 1, 11, destination, out int written, out _);
            Assert.Equal(length < 12 + profile.TagLength() ? SrtpResult.TooShort : SrtpResult.AuthenticationFailed, result);
            Assert.Equal(0, written);
        }

        Assert.Equal(SrtpResult.DestinationTooSmall, receiver.UnprotectRtp(packet, 12, 1, 11, new byte[14], out _, out _));
        Assert.Equal(1, receiver.SourceCount);
        Assert.Equal(SrtpResult.Ok, Unprotect(receiver, packet, out _));
    }

    [Theory]
    [MemberData(nameof(Profiles))]
    public void Damaged_and_cut_control_packets_are_refused(SrtpProfile profile)
    {
        (SrtpSender sender, SrtpReceiver receiver) = Pair(profile);
        byte[] plain = SrtpPacket.Rtcp(1);
        byte[] buffer = [.. plain, .. new byte[SrtpSender.MaxOverhead]];
        byte[] packet = buffer[..sender.ProtectRtcp(buffer, plain.Length)];
        byte[] destination = new byte[200];
        for (int bit = 0; bit < packet.Length * 8; bit++)
        {
            packet[bit / 8] ^= (byte)(1 << bit % 8);
            Assert.NotEqual(SrtpResult.Ok, receiver.UnprotectRtcp(packet, destination, out _));
            packet[bit / 8] ^= (byte)(1 << bit % 8);
        }

        for (int length = 0; length < packet.Length; length++)
        {
            Assert.NotEqual(SrtpResult.Ok, receiver.UnprotectRtcp(packet.AsSpan(0, length), destination, out _));
        }

        Assert.Equal(SrtpResult.Ok, receiver.UnprotectRtcp(packet, destination, out _));
    }

    [Fact]
    public void What_does_not_fit_or_has_no_index_left_is_not_protected()
    {
        (SrtpSender sender, _) = Pair(SrtpProfile.AeadAes128Gcm);
        byte[] packet = [.. SrtpPacket.Rtp(1, 0, default), .. new byte[100]];
        Assert.Equal(0, sender.ProtectRtp(packet, 12, new byte[85], 0));
        Assert.Equal(0, sender.ProtectRtp(packet, 12, new byte[10], 1L << 48));
        Assert.Equal(0, sender.ProtectRtp(packet, 12, new byte[10], -65_536));
        Assert.Equal(12 + 84 + 16, sender.ProtectRtp(packet, 12, new byte[84], 0));
        sender.NextRtcpIndex = 0x8000_0000;
        Assert.Equal(0, sender.ProtectRtcp(packet, 12));
    }

    [Theory]
    [MemberData(nameof(Profiles))]
    public void Neither_direction_allocates(SrtpProfile profile)
    {
        (SrtpSender sender, SrtpReceiver receiver) = Pair(profile);
        byte[] packet = [.. SrtpPacket.Rtp(1, 0, new byte[1000]), .. new byte[SrtpSender.MaxOverhead]];
        byte[] control = new byte[100];
        byte[] destination = new byte[2000];
        byte[] payload = new byte[1000];
        int accepted = 0;
        long before = 0;
        for (int index = 0; index < 2000; index++)
        {
            if (index == 1000)
            {
                before = GC.GetAllocatedBytesForCurrentThread();
            }

            BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(2), (ushort)index);
            int length = sender.ProtectRtp(packet, 12, payload, index);
            SrtpResult result = receiver.UnprotectRtp(packet.AsSpan(0, length), 12, 1, (ushort)index, destination, out _, out _);
            int controlLength = sender.ProtectRtcp(control, 60);
            accepted += result == SrtpResult.Ok
                && receiver.UnprotectRtcp(control.AsSpan(0, controlLength), destination, out _) == SrtpResult.Ok ? 1 : 0;
            receiver.UnprotectRtp(packet.AsSpan(0, length), 12, 1, (ushort)index, destination, out _, out _);
        }

        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.Equal(2000, accepted);
        Assert.Equal(0, allocated);
    }
}
