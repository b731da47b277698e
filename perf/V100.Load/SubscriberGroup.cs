using System.Diagnostics;
using V100.Client;
using V100.Net;
using V100.Net.Crypto;
using V100.Net.Sockets;

namespace V100.Load;

/// <summary>The subscribers of one process: they join, are counted while they play, and say in the end what they saw.</summary>
internal sealed class SubscriberGroup(PublishAndPlayOptions options, string run, ICallServer server, ClientDriver driver, DtlsContext dtls, MeasuredWindow window)
{
    private const int JoinsAtATime = 8;

    private readonly List<LoadSubscriber> _subscribers = [];
    private readonly Lock _gate = new();

    /// <summary>Packets up to now. Any thread, once all have joined.</summary>
    public long Received => _subscribers.Sum(subscriber => subscriber.Received);

    public static string RoomName(string run, int room) => $"load-{run}-{room}";

    public static string PublisherName(int number) => $"publisher-{number}";

    /// <summary>Until all play, or are connected where nothing is played.</summary>
    /// <param name="first">Of all rooms' subscribers, in their order, the first of this group.</param>
    /// <param name="count">How many.</param>
    /// <param name="firstAddress">Of the driver's.</param>
    public async Task JoinAsync(int first, int count, int firstAddress)
    {
        var joins = new List<Task>();
        using var gate = new SemaphoreSlim(JoinsAtATime);
        for (int index = 0; index < count; index++)
        {
            await gate.WaitAsync().ConfigureAwait(false);
            driver.ThrowIfFailed();
            joins.Add(JoinOneAsync(first + index, driver.Addresses[firstAddress + index], gate));
        }

        await Task.WhenAll(joins).ConfigureAwait(false);
        await Waiting.UntilAsync(
            options.Holds ? "subscribers connected" : "subscribers that play",
            () => _subscribers.Count(subscriber => options.Holds ? subscriber.IsConnected : subscriber.Received > 0), count, driver).ConfigureAwait(false);
    }

    public async Task<SubscriberTotals> TotalsAsync(double processorSeconds)
    {
        SubscriberTotals? totals = null;
        await Waiting.OnDriverAsync(driver, () => totals = Totals(processorSeconds)).ConfigureAwait(false);
        return totals!;
    }

    private SubscriberTotals Totals(double processorSeconds)
    {
        var latency = new LatencyHistogram();
        var connect = new LatencyHistogram();
        var play = new LatencyHistogram();
        foreach (LoadSubscriber subscriber in _subscribers)
        {
            latency.Add(subscriber.Latency);
            connect.Add((long)subscriber.ConnectTime.TotalNanoseconds);
            if (!options.Holds)
            {
                play.Add((long)subscriber.PlayTime.TotalNanoseconds);
            }
        }

        return new SubscriberTotals
        {
            Received = _subscribers.Sum(subscriber => subscriber.ReceivedInWindow),
            Repaired = _subscribers.Sum(subscriber => subscriber.RepairedInWindow),
            Nacks = _subscribers.Sum(subscriber => subscriber.Nacks),
            KeyframeRequests = _subscribers.Sum(subscriber => subscriber.KeyframeRequests),
            SendsDropped = driver.SendsDropped,
            ProcessorSeconds = processorSeconds,
            Latency = latency.ToPairs(),
            Connect = connect.ToPairs(),
            Play = play.ToPairs(),
        };
    }

    private async Task JoinOneAsync(int number, TransportAddress address, SemaphoreSlim gate)
    {
        try
        {
            int room = number / options.Subscribers;
            string publisher = PublisherName(options.PublisherOf(number) % options.Publishers);
            var random = new Random(number + 1);
            Instant joinsAt = MonotonicClock.Now;
            JoiningClient joining = await server.PlayAsync(
                RoomName(run, room), $"subscriber-{number}", publisher, options.HasFeedback, offer => new WebRtcClient(dtls, offer, address, driver.Output, random)).ConfigureAwait(false);
            var subscriber = new LoadSubscriber(joining.Transport, options, window, joinsAt, random);
            lock (_gate)
            {
                _subscribers.Add(subscriber);
            }

            driver.Start(subscriber, joining.Description, isTimed: false);
        }
        finally
        {
            gate.Release();
        }
    }
}

/// <summary>How a run waits for what its driver's thread does.</summary>
internal static class Waiting
{
    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan _pollInterval = TimeSpan.FromMilliseconds(20);

    /// <exception cref="LoadFailedException">It does not come to as many.</exception>
    public static async Task UntilAsync(string what, Func<int> count, int wanted, ClientDriver driver)
    {
        long began = Stopwatch.GetTimestamp();
        while (count() < wanted)
        {
            driver.ThrowIfFailed();
            if (Stopwatch.GetElapsedTime(began) > _limit)
            {
                throw new LoadFailedException($"{what}: {count()} of {wanted} after {_limit.TotalSeconds:0} s");
            }

            await Task.Delay(_pollInterval).ConfigureAwait(false);
        }
    }

    /// <summary>Does something on the driver's thread.</summary>
    public static async Task OnDriverAsync(ClientDriver driver, Action action)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        driver.Post(_ =>
        {
            action();
            done.SetResult();
        });
        try
        {
            await done.Task.WaitAsync(_limit).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            driver.ThrowIfFailed();
            throw new LoadFailedException("the clients' thread does not answer");
        }
    }

    public static Task UntilAsync(Instant instant) =>
        instant - MonotonicClock.Now is { Ticks: > 0 } left ? Task.Delay(left) : Task.CompletedTask;
}
