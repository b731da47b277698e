namespace V100.Reporting;

/// <summary>How an axis maps values to places.</summary>
public enum AxisScale
{
    Linear,

    /// <summary>Equal ratios are equal distances; values must be above zero.</summary>
    Logarithmic,
}

/// <summary>Values to pixels, with round ticks that enclose all values.</summary>
internal sealed class ChartAxis
{
    private const int WantedTicks = 6;

    private readonly double _from;
    private readonly double _to;
    private readonly double _start;
    private readonly double _end;
    private readonly AxisScale _scale;

    private ChartAxis(IReadOnlyList<double> ticks, AxisScale scale, double start, double end)
    {
        Ticks = ticks;
        _scale = scale;
        _from = OnScale(ticks[0]);
        _to = OnScale(ticks[^1]);
        _start = start;
        _end = end;
    }

    public IReadOnlyList<double> Ticks { get; }

    /// <param name="least">The least value.</param>
    /// <param name="most">The greatest value.</param>
    /// <param name="scale">A logarithmic one takes values above zero alone.</param>
    /// <param name="start">The pixel of the first tick.</param>
    /// <param name="end">The pixel of the last tick.</param>
    public static ChartAxis From(double least, double most, AxisScale scale, double start, double end)
        => new(scale == AxisScale.Linear ? LinearTicks(least, most) : LogarithmicTicks(least, most), scale, start, end);

    public double Place(double value) => _start + (OnScale(value) - _from) / (_to - _from) * (_end - _start);

    private static double[] LinearTicks(double least, double most)
    {
        if (most <= least)
        {
            most = least + 1;
        }

        double rough = (most - least) / WantedTicks;
        double power = Math.Pow(10, Math.Floor(Math.Log10(rough)));
        double step = power * ((rough / power) switch { <= 1 => 1, <= 2 => 2, <= 5 => 5, _ => 10 });
        long first = (long)Math.Floor(least / step);
        long last = (long)Math.Ceiling(most / step);
        return [.. Enumerable.Range(0, (int)(last - first) + 1).Select(index => (first + index) * step)];
    }

    /// <summary>1, 2 and 5 of each decade, or decades alone where there are many.</summary>
    private static double[] LogarithmicTicks(double least, double most)
    {
        if (!(least > 0))
        {
            throw new ArgumentOutOfRangeException(nameof(least), least, "A logarithmic axis begins above zero.");
        }

        int first = (int)Math.Floor(Math.Log10(least));
        int last = (int)Math.Ceiling(Math.Log10(most) + 1e-9);
        double[] parts = last - first > 3 ? [1] : [1, 2, 5];
        double[] all = [.. from decade in Enumerable.Range(first, last - first + 1) from part in parts select part * Math.Pow(10, decade)];
        int from = Array.FindLastIndex(all, tick => tick <= least * (1 + 1e-9));
        int to = Array.FindIndex(all, tick => tick >= most * (1 - 1e-9));
        return to > from ? all[from..(to + 1)] : [all[from], all[from + 1]];
    }

    private double OnScale(double value) => _scale == AxisScale.Linear ? value : Math.Log10(value);
}
