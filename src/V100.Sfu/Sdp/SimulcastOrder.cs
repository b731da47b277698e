namespace V100.Sfu.Sdp;

/// <summary>
/// Which of the offered simulcast encodings is probably the smallest: nothing in an offer tells (RFC 8853, 5.1 orders by preference alone), and
/// until keyframes do, a subscriber begins with what stands first here.
/// </summary>
internal static class SimulcastOrder
{
    // What clients call them, from the smallest up: LiveKit and mediasoup, browsers' own examples, plain numbers.
    private static readonly string[][] s_conventions =
    [
        ["q", "h", "f"],
        ["l", "m", "h"],
        ["lo", "mi", "hi"],
        ["low", "mid", "high"],
        ["low", "medium", "high"],
        ["0", "1", "2", "3"],
        ["1", "2", "3", "4"],
        ["r0", "r1", "r2", "r3"],
    ];

    /// <summary>The smallest first, as far as names tell; else the offer's order turned around, for the most preferred is the largest.</summary>
    public static string[] SmallestFirst(string[] rids)
    {
        foreach (string[] convention in s_conventions)
        {
            if (Array.TrueForAll(rids, rid => Array.IndexOf(convention, rid) >= 0))
            {
                return Array.FindAll(convention, name => Array.IndexOf(rids, name) >= 0);
            }
        }

        string[] reversed = [.. rids];
        Array.Reverse(reversed);
        return reversed;
    }
}
