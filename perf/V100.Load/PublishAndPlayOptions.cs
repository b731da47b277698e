namespace V100.Load;

/// <summary>What a run of <see cref="PublishAndPlay"/> does.</summary>
internal sealed record PublishAndPlayOptions
{
    public const string Usage = """
        usage: V100.Load publish-and-play --key ID --secret SECRET [OPTIONS]
               V100.Load publish-and-play --server janus --url http://127.0.0.1:8088 [OPTIONS]

          --server NAME        v100 (WHIP and WHEP) or janus (its video room, over HTTP) (v100)
          --url URL            the server's control URL (http://127.0.0.1:8080); a loopback address
          --key ID             of V100: an API key of the server, with which it makes its tokens
          --secret SECRET      the key's secret
          --processes N        the subscribers are spread over so many processes; 1: they are in this one, 1 to 8 (1)
          --rooms N            1 to 200 (1)
          --publishers N       in each room, 1 to 100 (1)
          --subscribers N      in each room, 1 to 3900 (10); each plays one of the room's publishers
          --shape SHAPE        constant, video, audio or call (constant)
          --rate N             constant: packets per second of each publisher, 1 to 20000 (500)
          --burst N            constant: packets that it sends at a time, 1 to 64 (1)
          --size N             bytes of a packet of video before SRTP, of the largest where they differ, 100 to 1400 (1200)
          --fps N              video, call: frames per second, 1 to 120 (30)
          --kbps N             video, call: what the frames come to, 50 to 50000 (2500)
          --keyframe-seconds N video, call: from one keyframe to the next, 1 to 600 (10)
          --keyframe-ratio N   video, call: how many times larger a keyframe is, 1 to 30 (6)
          --feedback WORD      browser or none (browser): whether subscribers say what they got, and publishers send again
          --loss PERCENT       of what comes to a subscriber, so much is dropped unseen, 0 to 50 (0)
          --hold WORD          yes or no (no): subscribers of publishers that send nothing
          --warm-up N          seconds before it measures, in which the server finds out what the paths carry, 1 to 60 (8; 1 without feedback)
          --seconds N          how long it measures, 1 to 600 (10)
          --network A.B        the first two bytes of the clients' addresses, which must be this machine's (127.88)
          --server-pid N       the server's process: adds its processor time and memory
          --json FILE          writes the result there too

        Audio is 50 packets of 160 bytes a second; a call is audio and video. All rooms together have at most 4000 clients.

        With feedback, subscribers offer transport-wide congestion control and report every 50 to 100 ms, send receiver reports each second,
        and ask for what is missing and for keyframes; publishers send what is asked for again on their retransmission stream, answer
        requests for keyframes, and send sender reports. Lost is what a subscriber did not get, in the end, of the packets that its
        publisher sent within the measured time. While it runs it says each second how it goes, on standard error.
        """;

    public const int MinSize = 100;
    public const int MaxSize = 1400;
    private const int MaxClients = 4000;

    private const int MaxProcesses = 8;

    public required bool IsJanus { get; init; }
    public required Uri Url { get; init; }

    /// <summary>Empty for Janus, as is the secret.</summary>
    public required string Key { get; init; }
    public required string Secret { get; init; }
    public required int Processes { get; init; }
    public required int Rooms { get; init; }
    public required int Publishers { get; init; }
    public required int Subscribers { get; init; }
    public required string Shape { get; init; }
    public required int Rate { get; init; }
    public required int Burst { get; init; }
    public required int Size { get; init; }
    public required int FramesPerSecond { get; init; }
    public required int Kbps { get; init; }
    public required int KeyframeSeconds { get; init; }
    public required int KeyframeRatio { get; init; }
    public required bool HasFeedback { get; init; }
    public required int LossPercent { get; init; }
    public required bool Holds { get; init; }
    public required int WarmUpSeconds { get; init; }
    public required int Seconds { get; init; }
    public required string Network { get; init; }
    public required int ServerPid { get; init; }
    public required string? Json { get; init; }

    /// <summary>From one turn of a publisher's to the next.</summary>
    public TimeSpan Interval => TimeSpan.FromSeconds(Shape switch
    {
        "constant" => (double)Burst / Rate,
        "audio" => 0.02,
        _ => 1.0 / FramesPerSecond,
    });

    public int ClientCount => Rooms * (Publishers + Subscribers);

    /// <summary>Of all rooms' publishers, whom one of all rooms' subscribers plays.</summary>
    public int PublisherOf(int subscriber) => subscriber / Subscribers * Publishers + subscriber % Subscribers % Publishers;

    public ICallServer Connect() => IsJanus ? new JanusCallServer(Url) : new V100CallServer(Url, Key, Secret, Shape == "audio");

    public static PublishAndPlayOptions Parse(string[] arguments)
    {
        var given = new Arguments(arguments);
        bool hasFeedback = given.OneOf("--feedback", "browser", "none") == "browser";
        bool isJanus = given.OneOf("--server", "v100", "janus") == "janus";
        var options = new PublishAndPlayOptions
        {
            Url = given.LoopbackUrl("--url", "http://127.0.0.1:8080"),
            IsJanus = isJanus,
            Key = isJanus ? "" : given.Required("--key"),
            Secret = isJanus ? "" : given.Required("--secret"),
            Processes = given.Whole("--processes", 1, 1, MaxProcesses),
            Rooms = given.Whole("--rooms", 1, 1, 200),
            Publishers = given.Whole("--publishers", 1, 1, 100),
            Subscribers = given.Whole("--subscribers", 10, 1, 3900),
            Shape = given.OneOf("--shape", "constant", "video", "audio", "call"),
            Rate = given.Whole("--rate", 500, 1, 20_000),
            Burst = given.Whole("--burst", 1, 1, 64),
            Size = given.Whole("--size", 1200, MinSize, MaxSize),
            FramesPerSecond = given.Whole("--fps", 30, 1, 120),
            Kbps = given.Whole("--kbps", 2500, 50, 50_000),
            KeyframeSeconds = given.Whole("--keyframe-seconds", 10, 1, 600),
            KeyframeRatio = given.Whole("--keyframe-ratio", 6, 1, 30),
            HasFeedback = hasFeedback,
            LossPercent = given.Whole("--loss", 0, 0, 50),
            Holds = given.OneOf("--hold", "no", "yes") == "yes",
            WarmUpSeconds = given.Whole("--warm-up", hasFeedback ? 8 : 1, 1, 60),
            Seconds = given.Whole("--seconds", 10, 1, 600),
            Network = given.Network("--network"),
            ServerPid = given.Whole("--server-pid", 0, 1, int.MaxValue),
            Json = given.Text("--json"),
        };
        given.RefuseRest();
        if (isJanus && options.Network.StartsWith("127.", StringComparison.Ordinal))
        {
            // libnice leaves loopback devices out: what it sends to such an address would go by the default route, off this machine.
            throw new LoadFailedException("--server janus needs a --network that a device of its own has; `bench system` makes one in a network namespace");
        }

        return options.ClientCount <= MaxClients ? options : throw new LoadFailedException($"these are {options.ClientCount} clients, and at most {MaxClients} are allowed");
    }
}
