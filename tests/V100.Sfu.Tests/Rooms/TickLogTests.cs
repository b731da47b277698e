using System.Text;
using V100.Sfu.Rooms;
using V100.Sfu.Tests.Rtp;
using Xunit.Abstractions;

namespace V100.Sfu.Tests.Rooms;

public class TickLogTests(ITestOutputHelper output)
{
    private const ulong Name = 0x0123_4567_89AB_CDEF;
    private static readonly byte[] End = "{\"reason\":\"test\"}"u8.ToArray();

    private readonly TickLog _log = new(Name);

    [Fact]
    public void A_listener_takes_every_tick_once_and_in_order()
    {
        Listener listener = Add(_log.Id);
        for (int tick = 0; tick < 1000; tick++)
        {
            Append($"{tick}");
            Assert.Equal($"{tick}", Take(listener));
            Assert.False(listener.TryPeek(out _));
        }
    }

    [Fact]
    public void Who_knows_an_earlier_state_goes_on_from_there()
    {
        for (int tick = 1; tick <= 10; tick++)
        {
            Append($"{tick}");
        }

        for (int known = 0; known <= 10; known++)
        {
            Listener listener = Add(new TickId(Name, known));
            for (int tick = known + 1; tick <= 10; tick++)
            {
                Assert.Equal($"{tick}", Take(listener));
            }

            Assert.False(listener.TryPeek(out _));
        }

        Assert.False(_log.WantsSnapshot);
    }

    [Theory]
    [InlineData(Name, 11)]
    [InlineData(Name, long.MaxValue)]
    [InlineData(Name + 1, 10)]
    public void Who_knows_a_state_that_never_was_waits_for_a_snapshot(ulong name, long number)
    {
        for (int tick = 1; tick <= 10; tick++)
        {
            Append($"{tick}");
        }

        Listener listener = Add(new TickId(name, number));
        Assert.False(listener.TryPeek(out _));
        Assert.True(_log.WantsSnapshot);
        _log.SetSnapshot("all"u8.ToArray());
        Append("11");
        Assert.Equal("all", Take(listener));
        Assert.Equal("11", Take(listener));
    }

    [Fact]
    public void A_slow_listener_is_behind_once_and_then_gets_one_snapshot_for_all_that_it_missed()
    {
        Listener slow = Add(_log.Id);
        for (int tick = 0; tick <= TickLog.MaxTicks; tick++)
        {
            Append($"{tick}");
        }

        Assert.True(slow.TryPeek(out TickEvent behind));
        Assert.Equal(TickEventKind.Behind, behind.Kind);
        Assert.False(slow.TryPeek(out _));
        Assert.True(_log.WantsSnapshot);
        _log.SetSnapshot("all"u8.ToArray());
        Assert.False(_log.WantsSnapshot);
        Assert.Equal("all", Take(slow));
        Append("after");
        Assert.Equal("after", Take(slow));
    }

    [Fact]
    public void A_snapshot_that_waited_too_long_is_made_anew()
    {
        Add(null);
        _log.SetSnapshot("old"u8.ToArray());
        for (int tick = 0; tick <= TickLog.MaxTicks; tick++)
        {
            Append($"{tick}");
        }

        Assert.True(_log.WantsSnapshot);
    }

    [Fact]
    public void What_was_shown_may_be_gone_when_it_is_taken()
    {
        Listener listener = Add(_log.Id);
        Append("1");
        Assert.True(listener.TryPeek(out TickEvent next));
        for (int tick = 0; tick <= TickLog.MaxTicks; tick++)
        {
            Append("x");
        }

        Assert.False(listener.TryTake(in next, new byte[next.Length]));
        Assert.True(listener.TryPeek(out next));
        Assert.Equal(TickEventKind.Behind, next.Kind);
    }

    [Fact]
    public void A_tick_that_is_too_long_to_keep_is_said_by_a_snapshot()
    {
        Listener listener = Add(_log.Id);
        _log.Append(new byte[TickLog.MaxBytes + 1]);
        Assert.True(listener.TryPeek(out TickEvent next));
        Assert.Equal(TickEventKind.Behind, next.Kind);
        Append("next");
        _log.SetSnapshot("all"u8.ToArray());
        Assert.Equal("all", Take(listener));
        Assert.Equal(new TickId(Name, 2), _log.Id);
    }

