using V100.Net;

namespace V100.Load;

/// <summary>What a run of <see cref="TurnLoad"/> does.</summary>
internal sealed record TurnLoadOptions
{
    public const string Usage = """
        usage: V100.Load turn --server ADDRESS:PORT --user NAME --password PASSWORD [OPTIONS]

          --server A:PORT      a TURN server over UDP; a loopback address, whose relayed addresses are loopback addresses too
          --user, --password   a long-term user of it
          --mode MODE          channel (the default): ChannelData; send: Send and Data indications;
                               allocate: allocations made and deleted, over and over;
                               hold: allocations made, refreshed for a while at a steady rate, and deleted
          --direction WAY      up (the default): client to peer; down; both
          --allocations N      1 to 10000 (10); in mode allocate also how many stay for the memory of one; in mode hold to 1000000
          --size N             bytes of payload, 16 to 1400 (1200)
          --rate RATE          packets per second of all allocations and directions together, 1 to 1000000, or saturate (the default):
                               a new packet for each that arrived; in mode hold Refreshes per second (1000)
          --window N           packets under way at most when it saturates, 1 to 4096 (256)
          --burst N            packets that a sender sends at a time, 1 to 64 (1); more than one leave as one message (UDP_SEGMENT)
          --coalesce yes|no    take what the server sent as one message as one (UDP_GRO), as if its segments needed no work of anybody;
                               by default (no) the system cuts it, at the server's cost on loopback
          --seconds N          how long it measures, 1 to 60 (5)
          --server-pid N       the server's process: adds its processor time and memory
          --json FILE          writes the result there too

        The generator never sleeps, so that neither its wakes cost the server nor its sleep delays a packet: give it and the server a
        core each (taskset).
        """;

    public required TransportAddress Server { get; init; }
    public required string User { get; init; }
    public required string Password { get; init; }
    public required string Mode { get; init; }
    public string Direction { get; init; } = "up";
    public required int Allocations { get; init; }
    public int Size { get; init; } = 1200;

    /// <summary>0 saturates.</summary>
    public int RatePerSecond { get; init; }
    public int Window { get; init; } = 256;
    public required int Burst { get; init; }
    public bool Coalesces { get; init; }
    public int Seconds { get; init; } = 5;
    public required int ServerPid { get; init; }
    public string? Json { get; init; }

    public TurnTrafficShape Shape => new(Mode == "channel", Direction != "down", Direction != "up", Size, Burst, RatePerSecond, Math.Max(Window, Burst));

    public static TurnLoadOptions Parse(string[] arguments)
    {
        var given = new Arguments(arguments);
        string? rate = given.Text("--rate");
        string mode = given.OneOf("--mode", "channel", "send", "allocate", "hold");
        var options = new TurnLoadOptions
        {
            Server = given.LoopbackAddress("--server"),
            User = given.Required("--user"),
            Password = given.Required("--password"),
            Mode = mode,
            Direction = given.OneOf("--direction", "up", "down", "both"),
            Allocations = given.Whole("--allocations", 10, 1, mode == "hold" ? TurnClient.MaxHeldCount : TurnClient.MaxCount),
            Size = given.Whole("--size", 1200, TurnTraffic.MinSize, 1400),
            RatePerSecond = rate is null or "saturate" ? 0 : Arguments.Whole("--rate", rate, 1, 1_000_000),
            Window = given.Whole("--window", 256, 1, 4096),
            Burst = given.Whole("--burst", 1, 1, 64),
            Coalesces = given.OneOf("--coalesce", "no", "yes") == "yes",
            Seconds = given.Whole("--seconds", 5, 1, 60),
            ServerPid = given.Whole("--server-pid", 0, 1, int.MaxValue),
            Json = given.Text("--json"),
        };
        given.RefuseRest();
        return options;
    }
}
