using BenchmarkDotNet.Attributes;
using V100.Micro;

namespace V100.Jit;

/// <summary>The suite's own cases, as BenchmarkDotNet measures them: those that consume nothing made before them.</summary>
[MemoryDiagnoser]
public class CaseBenchmark
{
    private const int Operations = 64;

    private Pairing? _pairing;

    /// <summary>Full names of cases.</summary>
    public static IReadOnlyList<string> Names { get; set; } = [];

    [ParamsSource(nameof(Names))]
    public string Name { get; set; } = "";

    [GlobalSetup]
    public void Create() => _pairing = Suite.Cases.Single(what => what.FullName == Name).Create();

    [GlobalCleanup]
    public void End() => _pairing!.Dispose();

    [Benchmark(OperationsPerInvoke = Operations)]
    public void Subject() => _pairing!.Subject.Run(Operations);
}
