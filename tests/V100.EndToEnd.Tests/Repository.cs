using System.Reflection;

namespace V100.EndToEnd.Tests;

/// <summary>Where the tests find what they drive.</summary>
internal static class Repository
{
    public static string Root { get; } = Path.GetFullPath(
        typeof(Repository).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(item => item.Key == "RepositoryRoot").Value!);

    public static string Clients => Path.Combine(Root, "tests", "V100.EndToEnd.Tests", "clients");

    public static string Artifacts => Path.Combine(Root, "artifacts");

    /// <summary>The published native server, or what <c>V100_BINARY</c> names.</summary>
    public static string Binary
    {
        get
        {
            string path = Environment.GetEnvironmentVariable("V100_BINARY") ?? Path.Combine(Artifacts, "v100", "v100");
            return File.Exists(path)
                ? path
                : throw new InvalidOperationException($"There is no {path}: `dotnet run build.cs -- publish` writes it.");
        }
    }
}
