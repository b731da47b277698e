using System.Globalization;
using V100.Net;
using V100.Net.Sockets;

namespace V100.Load;

/// <summary>The TURN allocations of a <see cref="Soak"/>: made, refreshed for a while, and deleted; the first ones are left to expire.</summary>
internal sealed class SoakRelays(MeasuredServer server, TimeSpan duration)
{
    private const int Ended = 20;
    private const int Left = 4;
    private const int RefreshesPerSecond = 10;
    private static readonly TimeSpan _refreshed = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan _opening = TimeSpan.FromSeconds(5);

    // The lifetime that TURN clients ask for (RFC 8656, 7.2), and time to notice its end.
    private static readonly TimeSpan _expiry = TimeSpan.FromMinutes(11);
    private static readonly TimeSpan _longestLeaving = TimeSpan.FromMinutes(2);

    private long _made;
    private long _refreshes;
    private long _left;

    public long Failures { get; private set; }

    public string? LastFailure { get; private set; }

    public string Counts => string.Create(CultureInfo.InvariantCulture, $"{_made} allocations made, {_refreshes} refreshes, {_left} allocations left");

    public void Run()
    {
        using var network = new TurnNetwork(segments: false, coalescing: false);
        TurnSignaling signaling = Signaling(network, Ended);
        Instant began = MonotonicClock.Now;
        TimeSpan leaving = duration - _expiry < _longestLeaving ? duration - _expiry : _longestLeaving;
        for (TimeSpan at = TimeSpan.Zero; at + _refreshed + _opening < duration; at = MonotonicClock.Now - began)
        {
            try
            {
                if (at < leaving)
                {
                    Leave();
                }

                signaling.Open();
                _made += Ended;
                AllocationCounts counts = signaling.KeepAlive(_refreshed, RefreshesPerSecond, new LatencyHistogram());
                _refreshes += counts.Cycles;
                Failures += counts.Failures;
                LastFailure = counts.Failures > 0 ? signaling.LastFailure : LastFailure;
                signaling.Close();
            }
            catch (LoadFailedException failure)
            {
                Failures++;
                LastFailure = failure.Message;
            }
        }
    }

    /// <summary>Makes some by sockets of their own, and is heard of no more.</summary>
    private void Leave()
    {
        using var network = new TurnNetwork(segments: false, coalescing: false);
        Signaling(network, Left).Open();
        _left += Left;
        _made += Left;
    }

    private TurnSignaling Signaling(TurnNetwork network, int clients)
    {
        var account = new TurnAccount(server.Address, MeasuredServer.User, MeasuredServer.Password, network.Clients.Bound.Port, network.Peers.Bound.Port);
        return new TurnSignaling(network, [.. Enumerable.Range(0, clients).Select(index => new TurnClient(index, account, TurnUse.Channel))]);
    }
}
