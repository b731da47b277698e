using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace V100.Tidy.Tests;

/// <summary>The house's own rules: who may refer to whom, what the documents promise, and what no text may hold.</summary>
public sealed partial class HouseTests
{
    // The only allowed direction of references; ARCHITECTURE.md draws it.
    private static readonly Dictionary<string, string[]> _references = new()
    {
        ["V100.Net"] = [],
        ["V100.Stun"] = ["V100.Net"],
        ["V100.Turn"] = ["V100.Net", "V100.Stun"],
        ["V100.Sfu"] = ["V100.Net", "V100.Stun"],
        ["V100.Server"] = ["V100.Net", "V100.Sfu", "V100.Stun", "V100.Turn"],
    };

    // Written in two halves, or this file would be a finding.
    private static readonly string[] _foreign =
    [
        "/" + "work/", "/" + "root/", "/" + "tmp/", "/" + "home/", "registry." + "npmjs", "api." + "nuget", "proxy." + "golang", "pypi." + "org", "deb." + "debian",
    ];

    [Fact]
    public void Projects_refer_in_the_drawn_direction_only()
    {
        SourceFile[] projects = [.. Sources.All.Where(file => file.Path.StartsWith("src/", StringComparison.Ordinal) && file.Path.EndsWith(".csproj", StringComparison.Ordinal))];
        Assert.Equal(_references.Keys.Order(), projects.Select(project => project.Name).Order());
        foreach (SourceFile project in projects)
        {
            string[] refers = [.. XDocument.Parse(project.Text).Descendants("ProjectReference").Select(item => Path.GetFileNameWithoutExtension((string)item.Attribute("Include")!)).Order()];
            Assert.Equal(_references[project.Name], refers);
        }
    }

    [Fact]
    public void Every_project_is_in_the_solution()
    {
        string solution = Sources.Read("V100.slnx");
        Findings.None(Sources.All.Where(file => file.Path.EndsWith(".csproj", StringComparison.Ordinal) && !solution.Contains($"\"{file.Path}\"", StringComparison.Ordinal)).Select(file => file.Path));
    }

    [Fact]
    public void Every_source_folder_has_its_line_in_ARCHITECTURE()
    {
        string text = Sources.Read("ARCHITECTURE.md");
        string[] folders = [.. Sources.All
            .Where(file => file.Path.StartsWith("src/V100.", StringComparison.Ordinal))
            .Select(file => Path.GetDirectoryName(file.Path)!.Replace('\\', '/'))
            .Distinct()];
        Assert.NotEmpty(folders);
        Findings.None(folders.Where(folder => !text.Contains($"`{folder}`", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("README.md")]
    [InlineData("ARCHITECTURE.md")]
    [InlineData("CONTRIBUTING.md")]
    [InlineData("DEVIATIONS.md")]
    public void Links_within_the_repository_lead_somewhere(string document)
    {
        IEnumerable<string> targets = LinkPattern().Matches(Sources.Read(document)).Select(match => match.Groups["target"].Value.Split('#')[0]);
        Findings.None(targets.Where(target => target.Length > 0 && !target.Contains("://", StringComparison.Ordinal) && !Path.Exists(Path.Combine(Sources.Root, target))));
    }

    [Fact]
    public void No_text_holds_a_path_of_one_machine_or_the_host_of_a_registry()
        => Findings.None(Sources.All.SelectMany(file => _foreign.Where(word => file.Text.Contains(word, StringComparison.Ordinal)).Select(word => $"{file.Path}: {word}")));

    [Fact]
    public void A_test_project_mirrors_each_source_project()
        => Findings.None(_references.Keys.Where(name => !Sources.All.Any(file => file.Path == $"tests/{name}.Tests/{name}.Tests.csproj")));

    [GeneratedRegex(@"\]\((?<target>[^)\s]+)\)")]
    private static partial Regex LinkPattern();
}
