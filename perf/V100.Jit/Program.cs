using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Parameters;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using Perfolizer.Horology;
using V100.Jit;
using V100.Micro;
using V100.Reporting;

return JitSuite.Run(args);

namespace V100.Jit
{
    /// <summary>Measures the suite's cases with code that is compiled just in time, by BenchmarkDotNet in this process, and writes them as a report.</summary>
    internal static class JitSuite
    {
        public static int Run(string[] arguments)
        {
            if (!BenchOptions.TryRead(arguments, out BenchOptions options) || options.Json is null)
            {
                Console.Error.WriteLine("usage: V100.Jit --json FILE [--quick] [--libsrtp FILE] [--command TEXT] [FILTER]");
                return 2;
            }

            Suite.UseLibSrtp(options.LibSrtp);
            Dictionary<string, (Case What, string Unit, int Items)> cases = Measurable(options);
            var rows = new List<ReportRow>();
            if (cases.Count > 0)
            {
                CaseBenchmark.Names = [.. cases.Keys];
                Summary summary = BenchmarkRunner.Run<CaseBenchmark>(Config(options, Path.GetDirectoryName(Path.GetFullPath(options.Json))!));
                rows.AddRange(summary.Reports.Select(report => RowOf(report, cases)));
            }

            RunEnvironment environment = RunEnvironment.Read(options.Command.Split(' '), Directory.GetCurrentDirectory(), new SortedDictionary<string, string> { ["BenchmarkDotNet"] = "0.14.0" });
            new Report { Title = "Compiled just in time", Environments = [environment], Rows = rows }.WriteJson(options.Json);
            return 0;
        }

        /// <summary>BenchmarkDotNet decides itself how often it calls what it measures, so what is made before a call cannot be enough.</summary>
        private static Dictionary<string, (Case What, string Unit, int Items)> Measurable(BenchOptions options)
        {
            var cases = new Dictionary<string, (Case What, string Unit, int Items)>();
            foreach (Case what in Suite.Cases.Where(what => options.Wants(what.FullName)))
            {
                using Pairing pairing = what.Create();
                if (pairing is { IsRate: false, Subject: { Prepare: null, Settle: null, RunTimed: null } })
                {
                    cases.Add(what.FullName, (what, pairing.Unit, pairing.Items));
                }
            }

            return cases;
        }

        private static ManualConfig Config(BenchOptions options, string folder) => ManualConfig.CreateEmpty()
            .AddJob(Job.Default
                .WithToolchain(InProcessEmitToolchain.Instance)
                .WithWarmupCount(3)
                .WithIterationCount(options.IsQuick ? 7 : 25)
                .WithIterationTime(TimeInterval.FromMilliseconds(options.IsQuick ? 50 : 200)))
            .AddColumnProvider(DefaultColumnProviders.Instance)
            .AddLogger(ConsoleLogger.Default)
            .WithArtifactsPath(folder);

        private static ReportRow RowOf(BenchmarkReport report, Dictionary<string, (Case What, string Unit, int Items)> cases)
        {
            ParameterInstance name = report.BenchmarkCase.Parameters.Items.Single(parameter => parameter.Name == nameof(CaseBenchmark.Name));
            (Case what, string unit, int items) = cases[(string)name.Value];
            double[] samples = [.. report.AllMeasurements.Where(one => one is { IterationMode: BenchmarkDotNet.Engines.IterationMode.Workload, IterationStage: BenchmarkDotNet.Engines.IterationStage.Result }).Select(one => one.GetAverageTime().Nanoseconds / items)];
            return new ReportRow
            {
                Group = what.Group,
                Name = what.Name,
                Unit = unit,
                Samples = samples,
                AllocatedBytes = (double)(report.GcStats.GetBytesAllocatedPerOperation(report.BenchmarkCase) ?? throw new InvalidOperationException("Allocations were not measured.")) / items,
            };
        }
    }
}
