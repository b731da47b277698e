using System.Globalization;
using V100.Client;
using V100.Net;
using V100.Net.Crypto;
using V100.Net.Sockets;
using V100.Simulation.World;

namespace V100.Load;

/// <summary>Publishers and those who play them, with real ICE, DTLS and SRTP over loopback.</summary>
internal sealed class PublishAndPlay : IDisposable
{
    /// <summary>The last packets are through by then, and what was asked for has come.</summary>
    public static readonly TimeSpan Drain = TimeSpan.FromMilliseconds(500);

    private const int FirstPublisherSeed = 1_000_000; // Above all of the subscribers'.
    private static readonly TimeSpan _untilWindow = TimeSpan.FromMilliseconds(300);
    private static readonly TimeSpan _progressInterval = TimeSpan.FromSeconds(1);

    private readonly PublishAndPlayOptions _options;
    private readonly string[] _arguments;
    private readonly ICallServer _server;
    private readonly ClientDriver _driver;
    private readonly DtlsContext _dtls = new(DtlsCertificate.Create());
    private readonly MeasuredWindow _window = new();
    private readonly string _run = Guid.NewGuid().ToString("N")[..8];
    private readonly List<LoadPublisher> _publishers = [];
    private readonly SubscriberGroup _group;
    private readonly List<SubscriberProcess> _processes = [];

    private PublishAndPlay(PublishAndPlayOptions options, string[] arguments)
    {
        _options = options;
        _arguments = arguments;
        _server = options.Connect();
        _driver = new ClientDriver(options.ClientCount, network: options.Network);
        _group = new SubscriberGroup(options, _run, _server, _driver, _dtls, _window);
    }

    public static async Task<int> RunAsync(string[] arguments)
    {
        if (arguments is ["--help", ..])
        {
            Console.WriteLine(PublishAndPlayOptions.Usage);
            return 0;
        }

        var options = PublishAndPlayOptions.Parse(arguments);
        PublishAndPlayResult result = await MeasureAsync(options, arguments).ConfigureAwait(false);
        Console.WriteLine(result);
        LoadJson.Write(result, options.Json);
        return 0;
    }

