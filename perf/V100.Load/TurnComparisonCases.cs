namespace V100.Load;

/// <summary>Traffic that both servers are measured with.</summary>
/// <param name="Name">As the report shows it.</param>
/// <param name="Mode">channel or send.</param>
/// <param name="Allocations">How many, each with a client and a peer of its own.</param>
/// <param name="Shape">What flows.</param>
/// <param name="Target">What V100's figure may be of coturn's; null for rows that only inform.</param>
/// <param name="MeasuresLatency">The 99th percentile of the latency, else processor time per packet.</param>
/// <param name="IsHalfLoad">The rate is half of what coturn can do, found out first.</param>
internal sealed record TurnComparisonCase(
    string Name, string Mode, int Allocations, TurnTrafficShape Shape, double? Target, bool MeasuresLatency = false, bool IsHalfLoad = false);

/// <summary>The rows of the report.</summary>
internal static class TurnComparisonCases
{
    private const int Window = 256;
    private const int SteadyRate = 20_000;

    // Packets one by one, and as an encoder's frame makes them: several at once, which the system passes on as one message if it may.
    private static readonly int[] _bursts = [1, 8];

    public static IEnumerable<TurnComparisonCase> All(bool isQuick)
    {
        foreach (int allocations in isQuick ? (int[])[10, 1000] : [1, 10, 100, 1000])
        {
            foreach (int size in isQuick && allocations > 10 ? (int[])[1200] : [160, 1200])
            {
                foreach (int burst in isQuick && size == 160 ? [8] : _bursts)
                {
                    double target = allocations <= 10 ? 0.5 : 0.7;
                    yield return Saturated("channel", up: true, allocations, size, burst, target);
                    yield return Saturated("channel", up: false, allocations, size, burst, target);
                }
            }
        }

        foreach (int size in isQuick ? (int[])[1200] : [160, 1200])
        {
            foreach (int burst in _bursts)
            {
                yield return Saturated("send", up: true, 10, size, burst, target: 0.6);
                yield return Saturated("send", up: false, 10, size, burst, target: 0.6);
            }
        }

        foreach (bool up in (bool[])[true, false])
        {
            yield return new TurnComparisonCase(
                $"channel {Way(up)}, 1200 B, 10 allocations, {SteadyRate:N0} packets/s: CPU", "channel", 10, Shape("channel", up, 1200, 1, SteadyRate), 0.8);
        }

        foreach (bool up in (bool[])[true, false])
        {
            yield return new TurnComparisonCase(
                $"channel {Way(up)}, 1200 B, 10 allocations, half load: p99 latency", "channel", 10, Shape("channel", up, 1200, 1, 0), 1.0, MeasuresLatency: true, IsHalfLoad: true);
        }
    }

    private static TurnComparisonCase Saturated(string mode, bool up, int allocations, int size, int burst, double? target) => new(
        $"{mode} {Way(up)}, {size} B, {allocations} allocation{(allocations == 1 ? "" : "s")}{(burst == 1 ? "" : $", bursts of {burst}")}, saturated: CPU",
        mode, allocations, Shape(mode, up, size, burst, 0), target);

    private static string Way(bool up) => up ? "up" : "down";

    private static TurnTrafficShape Shape(string mode, bool up, int size, int burst, int rate) =>
        new(mode == "channel", up, !up, size, burst, rate, Window);
}
