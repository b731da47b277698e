namespace V100.Server.Webhooks;

/// <summary>How long a room's next event waits after attempts that failed: twice as long each time, up to a bound, and between half of that and all of it, so that many do not come at once.</summary>
internal static class WebhookBackoff
{
    public static readonly TimeSpan First = TimeSpan.FromMilliseconds(500);
    public static readonly TimeSpan Longest = TimeSpan.FromSeconds(30);

    /// <param name="failures">In a row, at least 1.</param>
    /// <param name="jitter">0 to 1.</param>
    public static TimeSpan After(int failures, double jitter)
    {
        TimeSpan whole = First * Math.Pow(2, Math.Min(failures - 1, 30));
        return (whole < Longest ? whole : Longest) * (0.5 + jitter / 2);
    }
}
