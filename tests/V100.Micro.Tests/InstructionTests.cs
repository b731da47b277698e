using System.Globalization;
using Xunit.Abstractions;

namespace V100.Micro.Tests;

/// <summary>
/// The five hottest functions cost at most so many times the instructions of a reference in the same run of the native binary. Counts, unlike times,
/// are the same on a busy machine: the margin is for other versions of OpenSSL and of the compiler.
/// </summary>
public sealed class InstructionTests(ITestOutputHelper output)
{
    private const double Margin = 1.08;

    // Without a counter there are times alone, and a busy machine bends them.
    private const double TimeMargin = 1.5;

    /// <summary>What was counted, and what was timed, when these lines were written last.</summary>
    private static readonly (string Name, double Instructions, double Time)[] _ratios =
    [
        ("STUN: parse a 100-byte ICE check", 2.385, 1.7),
        ("STUN: ICE check handled whole", 0.923, 1.1),
        ("SRTP: AES-128-GCM protect 1200 B", 0.682, 0.7),
        ("SRTP: AES-128-GCM unprotect 1200 B", 0.747, 0.69),
        ("Forward: 1,200 B to 10 subscribers, all but the send", 1.369, 1.4),
    ];

    [Fact]
    public void The_hottest_functions_cost_no_more_instructions_beside_their_references()
    {
        bool counts = Callgrind.IsThere;
        IReadOnlyDictionary<string, (double Subject, double Reference)> costs = counts ? Callgrind.Count() : NativeSuite.Time();
        Assert.Equal(_ratios.Select(ratio => ratio.Name).Order(), costs.Keys.Order());
        var findings = new List<string>();
        foreach ((string name, double instructions, double time) in _ratios)
        {
            (double subject, double reference) = costs[name];
            double limit = counts ? instructions * Margin : time * TimeMargin;
            string what = counts ? "instructions" : "ns (not counted, for there is no valgrind: timed)";
            string line = string.Create(CultureInfo.InvariantCulture, $"{name}: {subject:0} {what}, {subject / reference:0.000} of {reference:0}; at most {limit:0.000}");
            output.WriteLine($"figure: {line}");
            if (subject / reference > limit)
            {
                findings.Add(line);
            }
        }

        Assert.True(findings.Count == 0, string.Join('\n', findings));
    }
}
