namespace V100.Reporting;

/// <summary>One place on a line.</summary>
/// <param name="X">In the unit of the horizontal axis.</param>
/// <param name="Y">In the unit of the vertical axis.</param>
public sealed record ChartPoint(double X, double Y);

/// <summary>One line of a chart.</summary>
/// <param name="Name">Stands in the legend.</param>
/// <param name="Points">By rising X.</param>
public sealed record ChartSeries(string Name, IReadOnlyList<ChartPoint> Points)
{
    /// <summary>Drawn dashed and without dots: what is not measured, a limit or a straight line to compare with.</summary>
    public bool IsGuide { get; init; }
}

/// <summary>An axis in words.</summary>
/// <param name="Title">With its unit.</param>
/// <param name="Scale">Linear ones begin at zero.</param>
public sealed record ChartAxisTitle(string Title, AxisScale Scale = AxisScale.Linear);

/// <summary>Several series over one axis: cost against load.</summary>
/// <param name="Title">Stands above, and names the file.</param>
/// <param name="X">The horizontal axis.</param>
/// <param name="Y">The vertical axis.</param>
/// <param name="Series">At most six are told apart by colour.</param>
public sealed record LineChart(string Title, ChartAxisTitle X, ChartAxisTitle Y, IReadOnlyList<ChartSeries> Series)
{
    private const double Width = 820;
    private const double Height = 460;
    private const double Left = 76;
    private const double Right = 24;
    private const double Top = 72;
    private const double Bottom = 58;

    public string ToSvg()
    {
        var canvas = new SvgCanvas(Width, Height, Title);
        ChartAxis x = AxisOf(X.Scale, point => point.X, Left, Width - Right);
        ChartAxis y = AxisOf(Y.Scale, point => point.Y, Height - Bottom, Top);
        canvas.Text(16, 26, Title, style: "title");
        DrawAxes(canvas, x, y);
        double legend = Left;
        for (int index = 0; index < Series.Count; index++)
        {
            ChartSeries series = Series[index];
            string colour = $"s{index % SvgCanvas.SeriesColours}";
            string line = series.IsGuide ? $"{colour} line guide" : $"{colour} line";
            canvas.Path(series.Points.Select(point => (x.Place(point.X), y.Place(point.Y))), line);
            foreach (ChartPoint point in series.IsGuide ? [] : series.Points)
            {
                canvas.Dot(x.Place(point.X), y.Place(point.Y), $"{colour} fill");
            }

            canvas.Path([(legend, 48), (legend + 22, 48)], line);
            canvas.Text(legend + 28, 52, series.Name);
            legend += 28 + SvgCanvas.WidthOf(series.Name) + 18;
        }

        return canvas.ToString();
    }

    private ChartAxis AxisOf(AxisScale scale, Func<ChartPoint, double> part, double start, double end)
    {
        double[] values = [.. Series.SelectMany(series => series.Points).Select(part)];
        if (values.Length == 0)
        {
            throw new InvalidOperationException($"The chart \"{Title}\" has no points.");
        }

        return ChartAxis.From(scale == AxisScale.Linear ? Math.Min(0, values.Min()) : values.Min(), values.Max(), scale, start, end);
    }

    private void DrawAxes(SvgCanvas canvas, ChartAxis x, ChartAxis y)
    {
        foreach (double tick in y.Ticks)
        {
            canvas.Line(Left, y.Place(tick), Width - Right, y.Place(tick), tick == y.Ticks[0] ? "axis" : "grid");
            canvas.Text(Left - 8, y.Place(tick) + 4, Figures.Short(tick), TextAnchor.End, "faint");
        }

        foreach (double tick in x.Ticks)
        {
            canvas.Line(x.Place(tick), Height - Bottom, x.Place(tick), Top, tick == x.Ticks[0] ? "axis" : "grid");
            canvas.Text(x.Place(tick), Height - Bottom + 18, Figures.Short(tick), TextAnchor.Middle, "faint");
        }

        canvas.Text((Left + Width - Right) / 2, Height - 14, X.Title, TextAnchor.Middle);
        canvas.Text(20, (Top + Height - Bottom) / 2, Y.Title, TextAnchor.Middle, "", -90);
    }
}
