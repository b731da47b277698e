using System.Reflection;

namespace V100.Tidy.Tests;

/// <summary>One text file of the repository.</summary>
/// <param name="Path">From the root, with forward slashes.</param>
/// <param name="Text">As it is on disk.</param>
internal sealed record SourceFile(string Path, string Text)
{
    public string Name => System.IO.Path.GetFileNameWithoutExtension(Path);

    public int LineCount => Text.Count(symbol => symbol == '\n');
}

/// <summary>The files that people write here; build output and installed packages are not among them.</summary>
internal static class Sources
{
    private static readonly string[] _skippedFolders = ["artifacts", "bin", "obj", "node_modules", ".git", ".vs", ".idea"];

    private static readonly string[] _extensions =
    [
        ".cs", ".csproj", ".props", ".targets", ".slnx", ".json", ".md", ".txt", ".js", ".mjs", ".ts", ".css", ".html", ".svg", ".py", ".ps1", ".sh", ".yml", ".editorconfig", "",
    ];

    public static string Root { get; } = Path.GetFullPath(
        typeof(Sources).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(item => item.Key == "RepositoryRoot").Value!);

    public static IReadOnlyList<SourceFile> All { get; } = [.. Walk(new DirectoryInfo(Root)).OrderBy(file => file.Path, StringComparer.Ordinal)];

    public static IEnumerable<SourceFile> CSharp => All.Where(file => file.Path.EndsWith(".cs", StringComparison.Ordinal));

    public static IEnumerable<SourceFile> In(string folder) => CSharp.Where(file => file.Path.StartsWith(folder + "/", StringComparison.Ordinal));

    public static string Read(string path) => All.Single(file => file.Path == path).Text;

    private static IEnumerable<SourceFile> Walk(DirectoryInfo folder)
        => folder.EnumerateFiles()
            .Where(file => _extensions.Contains(file.Extension))
            .Select(file => new SourceFile(Path.GetRelativePath(Root, file.FullName).Replace('\\', '/'), File.ReadAllText(file.FullName)))
            .Concat(folder.EnumerateDirectories().Where(child => !_skippedFolders.Contains(child.Name)).SelectMany(Walk));
}
