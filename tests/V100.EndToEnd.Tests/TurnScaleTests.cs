using System.Globalization;
using System.Text.Json;
using V100.Sfu.Tests.Rtp;
using Xunit.Abstractions;

namespace V100.EndToEnd.Tests;

/// <summary>
/// Many allocations of the published binary: alive at a time, and coming and going. The nightly run has the full numbers, as far as
/// this machine lets a process have descriptors.
/// </summary>
public sealed class TurnScaleTests(ITestOutputHelper output)
{
    private const int FullAllocations = 100_000;
    private const int FullScale = 20;

    // Descriptors of the server that are no relay's.
    private const int OtherDescriptors = 1000;

    // The default range has 16,384 ports for each relay address.
    private const int PortsUsedOfEach = 14_000;

    private const double MaxResidentBytes = 400 * 1024 * 1024;
    private const double MaxRefreshP99Us = 5000;

    // 5,000 in a second of one core: processor time, since the rate itself says what else the machine does.
    private const double MaxUsPerAllocation = 1e6 / 5000;

    // What the heap keeps for itself after thousands of allocations at a time; a leak of a byte for each would pass it within a night.
    private const double MaxCycleGrowthBytes = 32 * 1024 * 1024;

    private static readonly TimeSpan _limit = TimeSpan.FromMinutes(8);

    private static bool IsFull => Seeds.Scaled(1) >= FullScale;