    [Fact]
    public void The_end_comes_behind_what_there_still_is()
    {
        Listener reads = Add(_log.Id);
        Listener waits = Add(null);
        Append("1");
        _log.End(End);
        Assert.Equal("1", Take(reads));
        Assert.Equal(Encoding.UTF8.GetString(End), Take(reads));
        Assert.Equal(Encoding.UTF8.GetString(End), Take(waits));
    }

    [Fact]
    public void All_listeners_are_woken_and_one_that_left_is_not()
    {
        Listener stays = Add(null);
        Listener leaves = Add(null);
        _log.Remove(leaves);
        Append("1");
        _log.WakeListeners();
        Assert.Equal((1, 0, 1), (stays.Wakes, leaves.Wakes, _log.ListenerCount));
        _log.Remove(stays);
        Assert.False(_log.WantsSnapshot);
    }

    /// <summary>Ticks of all lengths, so that the ring wraps, grows and drops at every place: what can be taken is what was written.</summary>
    [Fact]
    public void Whatever_is_kept_is_what_was_written()
    {
        Random random = Seeds.NewRandom(output);
        for (int run = 0; run < Seeds.Scaled(50); run++)
        {
            var log = new TickLog(Name);
            var written = new List<byte[]>();
            int longest = 1 << random.Next(1, 18);
            var listener = new Listener();
            log.Add(listener, log.Id);
            long next = 1;
            for (int tick = 0; tick < 400; tick++)
            {
                byte[] json = new byte[random.Next(longest + 1)];
                random.NextBytes(json);
                written.Add(json);
                log.Append(json);
                for (int takes = random.Next(3); takes > 0 && listener.TryPeek(out TickEvent taken); takes--)
                {
                    if (taken.Kind == TickEventKind.Behind)
                    {
                        Assert.True(log.WantsSnapshot);
                        log.SetSnapshot([]);
                        next = log.Id.Number;
                        continue;
                    }

                    byte[] read = new byte[taken.Length];
                    Assert.True(listener.TryTake(in taken, read));
                    Assert.Equal(next++, taken.Id.Number);
                    Assert.True(taken.Kind == TickEventKind.Snapshot || read.AsSpan().SequenceEqual(written[(int)taken.Id.Number - 1]));
                }
            }
        }
    }

    [Fact]
    public void An_id_reads_as_it_was_written()
    {
        Span<byte> text = stackalloc byte[TickId.MaxLength];
        foreach (TickId id in new[] { new TickId(0, 0), new TickId(Name, 42), new TickId(ulong.MaxValue, long.MaxValue) })
        {
            string written = Encoding.ASCII.GetString(text[..id.Format(text)]);
            Assert.Equal(id.ToString(), written);
            Assert.True(TickId.TryParse(written, out TickId read));
            Assert.Equal(id, read);
        }
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("42")]
    [InlineData("0123456789abcdef")]
    [InlineData("0123456789abcdef-")]
    [InlineData("0123456789abcdef--1")]
    [InlineData("0123456789abcdef-9223372036854775808")]
    [InlineData("0123456789abcdef- 1")]
    [InlineData("0123456789abcdeg-1")]
    [InlineData("0123456789abcdef_1")]
    public void What_is_no_id_names_no_state(string? text) => Assert.False(TickId.TryParse(text, out _));

    private Listener Add(TickId? last)
    {
        var listener = new Listener();
        _log.Add(listener, last);
        return listener;
    }

    private void Append(string text) => _log.Append(Encoding.UTF8.GetBytes(text));

    private static string Take(Listener listener)
    {
        Assert.True(listener.TryPeek(out TickEvent next));
        byte[] json = new byte[next.Length];
        Assert.True(listener.TryTake(in next, json));
        return Encoding.UTF8.GetString(json);
    }

    private sealed class Listener : TickListener
    {
        public int Wakes { get; private set; }

        protected internal override void Wake() => Wakes++;
    }
}
