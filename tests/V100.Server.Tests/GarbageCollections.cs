namespace V100.Server.Tests;

/// <summary>Tests that count collections or measure the managed heap: one after the other, when the others of the process are done.</summary>
[CollectionDefinition(Alone, DisableParallelization = true)]
public sealed class GarbageCollections
{
    public const string Alone = "garbage collections";
}
