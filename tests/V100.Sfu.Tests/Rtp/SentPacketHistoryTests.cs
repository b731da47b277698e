using V100.Net;
using V100.Sfu.Rtp;

namespace V100.Sfu.Tests.Rtp;

public class SentPacketHistoryTests
{
    private static readonly TimeSpan RoundTrip = TimeSpan.FromMilliseconds(50);

    private static readonly TimeSpan KeepTime = TimeSpan.FromSeconds(2);

    private static Instant Ms(long milliseconds) => new(milliseconds * 1_000_000);

    private static SentPacket Packet(long output, long source, uint timestamp = 0, byte layer = 0, uint codecState = 0) =>
        new(new ExtendedSequence(source), new ExtendedSequence(output), timestamp, layer, codecState);

    private static RetransmissionDecision Ask(SentPacketHistory history, int lost, long atMs, out SentPacket packet) =>
        history.TryRetransmit(new SequenceNumber((ushort)lost), Ms(atMs), RoundTrip, out packet);

    [Fact]
    public void A_retransmission_is_what_was_sent_whatever_was_switched_since()
    {
        var history = new SentPacketHistory(64, KeepTime);
        history.Add(Packet(65_530, 1_000, 555, layer: 2, codecState: 77), Ms(0));
        for (int later = 0; later < 20; later++)
        {
            history.Add(Packet(65_540 + later, 900_000 + later, 999, layer: 0, codecState: 3), Ms(0));
        }

        Assert.Equal(RetransmissionDecision.Send, Ask(history, 65_530, 0, out SentPacket packet));
        Assert.Equal(Packet(65_530, 1_000, 555, 2, 77), packet);
        Assert.Equal(RetransmissionDecision.Send, Ask(history, 4, 0, out packet)); // 65,540 on the wire
        Assert.Equal(900_000, packet.Source.Value);
    }

    [Fact]
    public void What_was_dropped_or_is_too_old_or_in_the_future_is_unknown()
    {
        var history = new SentPacketHistory(64, KeepTime);
        Assert.Equal(RetransmissionDecision.Unknown, Ask(history, 0, 0, out _));
        history.Add(Packet(100, 1), Ms(0));
        history.Add(Packet(102, 3), Ms(0));
        Assert.Equal(RetransmissionDecision.Unknown, Ask(history, 101, 0, out _));
        Assert.Equal(RetransmissionDecision.Unknown, Ask(history, 103, 0, out _));
        history.Add(Packet(166, 70), Ms(0)); // takes 102's place
        history.Add(Packet(101, 2), Ms(0)); // older than the ring
        Assert.Equal(RetransmissionDecision.Unknown, Ask(history, 102, 0, out _));
        Assert.Equal(RetransmissionDecision.Unknown, Ask(history, 101, 0, out _));
        Assert.Equal(RetransmissionDecision.Send, Ask(history, 166, 0, out _));
        history.DiscardBefore(new ExtendedSequence(167));
        Assert.Equal(RetransmissionDecision.Unknown, Ask(history, 166, 500, out _));
    }

    [Fact]
    public void A_storm_of_requests_costs_a_bounded_number_of_packets()
    {
        var history = new SentPacketHistory(64, KeepTime);
        history.Add(Packet(100, 1), Ms(0));
        int sent = 0;
        long lastSent = -1_000;
        for (int ms = 0; ms < 5_000; ms++)
        {
            RetransmissionDecision decision = Ask(history, 100, ms, out _);
            if (decision == RetransmissionDecision.Send)
            {
                Assert.True(ms - lastSent >= 50);
                lastSent = ms;
                sent++;
            }
        }

        Assert.Equal(SentPacketHistory.MaxRetransmissions, sent);
        Assert.Equal(RetransmissionDecision.Exhausted, Ask(history, 100, 9_000, out _));
    }

    [Fact]
    public void Without_a_known_round_trip_repeats_are_still_spaced()
    {
        var history = new SentPacketHistory(64, KeepTime);
        history.Add(Packet(100, 1), Ms(0));
        var lost = new SequenceNumber(100);
        Assert.Equal(RetransmissionDecision.Send, history.TryRetransmit(lost, Ms(0), TimeSpan.Zero, out _));
        Assert.Equal(RetransmissionDecision.TooSoon, history.TryRetransmit(lost, Ms(1), TimeSpan.Zero, out _));
        Assert.Equal(RetransmissionDecision.Send, history.TryRetransmit(lost, Ms(5), TimeSpan.Zero, out _));
    }

