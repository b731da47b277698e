using V100.Reporting;

namespace V100.Micro.Tests;

/// <summary>The performance suite's column of allocated bytes is 0 for everything on the packet path.</summary>
public sealed class AllocationTests
{
    private const int Operations = 200;
    private const int SendsOfHundreds = 8;

    public static TheoryData<string> PacketPath => [.. Suite.Cases.Where(what => what.IsPacketPath).Select(what => what.FullName)];

    [Fact]
    public void An_allocation_would_be_seen()
    {
        // Kept, or the compiler finds that nobody needs it on the heap.
        object[] kept = new object[1];
        var allocating = new Workload(operations =>
        {
            for (int index = 0; index < operations; index++)
            {
                kept[0] = new object();
            }
        });
        Assert.True(Allocated(allocating, 1000) >= 1000);
    }

    [Theory]
    [MemberData(nameof(PacketPath))]
    public void A_row_of_the_packet_path_allocates_nothing(string name)
    {
        using Pairing pairing = Suite.Cases.Single(what => what.FullName == name).Create();
        // What forwards to a hundred does as much with each operation.
        int operations = pairing.Items >= 100 ? SendsOfHundreds : Operations;
        Assert.Equal(0, Allocated(pairing.Subject, operations));
    }

    [Fact]
    public void The_sustained_mix_allocates_nothing() => Assert.Equal(0, SustainedMix.CountAllocated());

    [Fact]
    public void What_is_not_the_packet_path_is_said_so_by_name()
        => Assert.Equal(["DTLS: handshakes per second and core, mutual P-256"], Suite.Cases.Where(what => !what.IsPacketPath).Select(what => what.FullName));

    /// <summary>Every goal is of a row that there is, or it could never be missed.</summary>
    [Fact]
    public void Every_goal_has_its_row()
    {
        string[] rows = [.. Suite.Cases.Select(what => what.FullName), SustainedMix.FullName];
        Assert.Equal(rows.Length, rows.Distinct().Count());
        Assert.All(Goals.Names.Where(name => !name.EndsWith("beside libsrtp", StringComparison.Ordinal)), name => Assert.Contains(name, rows));
        Assert.All(Goals.Names, name => Assert.IsType<Target>(Assert.Single(Goals.Of(name))));
    }

    private static long Allocated(Workload workload, int operations)
    {
        workload.Time(operations);
        return workload.Time(operations).AllocatedBytes;
    }
}
