using V100.Sfu.Rtp;
using Xunit.Abstractions;

namespace V100.Sfu.Tests.Rtp;

/// <summary>Gaps from drops close, gaps from loss stay, and no number is given twice.</summary>
public class SequenceRewriterTests(ITestOutputHelper output)
{
    private static ExtendedSequence At(long value) => new(value);

    private static long Forward(SequenceRewriter rewriter, long source) =>
        rewriter.TryForward(At(source), out ExtendedSequence result) ? result.Value : -1;

    [Fact]
    public void Numbers_begin_where_the_subscription_says_and_count_wraps_from_zero()
    {
        var rewriter = new SequenceRewriter(new SequenceNumber(30_000));
        Assert.Equal(30_000, Forward(rewriter, 70_000));
        Assert.Equal(30_001, Forward(rewriter, 70_001));
        Assert.Equal(30_000 + 40_000, Forward(rewriter, 110_000));
        Assert.Equal(new SequenceNumber(4_464), At(70_000).Wire);
    }

    [Fact]
    public void Gaps_from_drops_close_and_gaps_from_loss_stay()
    {
        var rewriter = new SequenceRewriter(new SequenceNumber(100));
        Assert.Equal(100, Forward(rewriter, 1_000));
        Assert.Equal(SequenceDrop.Closed, rewriter.Drop(At(1_001), out _));
        Assert.Equal(101, Forward(rewriter, 1_002));
        Assert.Equal(104, Forward(rewriter, 1_005)); // 1,003 and 1,004 are lost
        Assert.Equal(103, Forward(rewriter, 1_004)); // and one was only late
        Assert.Equal(102, Forward(rewriter, 1_003));
        Assert.Equal(105, rewriter.NextOutput.Value);
    }

    [Fact]
    public void A_late_packet_of_a_dropped_one_gets_no_number()
    {
        var rewriter = new SequenceRewriter(new SequenceNumber(100));
        Forward(rewriter, 1_000);
        rewriter.Drop(At(1_001), out _);
        Assert.Equal(101, Forward(rewriter, 1_002));
        Assert.Equal(-1, Forward(rewriter, 1_001));
        Assert.Equal(SequenceDrop.Ignored, rewriter.Drop(At(1_001), out _));
    }

    [Fact]
    public void A_dropped_packet_that_came_late_leaves_a_slot_to_fill_with_padding()
    {
        var rewriter = new SequenceRewriter(new SequenceNumber(100));
        Forward(rewriter, 1_000);
        rewriter.Drop(At(1_001), out _);
        Assert.Equal(102, Forward(rewriter, 1_003)); // 1,002 is missing: its number is 101
        rewriter.Drop(At(1_004), out _);
        Assert.Equal(SequenceDrop.FillSlot, rewriter.Drop(At(1_002), out ExtendedSequence slot));
        Assert.Equal(101, slot.Value);
        Assert.Equal(SequenceDrop.Ignored, rewriter.Drop(At(1_002), out _));
        Assert.Equal(-1, Forward(rewriter, 1_002));
    }

    [Fact]
    public void A_duplicate_gets_no_number()
    {
        var rewriter = new SequenceRewriter(new SequenceNumber(100));
        Forward(rewriter, 1_000);
        Forward(rewriter, 1_001);
        Assert.Equal(-1, Forward(rewriter, 1_001));
        Assert.Equal(-1, Forward(rewriter, 1_000));
    }

    [Fact]
    public void What_is_older_than_the_window_or_the_source_is_refused()
    {
        var rewriter = new SequenceRewriter(new SequenceNumber(100));
        Forward(rewriter, 5_000);
        Assert.Equal(-1, Forward(rewriter, 4_999));
        Forward(rewriter, 5_002 + SequenceRewriter.WindowLength);
        Assert.Equal(-1, Forward(rewriter, 5_002));
        Assert.Equal(103, Forward(rewriter, 5_003));
    }

    [Fact]
    public void A_change_of_source_goes_on_without_a_gap_even_after_a_drop()
    {
        var rewriter = new SequenceRewriter(new SequenceNumber(100));
        Forward(rewriter, 1_000);
        rewriter.Drop(At(1_001), out _);
        rewriter.SwitchTo(At(65_540));
        Assert.Equal(101, Forward(rewriter, 65_540));
        Assert.Equal(-1, Forward(rewriter, 65_539));
        rewriter.SwitchTo(At(900));
        Assert.Equal(103, Forward(rewriter, 901)); // the packet that was switched to is itself late
        Assert.Equal(102, Forward(rewriter, 900));
    }

