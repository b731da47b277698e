using System.Diagnostics;
using System.Globalization;
using V100.Client;
using V100.Net;
using V100.Net.Crypto;
using V100.Net.Sockets;
using V100.Sfu.Sdp;
using V100.Simulation.World;

namespace V100.Load;

/// <summary>Publishers over WHIP and players over WHEP, with real ICE, DTLS and SRTP over loopback.</summary>
internal sealed class PublishAndPlay : IDisposable
{
    private const int JoinsAtATime = 8;
    private static readonly TimeSpan _connectTimeout = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan _pollInterval = TimeSpan.FromMilliseconds(20);

    private static readonly TimeSpan _untilWindow = TimeSpan.FromMilliseconds(300);
    private static readonly TimeSpan _progressInterval = TimeSpan.FromSeconds(1);
    // The last packets are through by then, and what was asked for has come.
    private static readonly TimeSpan _drain = TimeSpan.FromMilliseconds(500);

    private readonly PublishAndPlayOptions _options;
    private readonly ControlClient _control;
    private readonly ClientDriver _driver;
    private readonly DtlsContext _dtls = new(DtlsCertificate.Create());
    private readonly MeasuredWindow _window = new();
    private readonly string _run = Guid.NewGuid().ToString("N")[..8];
    private readonly List<LoadPublisher> _publishers = [];
    private readonly List<LoadSubscriber> _subscribers = [];
    private int _nextAddress;

    private PublishAndPlay(PublishAndPlayOptions options)
    {
        _options = options;
        _control = new ControlClient(options.Url, options.Key, options.Secret);
        _driver = new ClientDriver(options.ClientCount);
    }

    public static async Task<int> RunAsync(string[] arguments)
    {
        if (arguments is ["--help", ..])
        {
            Console.WriteLine(PublishAndPlayOptions.Usage);
            return 0;
        }

        var options = PublishAndPlayOptions.Parse(arguments);
        using var run = new PublishAndPlay(options);
        PublishAndPlayResult result = await run.RunAsync().ConfigureAwait(false);
        Console.WriteLine(result);
        LoadJson.Write(result, options.Json);
        return 0;
    }

    private async Task<PublishAndPlayResult> RunAsync()
    {
        try
        {
            await JoinPublishersAsync().ConfigureAwait(false);
            ServerFigures before = ReadServer();
            await JoinSubscribersAsync().ConfigureAwait(false);
            await TellProgressAsync("warms up", MonotonicClock.Now + TimeSpan.FromSeconds(_options.WarmUpSeconds)).ConfigureAwait(false);
            return await MeasureAsync(before).ConfigureAwait(false);
        }
        finally
        {
            for (int room = 0; room < _options.Rooms && _publishers.Count > 0; room++)
            {
                await TryDeleteRoomAsync(RoomName(room)).ConfigureAwait(false);
            }
        }
    }

    /// <summary>What the run itself has to say is more important than a room that stays: it ends by itself when consent expires.</summary>
    private async Task TryDeleteRoomAsync(string room)
    {
        try
        {
            await _control.DeleteRoomAsync(room).ConfigureAwait(false);
        }
        catch (LoadFailedException failure)
        {
            Console.Error.WriteLine($"load: {failure.Message}");
        }
    }

    private async Task JoinPublishersAsync()
    {
        for (int room = 0; room < _options.Rooms; room++)
        {
            for (int number = 0; number < _options.Publishers; number++)
            {
                Random random = new(_nextAddress);
                WebRtcClient transport = CreateClient(OfferOf(ClientOffer.Publisher(random)), random);
                string token = await _control.CreateTokenAsync(RoomName(room), PublisherName(number)).ConfigureAwait(false);
                var publisher = new LoadPublisher(transport, _options, _window, random);
                _publishers.Add(publisher);
                Start(publisher, isTimed: true, await _control.PublishAsync(RoomName(room), token, transport.OfferText).ConfigureAwait(false));
            }
        }

        await WaitAsync("publishers connected", () => _publishers.Count(publisher => publisher.IsConnected), _publishers.Count).ConfigureAwait(false);
        if (_options.Holds)
        {
            return;
        }

        _driver.Post(now =>
        {
            // Evenly over one interval: publishers that all send at once would measure a burst.
            for (int index = 0; index < _publishers.Count; index++)
            {
                _publishers[index].Start(now + _options.Interval * index / _publishers.Count);
            }
        });
    }

