using V100.Sfu.Tests.Rtp;
using Xunit.Abstractions;

namespace V100.Net.Tests;

public class TimerWheelTests(ITestOutputHelper output)
{
    private const long TickNs = 1 << 20;

    private static Instant At(double milliseconds) => new((long)(milliseconds * 1e6));

    private static List<TimerNode> Drain(TimerWheel wheel, Instant now)
    {
        List<TimerNode> fired = [];
        while (wheel.TryExpire(now, out TimerNode node))
        {
            Assert.False(node.IsScheduled);
            fired.Add(node);
        }

        return fired;
    }

    [Fact]
    public void An_empty_wheel_never_wakes_anybody()
    {
        TimerWheel wheel = new(At(5));
        Assert.Equal(Instant.Never, wheel.NextDeadline);
        Assert.False(wheel.TryExpire(At(1e9), out _));
        Assert.Equal(0, wheel.Count);
    }

    [Theory]
    [InlineData(0.5)]
    [InlineData(10)]
    [InlineData(66.5)]
    [InlineData(4_321)]
    [InlineData(300_000)]
    [InlineData(2e9)]
    public void A_node_fires_within_a_tick_after_its_deadline_and_not_before(double milliseconds)
    {
        TimerWheel wheel = new(At(0));
        TimerNode node = new("owner");
        Instant deadline = At(milliseconds);
        wheel.Schedule(node, deadline);

        int wakes = 0;
        Instant now = At(0);
        while (node.IsScheduled)
        {
            Assert.True(wheel.NextDeadline > now, "a sleeper would spin");
            now = wheel.NextDeadline;
            wakes++;
            Drain(wheel, now);
        }

        Assert.InRange(now.Nanoseconds, deadline.Nanoseconds, deadline.Nanoseconds + TickNs - 1);
        Assert.InRange(wakes, 1, 8);
        Assert.Equal(deadline, node.Deadline);
    }

    [Fact]
    public void Now_just_before_the_deadline_fires_nothing()
    {
        TimerWheel wheel = new(At(0));
        wheel.Schedule(new TimerNode("owner"), new Instant(64 * TickNs));
        Assert.Empty(Drain(wheel, new Instant(64 * TickNs - 1)));
        Assert.Single(Drain(wheel, new Instant(64 * TickNs)));
    }

    [Fact]
    public void A_past_deadline_fires_at_the_next_drain()
    {
        TimerWheel wheel = new(At(1000));
        TimerNode node = new("owner");
        wheel.Schedule(node, At(3));
        Assert.True(wheel.NextDeadline <= At(1000));
        Assert.Same(node, Assert.Single(Drain(wheel, At(1000))));
    }

    [Fact]
    public void A_node_that_schedules_itself_for_the_past_does_not_hold_the_drain()
    {
        TimerWheel wheel = new(At(1000));
        TimerNode node = new("owner");
        wheel.Schedule(node, At(3));
        for (int drain = 0; drain < 3; drain++)
        {
            int fired = 0;
            while (wheel.TryExpire(At(1000), out TimerNode expired))
            {
                fired++;
                Assert.True(fired < 10);
                wheel.Schedule(expired, At(2));
            }

            Assert.Equal(1, fired);
        }
    }

    [Fact]
    public void Cancel_and_reschedule_act_on_nodes_that_are_due_but_not_yet_taken()
    {
        TimerWheel wheel = new(At(0));
        TimerNode[] nodes = [new(0), new(1), new(2)];
        foreach (TimerNode node in nodes)
        {
            wheel.Schedule(node, At(10));
        }

        Assert.True(wheel.TryExpire(At(20), out TimerNode first));
        TimerNode[] rest = [.. nodes.Where(node => node != first)];
        wheel.Cancel(rest[0]);
        wheel.Schedule(rest[1], At(40));
        Assert.False(wheel.TryExpire(At(20), out _));
        Assert.Equal(1, wheel.Count);
        Assert.Same(rest[1], Assert.Single(Drain(wheel, At(42))));
    }