    [Fact]
    public void Every_start_and_every_fate_of_six_packets_around_each_wrap_agree_with_the_model()
    {
        // All 16-bit starts of the source against outputs that begin just below the wrap too; in each, one of the 4^6 fates.
        int fates = 0;
        for (int start = 0; start <= ushort.MaxValue; start++)
        {
            var rewriter = new SequenceRewriter(new SequenceNumber((ushort)(65_535 - start % 7)));
            var model = new Model((65_535 - start % 7));
            var unwrapper = new SequenceUnwrapper();
            int fate = fates++ * 2_654_435 & 0xFFF;
            int late = 0;
            for (int step = 0; step < 8; step++)
            {
                int choice = step is 0 or 7 ? 0 : fate >> (2 * (step - 1)) & 3;
                var wire = new SequenceNumber((ushort)(start + step));
                if (choice == 2)
                {
                    late |= 1 << step; // comes after all the others
                }
                else if (choice != 3)
                {
                    Check(rewriter, model, unwrapper.Unwrap(wire), forward: choice == 0);
                }
            }

            for (int step = 0; step < 8; step++)
            {
                if ((late >> step & 1) != 0)
                {
                    Check(rewriter, model, unwrapper.Unwrap(new SequenceNumber((ushort)(start + step))), forward: (start >> step & 1) == 0);
                }
            }
        }
    }

    [Fact]
    public void Long_random_runs_agree_with_the_model()
    {
        Random random = Seeds.NewRandom(output);
        for (int round = 0; round < 30; round++)
        {
            int firstOutput = random.Next(32_768);
            var rewriter = new SequenceRewriter(new SequenceNumber((ushort)firstOutput));
            var model = new Model(firstOutput);
            long newest = random.Next(65_536, 131_072);
            for (int step = 0; step < 20_000; step++)
            {
                long source = random.Next(100) switch
                {
                    < 70 => ++newest,
                    < 80 => newest += random.Next(1, 5),
                    < 99 => newest - random.Next(0, 40),
                    _ => random.Next(4) == 0 ? newest += random.Next(1, 3_000) : newest - random.Next(0, 2_000),
                };
                if (random.Next(3_000) == 0)
                {
                    source = newest = random.Next(65_536, 1_000_000);
                    rewriter.SwitchTo(At(source));
                    model.SwitchTo(source);
                }

                Check(rewriter, model, At(source), random.Next(3) != 0);
            }
        }
    }

    private static void Check(SequenceRewriter rewriter, Model model, ExtendedSequence source, bool forward)
    {
        if (forward)
        {
            long expected = model.Forward(source.Value);
            Assert.Equal(expected, Forward(rewriter, source.Value));
        }
        else
        {
            SequenceDrop expected = model.Drop(source.Value, out long slot);
            Assert.Equal(expected, rewriter.Drop(source, out ExtendedSequence result));
            Assert.Equal(slot, expected == SequenceDrop.FillSlot ? result.Value : -1);
        }
    }

    [Fact]
    public void Rewriting_allocates_nothing()
    {
        var rewriter = new SequenceRewriter(new SequenceNumber(1));
        long source = 70_000;
        Allocations.AssertNone(() =>
        {
            source += 3;
            rewriter.TryForward(At(source), out _);
            rewriter.Drop(At(source + 1), out _);
            rewriter.TryForward(At(source - 1), out _);
        });
    }

    /// <summary>The same by plain bookkeeping: every number that was ever decided, in a dictionary.</summary>
    private sealed class Model(long firstOutput)
    {
        private readonly Dictionary<long, long> _slots = [];
        private readonly HashSet<long> _handled = [];
        private readonly HashSet<long> _used = [];
        private long _next = firstOutput;
        private long _newest;
        private long _first = -1;

        public void SwitchTo(long source)
        {
            _slots.Clear();
            _handled.Clear();
            _first = source;
            _newest = source - 1;
        }

        public long Forward(long source)
        {
            if (_first < 0)
            {
                SwitchTo(source);
            }

            if (source > _newest)
            {
                KeepGap(source);
                _slots[source] = _next++;
            }

            return Take(source);
        }

        public SequenceDrop Drop(long source, out long slot)
        {
            slot = -1;
            if (_first < 0)
            {
                return SequenceDrop.Ignored;
            }

            if (source > _newest)
            {
                KeepGap(source);
                _handled.Add(source);
                return SequenceDrop.Closed;
            }

            slot = Take(source);
            return slot < 0 ? SequenceDrop.Ignored : SequenceDrop.FillSlot;
        }

        private void KeepGap(long source)
        {
            for (long missing = _newest + 1; missing < source; missing++)
            {
                _slots[missing] = _next++;
            }

            _newest = source;
        }

        private long Take(long source)
        {
            if (source < _first || _newest - source >= SequenceRewriter.WindowLength || !_handled.Add(source))
            {
                return -1;
            }

            Assert.True(_used.Add(_slots[source]), "an output number was given twice");
            return _slots[source];
        }
    }
}