    /// <param name="options">What is done.</param>
    /// <param name="arguments">The same as they were given, for processes of subscribers.</param>
    public static async Task<PublishAndPlayResult> MeasureAsync(PublishAndPlayOptions options, string[] arguments)
    {
        using var run = new PublishAndPlay(options, arguments);
        return await run.RunAsync().ConfigureAwait(false);
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
                await TryEndRoomAsync(SubscriberGroup.RoomName(_run, room)).ConfigureAwait(false);
            }
        }
    }

    /// <summary>What the run itself has to say is more important than a room that stays: it ends by itself when consent expires.</summary>
    private async Task TryEndRoomAsync(string room)
    {
        try
        {
            await _server.EndRoomAsync(room).ConfigureAwait(false);
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
            string name = SubscriberGroup.RoomName(_run, room);
            await _server.CreateRoomAsync(name, _options.Publishers).ConfigureAwait(false);
            for (int number = 0; number < _options.Publishers; number++)
            {
                var random = new Random(FirstPublisherSeed + _publishers.Count);
                ClientOffer offer = ClientOffer.Publisher(random) with { Setup = _server.PublisherSetup };
                TransportAddress address = _driver.Addresses[_publishers.Count];
                var transport = new WebRtcClient(_dtls, _options.Shape == "audio" ? offer.AudioOnly() : offer, address, _driver.Output, random);
                var publisher = new LoadPublisher(transport, _options, _window, random);
                _publishers.Add(publisher);
                string answer = await _server.PublishAsync(name, SubscriberGroup.PublisherName(number), transport).ConfigureAwait(false);
                _driver.Start(publisher, answer, isTimed: true);
            }
        }

        await Waiting.UntilAsync("publishers connected", () => _publishers.Count(publisher => publisher.IsConnected), _publishers.Count, _driver).ConfigureAwait(false);
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
        int subscribers = _options.Rooms * _options.Subscribers;
        if (_options.Processes == 1)
        {
            await _group.JoinAsync(0, subscribers, firstAddress: _publishers.Count).ConfigureAwait(false);
            return;
        }

        for (int part = 0; part < _options.Processes; part++)
        {
            int first = (int)((long)subscribers * part / _options.Processes);
            int end = (int)((long)subscribers * (part + 1) / _options.Processes);
            _processes.Add(SubscriberProcess.Start(_arguments, _run, first, end - first, block: part + 1));
        }

        foreach (SubscriberProcess process in _processes)
        {
            await process.JoinedAsync().ConfigureAwait(false);
        }
    }

    private async Task<PublishAndPlayResult> MeasureAsync(ServerFigures before)
    {
        Instant from = MonotonicClock.Now + _untilWindow;
        Instant until = from + TimeSpan.FromSeconds(_options.Seconds);
        _window.Set(from, until);
        _processes.ForEach(process => process.SetWindow(from, until));
        await Waiting.UntilAsync(from).ConfigureAwait(false);
        ServerFigures began = ReadServer();
        double generatorBegan = _driver.ProcessorSeconds;
        Instant beganAt = MonotonicClock.Now;
        await TellProgressAsync("measures", until).ConfigureAwait(false);
        double seconds = (MonotonicClock.Now - beganAt).TotalSeconds;
        double generatorSeconds = _driver.ProcessorSeconds - generatorBegan;
        ServerFigures ended = ReadServer();
        await Task.Delay(Drain).ConfigureAwait(false);
        SubscriberTotals totals = await _group.TotalsAsync(generatorSeconds).ConfigureAwait(false);
        foreach (SubscriberProcess process in _processes)
        {
            totals = totals.Add(await process.TotalsAsync().ConfigureAwait(false));
        }

        await Waiting.OnDriverAsync(_driver, () => _publishers.ForEach(publisher => publisher.Stop())).ConfigureAwait(false);
        return Result(seconds, totals, before, began, ended);
    }

    private long ReceivedNow() => _group.Received + _processes.Sum(process => process.Received);

    /// <summary>Until then, a line each second.</summary>
    private async Task TellProgressAsync(string what, Instant until)
    {
        long sent = _publishers.Sum(publisher => publisher.Sent);
        long received = ReceivedNow();
        Instant at = MonotonicClock.Now;
        while (until - MonotonicClock.Now > _progressInterval)
        {
            await Task.Delay(_progressInterval).ConfigureAwait(false);
            _driver.ThrowIfFailed();
            long sentNow = _publishers.Sum(publisher => publisher.Sent);
            long receivedNow = ReceivedNow();
            Instant now = MonotonicClock.Now;
            double seconds = (now - at).TotalSeconds;
            Console.Error.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"load: {what}, {(until - now).TotalSeconds:0} s left, sent {(sentNow - sent) / seconds:N0}/s, received {(receivedNow - received) / seconds:N0}/s"));
            (sent, received, at) = (sentNow, receivedNow, now);
        }

        await Waiting.UntilAsync(until).ConfigureAwait(false);
    }

    private PublishAndPlayResult Result(double seconds, SubscriberTotals totals, ServerFigures before, ServerFigures began, ServerFigures ended)
    {
        LatencyHistogram latency = LatencyHistogram.FromPairs(totals.Latency);
        LatencyHistogram connect = LatencyHistogram.FromPairs(totals.Connect);
        LatencyHistogram play = LatencyHistogram.FromPairs(totals.Play);
        long received = totals.Received;
        int subscribers = _options.Rooms * _options.Subscribers;
        double serverSeconds = ended.ProcessorSeconds - began.ProcessorSeconds;
        bool hasServer = _options.ServerPid != 0;
        return new PublishAndPlayResult
        {
            Rooms = _options.Rooms,
            Publishers = _publishers.Count,
            Subscribers = subscribers,
            Shape = _options.Shape,
            Feedback = _options.HasFeedback ? "browser" : "none",
            Holds = _options.Holds,
            PacketBytes = _options.Size,
            Seconds = seconds,
            PacketsSent = _publishers.Sum(publisher => publisher.SentInWindow),
            PacketsReceived = received,
            PacketsLost = Expected() - received,
            PacketsRepaired = totals.Repaired,
            ReceivedPerSecond = received / seconds,
            LatencyP50Us = latency.PercentileMicroseconds(0.5),
            LatencyP95Us = latency.PercentileMicroseconds(0.95),
            LatencyP99Us = latency.PercentileMicroseconds(0.99),
            LatencyP999Us = latency.PercentileMicroseconds(0.999),
            LatencyMaxUs = latency.MaxMicroseconds,
            Nacks = totals.Nacks,
            KeyframeRequests = totals.KeyframeRequests,
            PublisherRetransmissions = _publishers.Sum(publisher => publisher.Retransmissions),
            ConnectP50Ms = connect.PercentileMicroseconds(0.5) / 1000,
            ConnectP99Ms = connect.PercentileMicroseconds(0.99) / 1000,
            PlayP50Ms = play.PercentileMicroseconds(0.5) / 1000,
            PlayP99Ms = play.PercentileMicroseconds(0.99) / 1000,
            GeneratorPercent = 100 * totals.ProcessorSeconds / seconds,
            SkippedTurns = _publishers.Sum(publisher => publisher.SkippedTurns),
            SendsDropped = totals.SendsDropped,
            ServerUsPerForwardedPacket = hasServer && !_options.Holds ? 1e6 * serverSeconds / Math.Max(received, 1) : null,
            ServerPercent = hasServer ? 100 * serverSeconds / seconds : null,
            ServerThreads = hasServer ? ended.ThreadsSince(began, seconds) : null,
            ServerKibibytesBefore = hasServer ? before.ResidentKibibytes : null,
            ServerKibibytesAfter = hasServer ? ended.ResidentKibibytes : null,
            ServerKibibytesPerSubscriber = hasServer ? (double)(ended.ResidentKibibytes - before.ResidentKibibytes) / subscribers : null,
        };
    }

    /// <summary>What all subscribers would have received if nothing were lost: each plays one publisher.</summary>
    private long Expected()
    {
        long expected = 0;
        for (int number = 0; number < _options.Rooms * _options.Subscribers; number++)
        {
            expected += _publishers[_options.PublisherOf(number)].SentInWindow;
        }

        return expected;
    }

    private ServerFigures ReadServer() => _options.ServerPid == 0 ? default : ServerFigures.Read(_options.ServerPid);

    public void Dispose()
    {
        _processes.ForEach(process => process.Dispose());
        _driver.Dispose();
        _server.Dispose();
        _dtls.Dispose();
    }
}