    private async Task JoinSubscribersAsync()
    {
        var joins = new List<Task>();
        using var gate = new SemaphoreSlim(JoinsAtATime);
        for (int room = 0; room < _options.Rooms; room++)
        {
            for (int number = 0; number < _options.Subscribers; number++)
            {
                await gate.WaitAsync().ConfigureAwait(false);
                _driver.ThrowIfFailed();
                var random = new Random(_nextAddress);
                WebRtcClient transport = CreateClient(OfferOf(_options.HasFeedback ? ClientOffer.AdaptiveSubscriber() : ClientOffer.Subscriber()), random);
                int publisher = number % _options.Publishers;
                var subscriber = new LoadSubscriber(transport, _options, _window, MonotonicClock.Now, random);
                _subscribers.Add(subscriber);
                joins.Add(JoinAsync(subscriber, RoomName(room), $"subscriber-{number}", PublisherName(publisher), gate));
            }
        }

        await Task.WhenAll(joins).ConfigureAwait(false);
        await WaitAsync(
            _options.Holds ? "subscribers connected" : "subscribers that play",
            () => _subscribers.Count(subscriber => _options.Holds ? subscriber.IsConnected : subscriber.Received > 0), _subscribers.Count).ConfigureAwait(false);
    }

    private ClientOffer OfferOf(ClientOffer offer) => _options.Shape == "audio" ? offer.AudioOnly() : offer;

    private async Task JoinAsync(LoadSubscriber subscriber, string room, string identity, string publisher, SemaphoreSlim gate)
    {
        try
        {
            string token = await _control.CreateTokenAsync(room, identity).ConfigureAwait(false);
            Start(subscriber, isTimed: false, await _control.PlayAsync(room, token, publisher, subscriber.Transport.OfferText).ConfigureAwait(false));
        }
        finally
        {
            gate.Release();
        }
    }

    private WebRtcClient CreateClient(ClientOffer offer, Random random) =>
        new(_dtls, offer, _driver.Addresses[_nextAddress++], _driver.Output, random);

    private void Start(DrivenClient client, bool isTimed, string answer)
    {
        TransportAddress server = ServerAddress(answer);
        _driver.Post(now =>
        {
            client.Transport.Accept(answer, in server, now);
            _driver.Add(client, isTimed);
        });
    }

    /// <summary>The loopback address that the answer names; else the port that it names, on 127.0.0.1. Never another machine.</summary>
    private static TransportAddress ServerAddress(string answer)
    {
        ushort port = 0;
        foreach (string line in new ServerAnswer(answer).Values(0, "a=candidate:"))
        {
            if (IceCandidate.TryParse(line, out IceCandidate candidate) && candidate.Transport == IceTransport.Udp && candidate.Address is { IsIPv4: true } address)
            {
                port = address.Port;
                if (System.Net.IPAddress.IsLoopback(address.ToIPAddress()))
                {
                    return address;
                }
            }
        }

        return port != 0 ? TransportAddress.FromIPv4(0x7F00_0001, port) : throw new LoadFailedException("the answer names no IPv4 address over UDP");
    }

    private async Task<PublishAndPlayResult> MeasureAsync(ServerFigures before)
    {
        Instant from = MonotonicClock.Now + _untilWindow;
        Instant until = from + TimeSpan.FromSeconds(_options.Seconds);
        _window.Set(from, until);
        await UntilAsync(from).ConfigureAwait(false);
        ServerFigures began = ReadServer();
        double generatorBegan = _driver.ProcessorSeconds;
        Instant beganAt = MonotonicClock.Now;
        await TellProgressAsync("measures", until).ConfigureAwait(false);
        double seconds = (MonotonicClock.Now - beganAt).TotalSeconds;
        double generatorSeconds = _driver.ProcessorSeconds - generatorBegan;
        ServerFigures ended = ReadServer();
        await Task.Delay(_drain).ConfigureAwait(false);
        await OnDriverAsync(publisher => publisher.Stop()).ConfigureAwait(false);
        return Result(seconds, generatorSeconds, before, began, ended);
    }

    private static Task UntilAsync(Instant instant) =>
        instant - MonotonicClock.Now is { Ticks: > 0 } left ? Task.Delay(left) : Task.CompletedTask;