    [Fact]
    public void Never_cancels()
    {
        TimerWheel wheel = new(At(0));
        TimerNode node = new("owner");
        wheel.Schedule(node, At(1));
        wheel.Schedule(node, Instant.Never);
        Assert.False(node.IsScheduled);
        Assert.Equal(Instant.Never, wheel.NextDeadline);
    }

    [Fact]
    public void A_node_of_another_wheel_is_refused()
    {
        TimerWheel one = new(At(0));
        TimerWheel other = new(At(0));
        TimerNode node = new("owner");
        one.Schedule(node, At(1));
        Assert.Throws<InvalidOperationException>(() => other.Schedule(node, At(2)));
        Assert.Throws<InvalidOperationException>(() => other.Cancel(node));
    }

    [Fact]
    public void Scheduling_and_expiring_allocate_nothing()
    {
        TimerWheel wheel = new(At(0));
        TimerNode node = new("owner");
        long before = 0;
        for (int round = 0; round < 2000; round++)
        {
            if (round == 1000)
            {
                before = GC.GetAllocatedBytesForCurrentThread();
            }

            wheel.Schedule(node, At(round * 7 + 5));
            wheel.Schedule(node, At(round * 7 + 3));
            wheel.TryExpire(At(round * 7 + 5), out _);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void Agrees_with_a_sorted_list()
    {
        Random random = Seeds.NewRandom(output);
        for (int round = 0; round < 40; round++)
        {
            string context = $"round {round}";
            Instant now = new(random.NextInt64(1L << random.Next(1, 55)));
            TimerWheel wheel = new(now);
            TimerNode[] nodes = [.. Enumerable.Range(0, 50).Select(index => new TimerNode(index))];
            Dictionary<TimerNode, Instant> model = [];
            for (int step = 0; step < 2000; step++)
            {
                TimerNode node = nodes[random.Next(nodes.Length)];
                switch (random.Next(5))
                {
                    case 0 or 1 or 2:
                        Instant deadline = new(Math.Max(0, now.Nanoseconds + random.NextInt64(1L << random.Next(1, 45)) - random.Next(2) * TickNs));
                        wheel.Schedule(node, deadline);
                        model[node] = deadline;
                        break;
                    case 3:
                        wheel.Cancel(node);
                        model.Remove(node);
                        break;
                    default:
                        now = random.Next(2) == 0 && wheel.NextDeadline != Instant.Never
                            ? new Instant(Math.Max(now.Nanoseconds, wheel.NextDeadline.Nanoseconds))
                            : new Instant(now.Nanoseconds + random.NextInt64(1L << random.Next(1, 40)));
                        DrainAndCompare(wheel, model, now, random, context);
                        break;
                }

                CheckInvariants(wheel, nodes, model, now, context);
            }
        }
    }

    private static void DrainAndCompare(TimerWheel wheel, Dictionary<TimerNode, Instant> model, Instant now, Random random, string context)
    {
        while (wheel.TryExpire(now, out TimerNode node))
        {
            Assert.True(model.Remove(node, out Instant deadline), context);
            Assert.True(deadline <= now, $"{context}: {deadline} fired at {now}");
            if (random.Next(4) == 0)
            {
                Instant again = now + TimeSpan.FromMicroseconds(random.Next(100_000));
                wheel.Schedule(node, again);
                model[node] = again;
            }
        }

        // What is left is not due, to the tick; what was scheduled for the present during the drain may wait for the next.
        foreach (Instant deadline in model.Values)
        {
            Assert.True(deadline.Nanoseconds + TickNs > now.Nanoseconds, $"{context}: {deadline} still waits at {now}");
        }
    }

    private static void CheckInvariants(TimerWheel wheel, TimerNode[] nodes, Dictionary<TimerNode, Instant> model, Instant now, string context)
    {
        Assert.True(model.Count == wheel.Count, context);
        Assert.True(nodes.All(node => node.IsScheduled == model.ContainsKey(node)), context);
        if (model.Count == 0)
        {
            Assert.True(wheel.NextDeadline == Instant.Never, context);
            return;
        }

        // Who sleeps until then is at most a tick late for the first.
        Instant first = model.Values.Min();
        Assert.True(wheel.NextDeadline <= now || wheel.NextDeadline.Nanoseconds < first.Nanoseconds + TickNs, context);
    }
}