    [Fact]
    public async Task Allocations_that_live_cost_little_memory_and_are_refreshed_soon()
    {
        int count = Math.Min(Seeds.Scaled(FullAllocations / FullScale), DescriptorLimit() - OtherDescriptors);
        using NetworkNamespaces network = new();
        int addresses = 1 + (count / PortsUsedOfEach);
        List<string> relays = [];
        for (int index = 0; index < addresses; index++)
        {
            Privilege.Run("ip", "-n", network.Server, "addr", "add", $"127.0.0.{2 + index}/8", "dev", "lo");
            relays.Add($"--V100:Turn:RelayAddresses:{index}=127.0.0.{2 + index}");
        }

        await using ServerProcess server = await ServerProcess.StartAsync(
            network, [$"--V100:Turn:Users:{TurnClient.User}={TurnClient.Password}", $"--V100:Turn:MaxAllocationsPerUser={count}", "--V100:Udp:Port=3478", .. relays]);
        Gauges start = await server.Api.GaugesAsync();
        JsonElement result = await LoadAsync(
            network, 3478, "hold", "--allocations", Text(count), "--seconds", IsFull ? "30" : "3", "--server-pid", Text(ProcessBehind(server.Id)));
        double resident = 1024 * Number(result, "serverResidentKibibytes");
        double p99 = Number(result, "refreshP99Us");
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"figure: {count} allocations made at {Number(result, "openedPerSecond"):0}/s; {resident / 1048576:0.0} MiB resident, {Number(result, "serverKibibytesPerAllocation"):0.00} KiB each; refresh p50 {Number(result, "refreshP50Us"):0} us, p99 {p99:0} us"));
        Assert.Equal(0, Number(result, "failures"));
        Assert.Equal(0, Number(result, "notClosed"));
        Assert.True(Number(result, "refreshes") >= 3000);
        Assert.True(resident < MaxResidentBytes, $"{resident} bytes resident");
        Assert.True(!IsFull || p99 < MaxRefreshP99Us, $"p99 of a refresh: {p99} us");
        Assert.Equal("", (await server.Api.GaugesAsync()).Difference(start));
    }

    [Fact]
    public async Task Allocations_that_come_and_go_leave_nothing()
    {
        await using ServerProcess server = await ServerProcess.StartRelayAsync("--V100:Turn:MaxAllocationsPerUser=10000");
        // What the first ones make the server keep for good is no leak.
        await LoadAsync(null, server.UdpPort, "allocate", "--allocations", "500", "--seconds", "1");
        Gauges start = await server.Api.GaugesAsync();
        double descriptors = await server.Api.MetricAsync("process_open_fds");
        double before = await server.Api.MetricAsync("process_resident_memory_bytes");
        JsonElement result = await LoadAsync(
            null, server.UdpPort, "allocate", "--allocations", "500", "--seconds", IsFull ? "30" : "3", "--server-pid", Text(server.Id));
        double growth = await server.Api.MetricAsync("process_resident_memory_bytes") - before;
        double us = Number(result, "serverUsPerAllocation");
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"figure: {Number(result, "allocations"):0} allocations came and went at {Number(result, "allocationsPerSecond"):0}/s, {us:0} us of the server's time each; resident memory moved by {growth / 1024:0} KiB"));
        Assert.Equal(0, Number(result, "failures"));
        Assert.True(Number(result, "allocations") > 0);
        Assert.True(us < MaxUsPerAllocation, $"{us} us of processor time for each");
        Assert.True(growth < MaxCycleGrowthBytes, $"{growth} bytes more");
        Assert.Equal("", (await server.Api.GaugesAsync()).Difference(start));
        await Poll.UntilAsync(
            "as many sockets are open as before", TimeSpan.FromSeconds(10),
            async () => await server.Api.MetricAsync("process_open_fds") <= descriptors, () => server.Log);
    }

    [Fact]
    public async Task A_low_limit_of_descriptors_is_told_at_the_start_and_leaves_the_control_API_reachable()
    {
        const int Limit = 256;
        await using ServerProcess server = await ServerProcess.StartLimitedAsync($"-n {Limit}", "--V100:Turn:MaxAllocations=1000", "--V100:Turn:MaxAllocationsPerUser=1000");
        string line = server.Log.Split('\n').Single(text => text.Contains("V100[1009]", StringComparison.Ordinal));
        int fit = int.Parse(line.Split("Only ")[1].Split(' ')[0], CultureInfo.InvariantCulture);
        Assert.InRange(fit, Limit / 2, Limit - 1);
        Assert.Contains($"RLIMIT_NOFILE is {Limit}", line, StringComparison.Ordinal);
        List<TurnClient> clients = [];
        try
        {
            for (int number = 0; number < fit; number++)
            {
                clients.Add(TurnClient.OverUdp(server.UdpPort));
                await clients[^1].AllocateAsync();
            }

            await using TurnClient late = TurnClient.OverUdp(server.UdpPort);
            // RFC 8656, 7.2: 508, Insufficient Capacity.
            Assert.Equal(508, (await late.RequestAsync(StunMessage.Allocate, StunAttribute.UdpTransport)).Code);
            Assert.Equal(fit, (await server.Api.GaugesAsync())["v100_turn_allocations"]);
        }
        finally
        {
            foreach (TurnClient client in clients)
            {
                await client.DisposeAsync();
            }
        }
    }

    [Fact]
    public async Task A_low_soft_limit_of_descriptors_is_raised()
    {
        await using ServerProcess server = await ServerProcess.StartLimitedAsync("-S -n 256", "--V100:Turn:MaxAllocations=1000");
        Assert.DoesNotContain("V100[1009]", server.Log, StringComparison.Ordinal);
        string[] limits = (await File.ReadAllLinesAsync($"/proc/{server.Id}/limits")).Single(text => text.StartsWith("Max open files", StringComparison.Ordinal))
            .Split(' ', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(limits[4], limits[3]);
    }

    private static Task<JsonElement> LoadAsync(NetworkNamespaces? network, int port, string mode, params string[] arguments) => LoadGenerator.RunAsync(
        _limit,
        ["turn", "--server", $"127.0.0.1:{port}", "--user", TurnClient.User, "--password", TurnClient.Password, "--mode", mode, .. arguments],
        network?.Server);

    /// <summary>The server itself where <c>sudo</c> stands before it.</summary>
    private static int ProcessBehind(int id)
    {
        string children = File.ReadAllText($"/proc/{id}/task/{id}/children");
        return children.Length == 0 ? id : ProcessBehind(int.Parse(children.Split(' ')[0], CultureInfo.InvariantCulture));
    }

    private static double Number(JsonElement result, string name) => result.GetProperty(name).GetDouble();

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static int DescriptorLimit()
    {
        string line = File.ReadLines("/proc/self/limits").Single(text => text.StartsWith("Max open files", StringComparison.Ordinal));
        return int.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[4], CultureInfo.InvariantCulture);
    }
}
