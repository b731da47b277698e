namespace V100.Load;

/// <summary>How a <see cref="SystemSuite"/> is run.</summary>
internal sealed record SystemSuiteOptions
{
    public const string Usage = """
        usage: V100.Load measure-system --v100 BINARY --out FOLDER [OPTIONS]

          --janus JANUS     Janus, which is measured in turns with V100 by the same clients; none leaves it out (none)
          --part PART       all, forwarding, memory, audience, collections or load (all)
          --only TEXT       of forwarding and load, what has that in its name
          --quick WORD      yes or no (no): fewer rounds, shorter
          --sources FOLDER  the repository, whose commit stands in the report (.)

        Starts the servers itself, in a network namespace of its own (it needs root or sudo for that), and writes report.md, report.json
        and charts into FOLDER. A server that forwards for few has one worker on the machine's last core; this program then keeps to the first.
        """;

    public required string V100 { get; init; }
    public required string? Janus { get; init; }
    public required string Folder { get; init; }
    public required string Part { get; init; }
    public required string Only { get; init; }
    public required string Sources { get; init; }
    public required bool IsQuick { get; init; }

    /// <summary>It runs in its namespace already.</summary>
    public required bool IsWithin { get; init; }

    public int Rounds => IsQuick ? 2 : 5;

    public int Seconds => IsQuick ? 3 : 8;

    public bool Has(string part) => Part == "all" || Part == part;

    public bool Wants(string name) => name.Contains(Only, StringComparison.OrdinalIgnoreCase);

    public static SystemSuiteOptions Parse(string[] arguments)
    {
        var given = new Arguments(arguments);
        string janus = given.Text("--janus") ?? "none";
        var options = new SystemSuiteOptions
        {
            V100 = given.Required("--v100"),
            Janus = janus == "none" ? null : janus,
            Folder = given.Required("--out"),
            Part = given.OneOf("--part", "all", "forwarding", "memory", "audience", "collections", "load"),
            Only = given.Text("--only") ?? "",
            IsQuick = given.OneOf("--quick", "no", "yes") == "yes",
            Sources = given.Text("--sources") ?? ".",
            IsWithin = given.OneOf("--within", "no", "yes") == "yes",
        };
        given.RefuseRest();
        return options;
    }
}
