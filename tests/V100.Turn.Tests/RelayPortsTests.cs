using V100.Turn.Tests.World;

namespace V100.Turn.Tests;

public class RelayPortsTests
{
    private static readonly RelayAddress s_address = new(TurnWorld.Address("198.51.100.1"));

    private readonly SeededEntropy _entropy = new(3);

    [Theory]
    [InlineData(1, 1)]
    [InlineData(50_000, 50_000)]
    [InlineData(50_001, 50_003)]
    [InlineData(49_999, 50_126)]
    [InlineData(65_400, 65_535)]
    public void Every_port_of_the_range_is_given_once(int min, int max)
    {
        var ports = new RelayPorts([s_address], min, max);
        var given = new HashSet<int>();
        while (ports.TryTake(0, RelayTransport.Udp, PortParity.Any, _entropy, out PortLease lease))
        {
            Assert.True(given.Add(lease.Port));
            Assert.Equal(given.Count, ports.TakenCount);
        }

        Assert.Equal(Enumerable.Range(min, max - min + 1), given.Order());
        Assert.Equal(ports.PortCount, given.Count);
        ports.Release(new PortLease(0, RelayTransport.Udp, (ushort)max));
        Assert.True(ports.TryTake(0, RelayTransport.Udp, PortParity.Any, _entropy, out PortLease again));
        Assert.Equal(max, again.Port);
        // TCP is another space.
        Assert.True(ports.TryTake(0, RelayTransport.Tcp, PortParity.Any, _entropy, out _));
    }

    [Theory]
    [InlineData(49_999, 50_126, 63, 64)]
    [InlineData(50_000, 50_127, 64, 64)]
    [InlineData(50_001, 50_001, 0, 0)]
    [InlineData(50_000, 50_000, 0, 1)]
    public void Pairs_and_even_ports_lie_within_the_range(int min, int max, int pairs, int even)
    {
        var ports = new RelayPorts([s_address], min, max);
        int count = 0;
        while (ports.TryTake(0, RelayTransport.Udp, PortParity.Pair, _entropy, out PortLease lease))
        {
            Assert.Equal(0, lease.Port & 1);
            Assert.InRange(lease.Port, min, max - 1);
            count++;
        }

        Assert.Equal((pairs, pairs * 2), (count, ports.TakenCount));
        ports = new RelayPorts([s_address], min, max);
        count = 0;
        while (ports.TryTake(0, RelayTransport.Udp, PortParity.Even, _entropy, out PortLease lease))
        {
            Assert.Equal(0, lease.Port & 1);
            Assert.InRange(lease.Port, min, max);
            count++;
        }

        Assert.Equal((even, even), (count, ports.TakenCount));
    }

    [Fact]
    public void Ports_are_drawn_from_the_whole_range()
    {
        var ports = new RelayPorts([s_address], 49_152, 65_535);
        int[] quarters = new int[4];
        for (int i = 0; i < 400; i++)
        {
            Assert.True(ports.TryTake(0, RelayTransport.Udp, PortParity.Any, _entropy, out PortLease lease));
            quarters[(lease.Port - 49_152) / 4096]++;
        }

        Assert.All(quarters, count => Assert.InRange(count, 50, 150));
    }

    [Fact]
    public void Two_threads_never_get_the_same_port()
    {
        var ports = new RelayPorts([s_address], 50_000, 59_999);
        var taken = new List<int>[2];
        Parallel.For(0, 2, thread =>
        {
            var entropy = new SeededEntropy(thread);
            taken[thread] = [];
            while (ports.TryTake(0, RelayTransport.Udp, PortParity.Any, entropy, out PortLease lease))
            {
                taken[thread].Add(lease.Port);
            }
        });
        Assert.Equal(10_000, taken[0].Concat(taken[1]).Distinct().Count());
        Assert.Equal(10_000, taken[0].Count + taken[1].Count);
    }
}
