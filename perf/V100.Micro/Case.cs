namespace V100.Micro;

/// <summary>One row of the report before it is measured; <paramref name="Create"/> is called only when it is.</summary>
/// <param name="Group">What it belongs to.</param>
/// <param name="Name">What is done.</param>
/// <param name="Create">Makes subject and floor.</param>
internal sealed record Case(string Group, string Name, Func<Pairing> Create)
{
    public string FullName => $"{Group}: {Name}";

    /// <summary>Done for packets of sessions that stand, or of strangers: it must allocate nothing.</summary>
    public bool IsPacketPath { get; init; } = true;
}

/// <summary>What is measured, and the least that it could cost.</summary>
internal sealed class Pairing : IDisposable
{
    public required Workload Subject { get; init; }

    public Workload? Floor { get; init; }

    /// <summary>What the floor is, in words.</summary>
    public string? FloorName { get; init; }

    /// <summary>How many of <see cref="Unit"/>'s things one operation handles, of subject and floor alike.</summary>
    public int Items { get; init; } = 1;

    public string Unit { get; init; } = "ns";

    /// <summary>The row tells how many things a second of processor time handles, and not the nanoseconds of each; more is better.</summary>
    public bool IsRate { get; init; }

    /// <summary>What ends with the measurement.</summary>
    public IDisposable[] Owned { get; init; } = [];

    public void Dispose()
    {
        foreach (IDisposable owned in Owned)
        {
            owned.Dispose();
        }
    }
}
