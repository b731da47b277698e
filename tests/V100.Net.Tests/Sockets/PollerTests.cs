using V100.Net.Sockets;

namespace V100.Net.Tests.Sockets;

public class PollerTests
{
    public static TheoryData<string> Backends => UdpSocketTests.Backends;

    private static Poller Create(string backend) => Poller.Create(Enum.Parse<UdpBackend>(backend));

    [Theory]
    [MemberData(nameof(Backends))]
    public void It_sleeps_until_the_deadline_and_not_less(string backend)
    {
        using Poller poller = Create(backend);
        for (int round = 0; round < 20; round++)
        {
            Instant now = MonotonicClock.Now;
            Instant deadline = now + TimeSpan.FromMicroseconds(1_300);
            Assert.Equal(0, poller.Wait(now, deadline));
            Assert.True(MonotonicClock.Now >= deadline);
        }
    }

    [Theory]
    [MemberData(nameof(Backends))]
    public void A_wake_before_the_wait_is_not_lost_and_many_are_one(string backend)
    {
        using Poller poller = Create(backend);
        poller.Wake();
        poller.Wake();
        poller.Wait(MonotonicClock.Now, Instant.Never);
        Instant now = MonotonicClock.Now;
        poller.Wait(now, now + TimeSpan.FromMilliseconds(5));
        Assert.True(MonotonicClock.Now - now >= TimeSpan.FromMilliseconds(5));
    }

    [Theory]
    [MemberData(nameof(Backends))]
    public void Two_sleepers_that_wake_each_other_lose_no_wake(string backend)
    {
        const int Rounds = 20_000;
        using Poller ping = Create(backend);
        using Poller pong = Create(backend);
        Mailbox<int> toPing = new(4, ping);
        Mailbox<int> toPong = new(4, pong);
        Thread other = new(() =>
        {
            for (int round = 0; round < Rounds; round++)
            {
                Take(toPong, pong, round);
                toPing.TryPost(round);
            }
        });
        Thread first = new(() =>
        {
            for (int round = 0; round < Rounds; round++)
            {
                toPong.TryPost(round);
                Take(toPing, ping, round);
            }
        });
        other.IsBackground = first.IsBackground = true;
        other.Start();
        first.Start();
        Assert.True(first.Join(TimeSpan.FromSeconds(60)), "a wake was lost");
        Assert.True(other.Join(TimeSpan.FromSeconds(60)));
    }

    private static void Take(Mailbox<int> mailbox, Poller poller, int expected)
    {
        int message;
        while (!mailbox.TryRead(out message))
        {
            poller.Wait(MonotonicClock.Now, Instant.Never);
        }

        Assert.Equal(expected, message);
    }

    [Theory]
    [MemberData(nameof(Backends))]
    public void A_removed_socket_is_not_reported(string backend)
    {
        using UdpEnd end = UdpEnd.Open(Enum.Parse<UdpBackend>(backend), "127.0.0.1");
        end.Send(end.At4, default, [1]);
        Assert.Equal(1, end.Poller.Wait(MonotonicClock.Now, MonotonicClock.Now + TimeSpan.FromSeconds(10)));
        Assert.Same(end.Sockets.Sockets[0], end.Poller.GetReady(0));
        end.Poller.Remove(end.Sockets.Sockets[0]);
        Assert.Equal(0, end.Poller.Wait(MonotonicClock.Now, MonotonicClock.Now + TimeSpan.FromMilliseconds(5)));
        Assert.True(end.Poller.TryAdd(end.Sockets.Sockets[0]));
        Assert.Equal(1, end.Poller.Wait(MonotonicClock.Now, MonotonicClock.Now + TimeSpan.FromSeconds(10)));
    }

    [Theory]
    [MemberData(nameof(Backends))]
    public void A_refused_socket_changes_nothing_for_the_others(string backend)
    {
        using UdpEnd end = UdpEnd.Open(Enum.Parse<UdpBackend>(backend), "127.0.0.1");
        UdpSocket first = end.Sockets.Sockets[0];
        // What the system says of no memory it also says of a descriptor that it watches already.
        Assert.False(end.Poller.TryAdd(first));
        UdpSocket second = end.Sockets.TryOpen(end.At4.WithPort(0), new UdpOptions())!;
        Assert.True(end.Poller.TryAdd(second));
        end.Send(end.At4, default, [1]);
        Assert.Equal(1, end.Poller.Wait(MonotonicClock.Now, MonotonicClock.Now + TimeSpan.FromSeconds(10)));
        Assert.Same(first, end.Poller.GetReady(0));
        end.Poller.Remove(first);
        end.Send(second.Bound, default, [2]);
        Assert.Equal(1, end.Poller.Wait(MonotonicClock.Now, MonotonicClock.Now + TimeSpan.FromSeconds(10)));
        Assert.Same(second, end.Poller.GetReady(0));
        end.Poller.Remove(second);
        end.Sockets.Close(second);
    }
}
