using System.Globalization;
using V100.Micro;
using V100.Micro.Native;
using V100.Reporting;

return Suite.Run(args);

namespace V100.Micro
{
    /// <summary>
    /// The performance suite: what each step of a packet's way costs, beside the least that OpenSSL or the kernel asks for it in the
    /// same run.
    /// </summary>
    /// <remarks>
    /// It times by its own code. The figures that matter are ratios of two things that take tens to thousands of nanoseconds on a
    /// machine whose speed wanders by half within a minute; a harness that measures one case to its end before the next
    /// begins gives a ratio of two different machines. And what a send costs is spent in the kernel and by the thread that
    /// calls it, so the thread's processor time counts and not the wall's. See <see cref="Interleaving"/>.
    /// </remarks>
    internal static class Suite
    {
        private const string Usage = """
            usage: V100.Micro bench [--quick] [--json FILE] [--libsrtp FILE] [--command TEXT] [FILTER]
                   V100.Micro report FOLDER [--jit FILE] PART...
                   V100.Micro count | time

            bench measures:
              --quick          fewer rounds: within two minutes
              --json FILE      writes the report there; without it the rows are printed
              --libsrtp FILE   measures beside this libsrtp 2 and not the system's
              --command TEXT   what the report calls the command that made it
              FILTER           only rows whose "group: name" contains it
            report joins reports into FOLDER as report.json, report.md and charts; --jit FILE adds BenchmarkDotNet's figures
            count runs the hottest functions between marks, for a counter of instructions; time tells what they take
            """;

        /// <summary>Every row but those of <see cref="SustainedMix"/>.</summary>
        public static IEnumerable<Case> Cases => StunCases.All.Concat(TurnCases.All).Concat(SrtpCases.All)
            .Concat(UseLibSrtp(null) ? SrtpPeerCases.All : [])
            .Concat(RtpCases.All).Concat(ForwardCases.All).Concat(SessionCases.All).Concat(RoomCases.All);

        /// <summary>Which libsrtp the rows beside it mean, said before <see cref="Cases"/> is asked for; false where there is none.</summary>
        /// <param name="path">A library; null for the system's.</param>
        public static bool UseLibSrtp(string? path) => LibSrtp.TryLoad(path);

        public static int Run(string[] arguments)
        {
            switch (arguments)
            {
                case ["bench", .. string[] rest] when BenchOptions.TryRead(rest, out BenchOptions options):
                    return Bench(options);
                case ["report", string folder, "--jit", string jit, .. { Length: > 0 } parts]:
                    return Join(folder, parts, jit);
                case ["report", string folder, .. { Length: > 0 } parts]:
                    return Join(folder, parts, null);
                case ["count"]:
                    return Counting.Run();
                case ["time"]:
                    return Counting.Time();
                default:
                    Console.Error.WriteLine(Usage);
                    return arguments.Contains("--help") ? 0 : 2;
            }
        }

        private static int Bench(BenchOptions options)
        {
            bool hasPeer = UseLibSrtp(options.LibSrtp);
            Case[] cases = [.. Cases.Where(what => options.Wants(what.FullName))];
            bool mix = options.Wants(SustainedMix.FullName);
            if (cases.Length == 0 && !mix)
            {
                Console.Error.WriteLine($"No row's name contains \"{options.Filter}\".");
                return 2;
            }

            var measure = options.IsQuick ? new Interleaving(rounds: 61, 1_000_000) : new Interleaving(rounds: 501, 2_000_000);
            var rows = new List<ReportRow>();
            foreach (Case what in cases)
            {
                rows.Add(measure.Measure(what));
                Console.WriteLine(Line(rows[^1]));
            }

            if (mix)
            {
                foreach (ReportRow row in new SustainedMix().Measure(options.IsQuick ? 3 : 30))
                {
                    rows.Add(row);
                    Console.WriteLine(Line(row));
                }
            }

            if (options.Json is { } file)
            {
                var versions = new SortedDictionary<string, string> { ["OpenSSL"] = PlainOpenSsl.Version, ["libsrtp"] = hasPeer ? LibSrtp.Version! : "not found" };
                RunEnvironment environment = RunEnvironment.Read(options.Command.Split(' '), Directory.GetCurrentDirectory(), versions);
                new Report { Title = "Measured", Environments = [environment], Rows = rows }.WriteJson(file);
            }

            return 0;
        }

        private static int Join(string folder, string[] parts, string? jit)
        {
            Report report = Report.Join("Measured", [.. parts.Select(Report.ReadJson)]);
            (jit is null ? report : report.WithJit(Report.ReadJson(jit))).WriteFolder(folder);
            Console.WriteLine(File.ReadAllText(Path.Combine(folder, "report.md")));
            return 0;
        }

        private static string Line(ReportRow row)
        {
            string floor = row.Ratio is not { } ratio ? "" : string.Create(CultureInfo.InvariantCulture, $"; {ratio.Median:0.00} of {row.Reference!.Median:0.0} ({row.ReferenceName})");
            string goal = row.IsMet is not { } met ? "" : $"; {(met ? "within" : "misses")} {string.Join(", ", row.Targets.Select(target => target.Text))}";
            return string.Create(CultureInfo.InvariantCulture, $"{row.FullName}: {row.Value.Median:0.0} {row.Unit}{floor}{goal}; {row.AllocatedBytes:0.##} B allocated");
        }
    }
}
