using System.Text.Json;
using System.Xml.Linq;
using V100.Reporting;

namespace V100.Micro.Tests;

/// <summary>What a report says of its samples, and that its three forms say the same.</summary>
public sealed class ReportTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("v100-report-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Quartiles_lie_between_samples()
    {
        Assert.Equal(new Distribution(1, 2, 3, 4, 5), Distribution.Of([5, 3, 1, 4, 2]));
        Assert.Equal(new Distribution(1, 1.75, 2.5, 3.25, 4), Distribution.Of([4, 1, 3, 2]));
        Assert.Equal(new Distribution(7, 7, 7, 7, 7), Distribution.Of([7]));
        Assert.Throws<ArgumentException>(() => Distribution.Of([]));
    }

    /// <summary>Of rounds in which the machine's speed differs, the medians say 1.5, and the rounds 2, 2 and 1.</summary>
    [Fact]
    public void The_ratio_is_the_median_of_the_rounds_own()
    {
        ReportRow row = Row([2, 40, 30], [1, 20, 30]);
        Assert.Equal(2, row.Ratio!.Median);
        Assert.Equal(1.5, row.Value.Median / row.Reference!.Median);
        Assert.Throws<InvalidOperationException>(() => Row([1, 2], [1]).Ratio);
    }

    [Theory]
    [InlineData(15, TargetBound.AtMost, true)]
    [InlineData(15.01, TargetBound.AtMost, false)]
    [InlineData(15, TargetBound.AtLeast, true)]
    [InlineData(14.99, TargetBound.AtLeast, false)]
    public void A_target_has_a_good_side(double value, TargetBound bound, bool isMet)
        => Assert.Equal(isMet, Row([value], null, new Target(TargetSubject.Value, bound, 15)).IsMet);

    [Fact]
    public void A_target_of_a_ratio_that_was_not_measured_is_missed_and_no_target_is_neither()
    {
        Assert.False(Row([1], null, Target.RatioAtMost(2)).IsMet);
        Assert.True(Row([1], [1], Target.RatioAtMost(1)).IsMet);
        Assert.Null(Row([1], [1]).IsMet);
    }

    [Fact]
    public void A_report_is_read_as_it_was_written()
    {
        Report report = Example();
        report.WriteFolder(_folder);
        Report read = Report.ReadJson(Path.Combine(_folder, "report.json"));
        Assert.Equal(report.Rows[0].Samples, read.Rows[0].Samples);
        Assert.Equal(report.Rows[0].Targets, read.Rows[0].Targets);
        Assert.Equal(report.Rows[0].Ratio, read.Rows[0].Ratio);
        Assert.Equal(report.Charts[0].Series[0].Points, read.Charts[0].Series[0].Points);
        Assert.Equal(report.Environments[0].Versions, read.Environments[0].Versions);
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(Path.Combine(_folder, "report.json")));
        JsonElement row = document.RootElement.GetProperty("rows")[0];
        Assert.Equal(2, row.GetProperty("ratio").GetProperty("median").GetDouble());
        Assert.False(row.GetProperty("isMet").GetBoolean());
    }

    [Fact]
    public void Readers_see_value_spread_reference_ratio_target_and_allocation()
    {
        Example().WriteFolder(_folder);
        string text = File.ReadAllText(Path.Combine(_folder, "report.md"));
        Assert.Contains("| parse & <check> | 30 ns | 16 to 35 | 20 ns (a walk) | 2.00 | ≤ 15 | **no** | 0 B |", text, StringComparison.Ordinal);
        Assert.Contains("![Cost against load](", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Charts_are_files_of_their_own_and_those_of_an_earlier_report_go()
    {
        string old = Path.Combine(_folder, "99-old.svg");
        File.WriteAllText(old, "");
        Example().WriteFolder(_folder);
        Assert.False(File.Exists(old));
        string[] files = [.. Directory.GetFiles(_folder, "*.svg").Order(StringComparer.Ordinal)];
        Assert.Equal(["00-targets.svg", "01-stun.svg", "02-cost-against-load.svg"], files.Select(Path.GetFileName));
        XNamespace svg = "http://www.w3.org/2000/svg";
        foreach (string file in files)
        {
            XElement root = XDocument.Load(file).Root!;
            Assert.Equal(svg + "svg", root.Name);
            Assert.Contains("prefers-color-scheme:dark", root.Element(svg + "style")!.Value, StringComparison.Ordinal);
        }

        Assert.Contains(XDocument.Load(files[1]).Descendants(svg + "text"), text => text.Value == "parse & <check>");
    }

    /// <summary>On logarithmic axes, tenfold is the same distance everywhere; on linear ones, as much more is.</summary>
    [Fact]
    public void Points_lie_where_their_axes_say()
    {
        (double X, double Y)[] points = Points(AxisScale.Logarithmic);
        Assert.Equal(points[1].X - points[0].X, points[2].X - points[1].X, tolerance: 0.2);
        Assert.Equal(points[1].Y - points[0].Y, points[2].Y - points[1].Y, tolerance: 0.2);
        points = Points(AxisScale.Linear);
        Assert.Equal(11, (points[2].X - points[0].X) / (points[1].X - points[0].X), tolerance: 0.2);
        Assert.True(points[2].Y < points[1].Y && points[1].Y < points[0].Y);
    }

    [Fact]
    public void A_logarithmic_axis_has_no_zero()
        => Assert.Throws<ArgumentOutOfRangeException>(() => Chart(AxisScale.Logarithmic, new ChartPoint(0, 1), new ChartPoint(1, 2)).ToSvg());

    [Fact]
    public void Figures_of_another_run_are_joined_by_name_and_unit()
    {
        Report report = Example();
        Report jit = Report.Join("JIT", [report]) with { Rows = [report.Rows[0] with { Samples = [7], AllocatedBytes = 3 }] };
        Assert.Equal(new JitFigure(7, 3), report.WithJit(jit).Rows[0].Jit);
        Report other = jit with { Rows = [jit.Rows[0] with { Unit = "µs" }] };
        Assert.Null(report.WithJit(other).Rows[0].Jit);
    }

    [Fact]
    public void The_environment_says_what_and_where()
    {
        RunEnvironment environment = RunEnvironment.Read(["bench"], AppContext.BaseDirectory, new Dictionary<string, string>());
        Assert.Equal(Environment.ProcessorCount, environment.Cores);
        Assert.StartsWith("Linux ", environment.Kernel, StringComparison.Ordinal);
        Assert.NotEqual("unknown", environment.Processor);
        Assert.Contains("compiled just in time", environment.DotNet, StringComparison.Ordinal);
    }

    private static ReportRow Row(double[] samples, double[]? references, params Target[] targets) => new()
    {
        Group = "STUN", Name = "parse & <check>", Unit = "ns", Samples = samples, ReferenceName = references is null ? null : "a walk", ReferenceSamples = references, Targets = targets,
        AllocatedBytes = 0,
    };

    private static LineChart Chart(AxisScale scale, params ChartPoint[] points)
        => new("Cost against load", new ChartAxisTitle("subscribers", scale), new ChartAxisTitle("CPU", scale), [new ChartSeries("V100", points)]);

    private static Report Example() => new()
    {
        Title = "Measured",
        Environments = [RunEnvironment.Read(["bench"], AppContext.BaseDirectory, new Dictionary<string, string> { ["OpenSSL"] = "3" })],
        Rows = [Row([2, 40, 30], [1, 20, 30], Target.ValueAtMost(15))],
        Charts = [Chart(AxisScale.Logarithmic, new ChartPoint(1, 1), new ChartPoint(10, 10), new ChartPoint(100, 100))],
    };

    private static (double X, double Y)[] Points(AxisScale scale)
    {
        string svg = Chart(scale, new ChartPoint(1, 1), new ChartPoint(10, 10), new ChartPoint(100, 100)).ToSvg();
        return [.. XDocument.Parse(svg).Descendants().Where(element => element.Name.LocalName == "circle").Select(circle => ((double)circle.Attribute("cx")!, (double)circle.Attribute("cy")!))];
    }
}
