namespace V100.Load;

/// <summary>What a run of <see cref="PublishAndPlay"/> does.</summary>
internal sealed record PublishAndPlayOptions
{
    public const string Usage = """
        usage: V100.Load publish-and-play --key ID --secret SECRET [OPTIONS]

          --url URL            the server's control URL (http://127.0.0.1:8080); a loopback address
          --key ID             an API key of the server, with which it makes its tokens
          --secret SECRET      the key's secret
          --rooms N            1 to 100 (1)
          --publishers N       in each room, 1 to 100 (1)
          --subscribers N      in each room, 1 to 2000 (10); each plays one of the room's publishers
          --rate N             packets per second of each publisher, 1 to 20000 (500)
          --burst N            packets that a publisher sends at a time, as an encoder's frame is, 1 to 64 (1)
          --size N             bytes of an RTP packet before SRTP, 100 to 1400 (1200)
          --seconds N          how long it measures, 1 to 600 (10)
          --server-pid N       the server's process: adds its processor time and memory
          --json FILE          writes the result there too

        All rooms together have at most 4000 clients. Lost is what a subscriber did not get of its publisher's packets within the measured
        time; nothing is asked for again.
        """;

    private const int MaxClients = 4000;

    public required Uri Url { get; init; }
    public required string Key { get; init; }
    public required string Secret { get; init; }
    public required int Rooms { get; init; }
    public required int Publishers { get; init; }
    public required int Subscribers { get; init; }
    public required int Rate { get; init; }
    public required int Burst { get; init; }
    public required int Size { get; init; }
    public required int Seconds { get; init; }
    public required int ServerPid { get; init; }
    public required string? Json { get; init; }

    public int ClientCount => Rooms * (Publishers + Subscribers);

    public static PublishAndPlayOptions Parse(string[] arguments)
    {
        var given = new Arguments(arguments);
        var options = new PublishAndPlayOptions
        {
            Url = given.LoopbackUrl("--url", "http://127.0.0.1:8080"),
            Key = given.Required("--key"),
            Secret = given.Required("--secret"),
            Rooms = given.Whole("--rooms", 1, 1, 100),
            Publishers = given.Whole("--publishers", 1, 1, 100),
            Subscribers = given.Whole("--subscribers", 10, 1, 2000),
            Rate = given.Whole("--rate", 500, 1, 20_000),
            Burst = given.Whole("--burst", 1, 1, 64),
            Size = given.Whole("--size", 1200, 100, 1400),
            Seconds = given.Whole("--seconds", 10, 1, 600),
            ServerPid = given.Whole("--server-pid", 0, 1, int.MaxValue),
            Json = given.Text("--json"),
        };
        given.RefuseRest();
        return options.ClientCount <= MaxClients ? options : throw new LoadFailedException($"these are {options.ClientCount} clients, and at most {MaxClients} are allowed");
    }
}
