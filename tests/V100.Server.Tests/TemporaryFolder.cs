namespace V100.Server.Tests;

/// <summary>Folders of this test process, which go with it.</summary>
internal static class TemporaryFolder
{
    private static readonly string _root = Directory.CreateTempSubdirectory("v100-tests-").FullName;
    private static int _count;

    static TemporaryFolder() => AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(_root, recursive: true);

    /// <summary>Where nothing is yet, not even the folder.</summary>
    public static string NewPath() => Path.Combine(_root, Interlocked.Increment(ref _count).ToString(System.Globalization.CultureInfo.InvariantCulture));
}
