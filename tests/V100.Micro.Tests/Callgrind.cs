using System.Globalization;

namespace V100.Micro.Tests;

/// <summary>Counts instructions with valgrind's callgrind, which runs the native suite on a processor of its own, without AVX-512 and SHA extensions.</summary>
internal static class Callgrind
{
    public static bool IsThere => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(folder => File.Exists(Path.Combine(folder, "valgrind")));

    // Hexadecimal. By default the runtime sets 256 GiB of addresses aside, more than valgrind has.
    private static readonly (string, string)[] _smallHeap = [("DOTNET_GCHeapHardLimit", "10000000"), ("DOTNET_GCRegionRange", "40000000")];

    /// <summary>Instructions of one operation of each function and of its reference, by the function's name.</summary>
    public static IReadOnlyDictionary<string, (double Subject, double Reference)> Count()
    {
        string folder = Directory.CreateTempSubdirectory("v100-callgrind-").FullName;
        try
        {
            string dump = Path.Combine(folder, "count");
            string[] arguments = ["--tool=callgrind", $"--callgrind-out-file={dump}", "--dump-before=*Counting__Mark*", NativeSuite.Binary, "count"];
            string[] lines = NativeSuite.Run("valgrind", arguments, _smallHeap).Split('\n', StringSplitOptions.RemoveEmptyEntries);
            // Each span lies between two marks; a dump holds what was done since the mark before.
            Assert.Equal($"marks\t{2 * (lines.Length - 1)}", lines[^1]);
            return Read(lines[..^1], span => Total($"{dump}.{2 * (span + 1)}"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Of each function and side, the difference of two spans by the difference of what they handled.</summary>
    private static Dictionary<string, (double Subject, double Reference)> Read(string[] lines, Func<int, long> total)
    {
        var costs = new Dictionary<string, (double Subject, double Reference)>();
        for (int span = 0; span < lines.Length; span += 2)
        {
            string[] once = lines[span].Split('\t');
            string[] twice = lines[span + 1].Split('\t');
            Assert.Equal(once[..2], twice[..2]);
            int handled = int.Parse(twice[2], CultureInfo.InvariantCulture) - int.Parse(once[2], CultureInfo.InvariantCulture);
            double cost = (double)(total(span + 1) - total(span)) / handled;
            Assert.True(cost > 1, $"{once[0]}, {once[1]}: {cost} instructions");
            (double subject, double reference) = costs.GetValueOrDefault(once[0]);
            costs[once[0]] = once[1] == "subject" ? (cost, reference) : (subject, cost);
        }

        return costs;
    }

    private static long Total(string dump) => long.Parse(
        File.ReadLines(dump).Single(line => line.StartsWith("totals: ", StringComparison.Ordinal))["totals: ".Length..], CultureInfo.InvariantCulture);
}
