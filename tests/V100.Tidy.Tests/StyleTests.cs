using System.Text.RegularExpressions;

namespace V100.Tidy.Tests;

/// <summary>The rules of CONTRIBUTING.md that a machine can check.</summary>
public sealed partial class StyleTests
{
    private const int MaxFileLines = 600;
    private const int MaxFunctionLines = 70;
    private static readonly string[] _scripts = [".js", ".mjs", ".ts", ".css", ".py"];
    private static readonly string[] _protocols = ["src/V100.Net", "src/V100.Stun", "src/V100.Turn", "src/V100.Sfu"];

    // The second holds what V100 is measured against.
    private static readonly string[] _native = ["src/V100.Net/Native/", "perf/V100.Micro/Native/"];

    // The one place where a test waits, for a condition and with a bound.
    private static readonly string[] _waiting = ["tests/V100.EndToEnd.Tests/Poll.cs"];

    [Fact]
    public void There_are_sources_to_read()
    {
        Assert.True(Sources.CSharp.Count() > 100);
        Assert.True(Sources.CSharp.Sum(file => CSharpText.Functions(file.Text).Count) > 500);
    }

    [Fact]
    public void A_file_is_read_in_one_sitting()
        => Findings.None(Sources.All
            .Where(file => file.Path.EndsWith(".cs", StringComparison.Ordinal) || _scripts.Contains(Path.GetExtension(file.Path)))
            .Where(file => file.LineCount > MaxFileLines)
            .Select(file => $"{file.Path}: {file.LineCount} lines of {MaxFileLines}"));

    [Fact]
    public void A_function_fits_a_screen()
        => Findings.None(Sources.CSharp.SelectMany(file => CSharpText.Functions(file.Text)
            .Where(function => function.LineCount > MaxFunctionLines)
            .Select(function => $"{file.Path}({function.FirstLine}): {function.Header}: {function.LineCount} lines of {MaxFunctionLines}")));

    [Fact]
    public void Nothing_is_called_by_a_word_that_says_nothing()
    {
        Findings.None(Sources.All.Where(file => VaguePattern().IsMatch(file.Name)).Select(file => file.Path));
        Findings.None(Sources.CSharp.SelectMany(file => TypeNamePattern().Matches(CSharpText.Code(file.Text))
            .Select(match => match.Groups["name"].Value)
            .Where(name => VaguePattern().IsMatch(name))
            .Select(name => $"{file.Path}: {name}")));
    }

    [Fact]
    public void Unsafe_code_stands_in_V100_Net_alone()
    {
        Findings.None(Matches(Sources.CSharp.Where(file => !file.Path.StartsWith("src/V100.Net/", StringComparison.Ordinal)), UnsafePattern()));
        Findings.None(Sources.All
            .Where(file => file.Text.Contains("<AllowUnsafeBlocks>true", StringComparison.Ordinal) && Path.GetExtension(file.Path) is ".csproj" or ".props")
            .Select(file => file.Path)
            .Where(path => path != "src/V100.Net/V100.Net.csproj" && !path.StartsWith("tests/V100.Net.Tests/", StringComparison.Ordinal)));
    }

    [Fact]
    public void Native_functions_are_declared_in_the_Native_folder()
        => Findings.None(Matches(Sources.CSharp.Where(file => !_native.Any(folder => file.Path.StartsWith(folder, StringComparison.Ordinal))), NativePattern()));

    [Fact]
    public void Protocol_code_catches_no_exception_of_every_kind()
        => Findings.None(Matches(_protocols.SelectMany(Sources.In), CatchAllPattern()));

    [Fact]
    public void No_test_waits_for_time_to_pass()
        => Findings.None(Matches(Sources.In("tests").Where(file => !_waiting.Contains(file.Path)), WaitPattern()));

    [Fact]
    public void Nothing_reads_the_local_time()
        => Findings.None(Matches(Sources.CSharp, LocalTimePattern()));

    [Fact]
    public void No_event_is_the_flow_of_data_in_protocol_code()
        => Findings.None(Matches(_protocols.SelectMany(Sources.In), EventPattern()));

    private static IEnumerable<string> Matches(IEnumerable<SourceFile> files, Regex pattern)
        => files.SelectMany(file =>
        {
            string code = CSharpText.Code(file.Text);
            return pattern.Matches(code).Select(match => $"{file.Path}({code.AsSpan(0, match.Index).Count('\n') + 1}): {match.Value.Trim()}");
        });

    [GeneratedRegex("(Common|Util|Utils|Utilities|Helper|Helpers|Manager|Misc)($|(?=[A-Z.]))")]
    private static partial Regex VaguePattern();

    [GeneratedRegex(@"\b(class|struct|interface|enum|record)\s+(?!struct\b|class\b)(?<name>\w+)")]
    private static partial Regex TypeNamePattern();

    [GeneratedRegex(@"\bunsafe\b")]
    private static partial Regex UnsafePattern();

    [GeneratedRegex(@"\b(DllImport|LibraryImport)\s*\(")]
    private static partial Regex NativePattern();

    // What cleans up and throws on is no catch.
    [GeneratedRegex(@"\bcatch\s*(\(\s*(System\.)?Exception\b|\{(?![^{}]*\bthrow;\s*\}))")]
    private static partial Regex CatchAllPattern();

    [GeneratedRegex(@"\b(Thread\.Sleep|Task\.Delay|SpinWait\.SpinUntil)\b")]
    private static partial Regex WaitPattern();

    [GeneratedRegex(@"\bDateTime(Offset)?\.(Now|Today)\b")]
    private static partial Regex LocalTimePattern();

    [GeneratedRegex(@"\b(public|internal)\s+(static\s+)?event\s")]
    private static partial Regex EventPattern();
}
