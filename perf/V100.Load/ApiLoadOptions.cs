namespace V100.Load;

/// <summary>What a run of <see cref="ApiLoad"/> does.</summary>
internal sealed record ApiLoadOptions
{
    public const string Usage = """
        usage: V100.Load api --key ID --secret SECRET [OPTIONS]

          --url URL            the server's control URL (http://127.0.0.1:8080); a loopback address
          --key ID             an API key of the server, with which it makes its tokens
          --secret SECRET      the key's secret
          --rate N             requests per second, 1 to 20000 (2000)
          --connections N      that are kept open, 1 to 256 (16)
          --seconds N          how long it measures, 1 to 600 (10)
          --server-pid N       the server's process: adds its processor time
          --json FILE          writes the result there too

        Of twenty requests eighteen read (a room, its participants, a page of rooms, and the ICE servers of a token) with a
        participant's token or the key, one makes a room and one ends it. A request counts from when it was due, so that a server
        that stops for a moment is not forgiven the requests that waited.
        """;

    public required Uri Url { get; init; }
    public required string Key { get; init; }
    public required string Secret { get; init; }
    public required int Rate { get; init; }
    public required int Connections { get; init; }
    public required int Seconds { get; init; }
    public required int ServerPid { get; init; }
    public required string? Json { get; init; }

    public static ApiLoadOptions Parse(string[] arguments)
    {
        var given = new Arguments(arguments);
        var options = new ApiLoadOptions
        {
            Url = given.LoopbackUrl("--url", "http://127.0.0.1:8080"),
            Key = given.Required("--key"),
            Secret = given.Required("--secret"),
            Rate = given.Whole("--rate", 2000, 1, 20_000),
            Connections = given.Whole("--connections", 16, 1, 256),
            Seconds = given.Whole("--seconds", 10, 1, 600),
            ServerPid = given.Whole("--server-pid", 0, 1, int.MaxValue),
            Json = given.Text("--json"),
        };
        given.RefuseRest();
        return options;
    }
}
