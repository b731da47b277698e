using V100.Reporting;

namespace V100.Micro;

/// <summary>What the rows of the suite have to reach, in one place. Absolute times are those of a two-core virtual machine (Zen 5).</summary>
internal static class Goals
{
    private static readonly Dictionary<string, Target> _all = new()
    {
        ["STUN: parse a 100-byte ICE check"] = Target.ValueAtMost(15),
        ["TURN: Refresh of a known user proven whole, SHA-1"] = Target.ValueAtMost(170),
        ["Rooms: tick of 100 participants of whom 10 changed, queued to 100 listeners"] = Target.ValueAtMost(2500),
        [SustainedMix.FullName] = Target.ValueAtLeast(7.5e6 * Environment.ProcessorCount),
        ["SRTP: AES-128-GCM protect 160 B, beside libsrtp"] = Target.RatioAtMost(0.75),
        ["SRTP: AES-128-GCM protect 1200 B, beside libsrtp"] = Target.RatioAtMost(0.75),
        ["Forward 1,200 B to 100: whole"] = Target.RatioAtMost(1.35),
        ["Forward 1,200 B to 100: whole, 4 packets to each, beside single sends"] = Target.RatioAtMost(0.8),
        ["DTLS: handshakes per second and core, mutual P-256"] = Target.RatioAtLeast(0.8),
    };

    /// <summary>Every row that has a goal, by its full name.</summary>
    public static IReadOnlyCollection<string> Names => _all.Keys;

    public static IReadOnlyList<Target> Of(string fullName) => _all.TryGetValue(fullName, out Target? target) ? [target] : [];

    public static IReadOnlyList<Target> Of(Case what) => Of(what.FullName);
}
