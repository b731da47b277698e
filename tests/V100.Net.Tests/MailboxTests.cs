namespace V100.Net.Tests;

public class MailboxTests
{
    private sealed class Counter : IWakeable
    {
        private int _wakes;

        public int Wakes => _wakes;

        public void Wake() => Interlocked.Increment(ref _wakes);
    }

    [Fact]
    public void A_full_mailbox_refuses_and_wakes_nobody()
    {
        Counter reader = new();
        Mailbox<int> mailbox = new(4, reader);
        for (int lap = 0; lap < 10; lap++)
        {
            for (int message = 0; message < 4; message++)
            {
                Assert.True(mailbox.TryPost(message));
            }

            Assert.False(mailbox.TryPost(4));
            Assert.Equal((lap + 1) * 4, reader.Wakes);
            for (int message = 0; message < 4; message++)
            {
                Assert.True(mailbox.TryRead(out int read));
                Assert.Equal(message, read);
            }

            Assert.False(mailbox.TryRead(out _));
        }
    }

    [Fact]
    public void Several_posters_lose_nothing_and_keep_their_order()
    {
        const int Posters = 3;
        const int Messages = 50_000;
        Mailbox<(int Poster, int Message)> mailbox = new(32, new Counter());
        Thread[] threads = [.. Enumerable.Range(0, Posters).Select(poster => new Thread(() =>
        {
            SpinWait spin = default;
            for (int message = 0; message < Messages; message++)
            {
                while (!mailbox.TryPost((poster, message)))
                {
                    spin.SpinOnce(-1);
                }
            }
        }))];
        foreach (Thread thread in threads)
        {
            thread.Start();
        }

        int[] next = new int[Posters];
        SpinWait wait = default;
        for (int read = 0; read < Posters * Messages; read++)
        {
            (int Poster, int Message) message;
            while (!mailbox.TryRead(out message))
            {
                wait.SpinOnce(-1);
            }

            Assert.Equal(next[message.Poster]++, message.Message);
        }

        Assert.False(mailbox.TryRead(out _));
        Assert.All(next, count => Assert.Equal(Messages, count));
    }
}
