namespace V100.EndToEnd.Tests;

/// <summary>A place for one server's store, or for several of them one after the other; it goes with the test.</summary>
internal sealed class StoreFolder : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("v100-store-").FullName;

    public string Path => System.IO.Path.Combine(_folder, "v100.db");

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
