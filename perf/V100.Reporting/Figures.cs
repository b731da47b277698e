using System.Globalization;

namespace V100.Reporting;

/// <summary>Numbers for readers. Three digits that count are enough: more would be noise.</summary>
public static class Figures
{
    public static string Short(double value)
    {
        double size = Math.Abs(value);
        string format = size switch
        {
            0 or >= 100 => "N0",
            >= 10 => "0.#",
            >= 0.1 => "0.##",
            _ => "0.###",
        };
        return value.ToString(format, CultureInfo.InvariantCulture);
    }
}