    /// <summary>Until then, a line each second.</summary>
    private async Task TellProgressAsync(string what, Instant until)
    {
        long sent = _publishers.Sum(publisher => publisher.Sent);
        long received = _subscribers.Sum(subscriber => subscriber.Received);
        Instant at = MonotonicClock.Now;
        while (until - MonotonicClock.Now > _progressInterval)
        {
            await Task.Delay(_progressInterval).ConfigureAwait(false);
            _driver.ThrowIfFailed();
            long sentNow = _publishers.Sum(publisher => publisher.Sent);
            long receivedNow = _subscribers.Sum(subscriber => subscriber.Received);
            Instant now = MonotonicClock.Now;
            double seconds = (now - at).TotalSeconds;
            Console.Error.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"load: {what}, {(until - now).TotalSeconds:0} s left, sent {(sentNow - sent) / seconds:N0}/s, received {(receivedNow - received) / seconds:N0}/s"));
            (sent, received, at) = (sentNow, receivedNow, now);
        }

        await UntilAsync(until).ConfigureAwait(false);
    }

    private PublishAndPlayResult Result(double seconds, double generatorSeconds, ServerFigures before, ServerFigures began, ServerFigures ended)
    {
        var latency = new LatencyHistogram();
        var connect = new LatencyHistogram();
        var play = new LatencyHistogram();
        foreach (LoadSubscriber subscriber in _subscribers)
        {
            latency.Add(subscriber.Latency);
            connect.Add((long)subscriber.ConnectTime.TotalNanoseconds);
            if (!_options.Holds)
            {
                play.Add((long)subscriber.PlayTime.TotalNanoseconds);
            }
        }

        long received = _subscribers.Sum(subscriber => subscriber.ReceivedInWindow);
        double serverSeconds = ended.ProcessorSeconds - began.ProcessorSeconds;
        bool hasServer = _options.ServerPid != 0;
        return new PublishAndPlayResult
        {
            Rooms = _options.Rooms,
            Publishers = _publishers.Count,
            Subscribers = _subscribers.Count,
            Shape = _options.Shape,
            Feedback = _options.HasFeedback ? "browser" : "none",
            Holds = _options.Holds,
            PacketBytes = _options.Size,
            Seconds = seconds,
            PacketsSent = _publishers.Sum(publisher => publisher.SentInWindow),
            PacketsReceived = received,
            PacketsLost = Expected() - received,
            PacketsRepaired = _subscribers.Sum(subscriber => subscriber.RepairedInWindow),
            ReceivedPerSecond = received / seconds,
            LatencyP50Us = latency.PercentileMicroseconds(0.5),
            LatencyP95Us = latency.PercentileMicroseconds(0.95),
            LatencyP99Us = latency.PercentileMicroseconds(0.99),
            LatencyP999Us = latency.PercentileMicroseconds(0.999),
            LatencyMaxUs = latency.MaxMicroseconds,
            Nacks = _subscribers.Sum(subscriber => subscriber.Nacks),
            KeyframeRequests = _subscribers.Sum(subscriber => subscriber.KeyframeRequests),
            PublisherRetransmissions = _publishers.Sum(publisher => publisher.Retransmissions),
            ConnectP50Ms = connect.PercentileMicroseconds(0.5) / 1000,
            ConnectP99Ms = connect.PercentileMicroseconds(0.99) / 1000,
            PlayP50Ms = play.PercentileMicroseconds(0.5) / 1000,
            PlayP99Ms = play.PercentileMicroseconds(0.99) / 1000,
            GeneratorPercent = 100 * generatorSeconds / seconds,
            SkippedTurns = _publishers.Sum(publisher => publisher.SkippedTurns),
            SendsDropped = _driver.SendsDropped,
            ServerUsPerForwardedPacket = hasServer && !_options.Holds ? 1e6 * serverSeconds / Math.Max(received, 1) : null,
            ServerPercent = hasServer ? 100 * serverSeconds / seconds : null,
            ServerThreads = hasServer ? ended.ThreadsSince(began, seconds) : null,
            ServerKibibytesBefore = hasServer ? before.ResidentKibibytes : null,
            ServerKibibytesAfter = hasServer ? ended.ResidentKibibytes : null,
            ServerKibibytesPerSubscriber = hasServer ? (double)(ended.ResidentKibibytes - before.ResidentKibibytes) / _subscribers.Count : null,
        };
    }

    /// <summary>What all subscribers would have received if nothing were lost: each plays one publisher.</summary>
    private long Expected()
    {
        long expected = 0;
        for (int index = 0; index < _subscribers.Count; index++)
        {
            int room = index / _options.Subscribers;
            expected += _publishers[room * _options.Publishers + index % _options.Subscribers % _options.Publishers].SentInWindow;
        }

        return expected;
    }

    /// <summary>Does something with each publisher on the driver's thread, and waits for it.</summary>
    private async Task OnDriverAsync(Action<LoadPublisher> action)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _driver.Post(_ =>
        {
            _publishers.ForEach(action);
            done.SetResult();
        });
        try
        {
            await done.Task.WaitAsync(_connectTimeout).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            _driver.ThrowIfFailed();
            throw new LoadFailedException("the clients' thread does not answer");
        }
    }

    private async Task WaitAsync(string what, Func<int> count, int wanted)
    {
        long began = Stopwatch.GetTimestamp();
        while (count() < wanted)
        {
            _driver.ThrowIfFailed();
            if (Stopwatch.GetElapsedTime(began) > _connectTimeout)
            {
                throw new LoadFailedException($"{what}: {count()} of {wanted} after {_connectTimeout.TotalSeconds:0} s");
            }

            await Task.Delay(_pollInterval).ConfigureAwait(false);
        }
    }

    private ServerFigures ReadServer() => _options.ServerPid == 0 ? default : ServerFigures.Read(_options.ServerPid);

    private string RoomName(int room) => $"load-{_run}-{room}";

    private static string PublisherName(int number) => $"publisher-{number}";

    public void Dispose()
    {
        _driver.Dispose();
        _control.Dispose();
        _dtls.Dispose();
    }
}