    [Fact]
    public void A_new_round_of_the_ring_begins_with_no_retransmissions()
    {
        var history = new SentPacketHistory(2, KeepTime);
        history.Add(Packet(0, 1), Ms(0));
        Ask(history, 0, 0, out _);
        history.Add(Packet(2, 3), Ms(0));
        Assert.Equal(RetransmissionDecision.Send, Ask(history, 2, 1, out _));
    }

    [Fact]
    public void It_grows_to_what_is_sent_in_the_time_that_it_keeps_and_forgets_none_of_that()
    {
        var history = new SentPacketHistory(512, KeepTime);
        long output = 0;
        for (long ms = 0; ms < 10_000; ms += 10)
        {
            history.Add(Packet(++output, 7 * output), Ms(ms));
        }

        Assert.Equal(256, history.Length);
        for (long sent = output - 199; sent <= output; sent++) // Of two seconds.
        {
            Assert.Equal(RetransmissionDecision.Send, Ask(history, (int)sent, 9_990, out SentPacket packet));
            Assert.Equal(Packet(sent, 7 * sent), packet);
        }
    }

    [Fact]
    public void A_burst_after_a_pause_forgets_nothing_of_itself()
    {
        var history = new SentPacketHistory(512, KeepTime);
        long output = 0;
        for (long ms = 0; ms < 60_000; ms += 500)
        {
            history.Add(Packet(++output, output), Ms(ms));
        }

        Assert.Equal(SentPacketHistory.MinLength, history.Length);
        for (int burst = 0; burst < 200; burst++)
        {
            history.Add(Packet(++output, output), Ms(60_000));
        }

        for (long sent = output - 199; sent <= output; sent++)
        {
            Assert.Equal(RetransmissionDecision.Send, Ask(history, (int)sent, 60_050, out _));
        }
    }

    [Fact]
    public void What_was_sent_again_is_not_forgotten_for_what_comes_behind_a_gap()
    {
        var history = new SentPacketHistory(512, KeepTime);
        for (int output = 1; output <= SentPacketHistory.MinLength; output++)
        {
            history.Add(Packet(output, output), Ms(0));
        }

        Assert.Equal(RetransmissionDecision.Send, Ask(history, 3, 50, out _));
        history.Add(Packet(SentPacketHistory.MinLength + 3, 30), Ms(60)); // Takes the place of 3 in so small a ring; 17 and 18 are late.
        Assert.Equal(RetransmissionDecision.Send, Ask(history, 3, 110, out SentPacket packet));
        Assert.Equal(Packet(3, 3), packet);
    }

    [Fact]
    public void A_gap_longer_than_the_ring_leaves_what_came_before_and_room_for_what_closes_it()
    {
        var history = new SentPacketHistory(512, KeepTime);
        history.Add(Packet(1, 1), Ms(0));
        history.Add(Packet(100, 100), Ms(10));
        history.Add(Packet(20, 20), Ms(20));
        Assert.All([1, 20, 100], output => Assert.Equal(RetransmissionDecision.Send, Ask(history, output, 100, out _)));
        Assert.Equal(128, history.Length);
    }

    [Fact]
    public void At_the_bound_the_oldest_goes()
    {
        var history = new SentPacketHistory(64, KeepTime);
        for (int output = 1; output <= 100; output++)
        {
            history.Add(Packet(output, output), Ms(0));
        }

        Assert.Equal(64, history.Length);
        Assert.Equal(RetransmissionDecision.Unknown, Ask(history, 36, 0, out _));
        Assert.Equal(RetransmissionDecision.Send, Ask(history, 37, 0, out _));
    }

    [Fact]
    public void A_sources_number_has_48_bits()
    {
        var history = new SentPacketHistory(64, KeepTime);
        history.Add(Packet(1, (1L << 48) - 1), Ms(0));
        Assert.Equal(RetransmissionDecision.Send, Ask(history, 1, 0, out SentPacket packet));
        Assert.Equal((1L << 48) - 1, packet.Source.Value);
    }

    [Fact]
    public void Recording_and_answering_allocate_nothing()
    {
        var history = new SentPacketHistory(64, KeepTime);
        long output = 0;
        Allocations.AssertNone(() =>
        {
            history.Add(Packet(++output, output), Ms(0));
            Ask(history, (int)(output - 1) & 0xFFFF, output * 100, out _);
        });
    }
}
