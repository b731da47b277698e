namespace V100.Reporting;

/// <summary>One line of a bar chart.</summary>
/// <param name="Label">What was measured.</param>
/// <param name="Value">In the chart's unit.</param>
public sealed record Bar(string Label, double Value)
{
    /// <summary>A second, fainter bar under it.</summary>
    public double? Reference { get; init; }

    public string? ReferenceName { get; init; }

    /// <summary>A mark across; a value on its wrong side is drawn in the colour of failure.</summary>
    public Target? Target { get; init; }
}

/// <summary>Values beside their references and targets, as horizontal bars from zero.</summary>
/// <param name="Title">Stands above.</param>
/// <param name="Unit">Of all bars.</param>
/// <param name="Bars">From top to bottom.</param>
public sealed record BarChart(string Title, string Unit, IReadOnlyList<Bar> Bars)
{
    private const double Width = 960;
    private const double Margin = 16;
    private const double Head = 64;
    private const double Foot = 36;
    private const double Thick = 14;
    private const double Thin = 10;
    private const double Gap = 12;
    private const double FigureRoom = 72;

    public string ToSvg()
    {
        double height = Head + Foot + Bars.Sum(HeightOf);
        var canvas = new SvgCanvas(Width, height, Title);
        double left = Margin + Math.Min(0.5 * Width, Bars.Select(bar => SvgCanvas.WidthOf(bar.Label)).DefaultIfEmpty(0).Max()) + 10;
        double most = Bars.Select(bar => Math.Max(bar.Value, Math.Max(bar.Reference ?? 0, bar.Target?.Limit ?? 0))).DefaultIfEmpty(1).Max();
        var axis = ChartAxis.From(0, most, AxisScale.Linear, left, Width - Margin - FigureRoom);
        canvas.Text(Margin, 26, Title, style: "title");
        DrawLegend(canvas);
        foreach (double tick in axis.Ticks)
        {
            canvas.Line(axis.Place(tick), Head - 6, axis.Place(tick), height - Foot + 2, tick == 0 ? "axis" : "grid");
            canvas.Text(axis.Place(tick), height - Foot + 18, Figures.Short(tick), TextAnchor.Middle, "faint");
        }

        canvas.Text(Width - Margin, 49, Unit, TextAnchor.End, "faint");
        double top = Head;
        foreach (Bar bar in Bars)
        {
            DrawBar(canvas, axis, bar, top);
            top += HeightOf(bar);
        }

        return canvas.ToString();
    }

    private static double HeightOf(Bar bar) => Thick + (bar.Reference is null ? 0 : Thin + 1) + Gap;

    private void DrawLegend(SvgCanvas canvas)
    {
        double x = Margin;
        void Entry(string style, string text)
        {
            canvas.Rectangle(x, 40, 12, 10, style);
            canvas.Text(x + 17, 49, text, style: "faint");
            x += 17 + SvgCanvas.WidthOf(text) + 18;
        }

        Entry("s0 fill", "measured");
        if (Bars.Any(bar => bar.Target is { } target && !target.IsMetBy(bar.Value, null)))
        {
            Entry("bad fill", "measured, misses its target");
        }

        if (Bars.Any(bar => bar.Reference is not null))
        {
            Entry("ref fill", "reference in the same run");
        }

        if (Bars.Any(bar => bar.Target is not null))
        {
            canvas.Line(x + 5, 38, x + 5, 52, "mark", 2.5);
            canvas.Text(x + 17, 49, "target", style: "faint");
        }
    }

    private static void DrawBar(SvgCanvas canvas, ChartAxis axis, Bar bar, double top)
    {
        double zero = axis.Place(0);
        canvas.Text(zero - 8, top + Thick - 3, Fitted(bar.Label, zero - 8 - Margin), TextAnchor.End);
        bool misses = bar.Target is { } bound && !bound.IsMetBy(bar.Value, null);
        canvas.Rectangle(zero, top, Math.Max(axis.Place(bar.Value) - zero, 1), Thick, misses ? "bad fill" : "s0 fill");
        canvas.Text(Beyond(axis, bar, bar.Value), top + Thick - 3, Figures.Short(bar.Value));
        double bottom = top + Thick;
        if (bar.Reference is { } reference)
        {
            canvas.Rectangle(zero, bottom + 1, Math.Max(axis.Place(reference) - zero, 1), Thin, "ref fill");
            canvas.Text(Beyond(axis, bar, reference), bottom + Thin, Figures.Short(reference), style: "faint");
            bottom += Thin + 1;
        }

        if (bar.Target is { } target)
        {
            canvas.Line(axis.Place(target.Limit), top - 3, axis.Place(target.Limit), bottom + 3, "mark", 2.5);
        }
    }

    /// <summary>Right of a bar's end, and of a target's mark where the figure would lie upon it.</summary>
    private static double Beyond(ChartAxis axis, Bar bar, double value)
    {
        double x = axis.Place(value) + 6;
        double mark = bar.Target is { } target ? axis.Place(target.Limit) : double.NegativeInfinity;
        return mark > x - 8 && mark < x + SvgCanvas.WidthOf(Figures.Short(value)) + 4 ? mark + 6 : x;
    }

    private static string Fitted(string label, double room)
    {
        int letters = (int)(room / SvgCanvas.WidthOf("x"));
        return label.Length <= letters ? label : $"{label.AsSpan(0, Math.Max(letters - 1, 1))}…";
    }
}
