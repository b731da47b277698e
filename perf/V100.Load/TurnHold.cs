using V100.Net;
using V100.Net.Sockets;

namespace V100.Load;

/// <summary>
/// As many allocations as are asked for, alive at a time, each refreshed in its turn: what they hold of the server's memory, and how long
/// a Refresh takes among them.
/// </summary>
internal static class TurnHold
{
    private const int DefaultRefreshesPerSecond = 1000;

    public static int Run(TurnLoadOptions options)
    {
        using var network = new TurnNetwork(segments: false, coalescing: false);
        var account = new TurnAccount(options.Server, options.User, options.Password, network.Clients.Bound.Port, network.Peers.Bound.Port);
        TurnClient[] clients = [.. Enumerable.Range(0, options.Allocations).Select(index => new TurnClient(index, account, TurnUse.Held))];
        var signaling = new TurnSignaling(network, clients, held: true);
        long before = Resident(options);

        Instant began = MonotonicClock.Now;
        signaling.Open();
        double opening = (MonotonicClock.Now - began).TotalSeconds;

        var latency = new LatencyHistogram();
        int rate = options.RatePerSecond == 0 ? DefaultRefreshesPerSecond : options.RatePerSecond;
        AllocationCounts counts = signaling.KeepAlive(TimeSpan.FromSeconds(options.Seconds), rate, latency);
        long held = Resident(options);

        began = MonotonicClock.Now;
        signaling.Close();
        double closing = (MonotonicClock.Now - began).TotalSeconds;
        var result = new TurnHoldResult
        {
            Allocations = clients.Length,
            OpenedPerSecond = clients.Length / opening,
            ClosedPerSecond = clients.Length / closing,
            NotClosed = clients.Count(client => client.Step != TurnStep.Deleted),
            Refreshes = counts.Cycles,
            Failures = counts.Failures,
            LastFailure = signaling.LastFailure,
            RefreshesPerSecond = rate,
            RefreshP50Us = latency.PercentileMicroseconds(0.5),
            RefreshP99Us = latency.PercentileMicroseconds(0.99),
            RefreshP999Us = latency.PercentileMicroseconds(0.999),
            ServerResidentKibibytes = options.ServerPid == 0 ? null : held,
            ServerKibibytesPerAllocation = options.ServerPid == 0 ? null : (double)(held - before) / clients.Length,
        };
        Console.WriteLine(result);
        LoadJson.Write(result, options.Json);
        return 0;
    }

    private static long Resident(TurnLoadOptions options) => options.ServerPid == 0 ? 0 : ServerFigures.Read(options.ServerPid).ResidentKibibytes;
}
