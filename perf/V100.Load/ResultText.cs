using System.Globalization;
using System.Text;

namespace V100.Load;

/// <summary>The lines of a printed result, in one culture. Each call adds one and returns this.</summary>
internal sealed class ResultText
{
    private readonly StringBuilder _text = new();

    public ResultText Line(FormattableString line) => LineIf(true, line);

    public ResultText LineIf(bool wanted, FormattableString line)
    {
        if (wanted)
        {
            _text.AppendLine(line.ToString(CultureInfo.InvariantCulture));
        }

        return this;
    }

    public ResultText Latency(string of, double p50Us, double p99Us, double p999Us) =>
        Line($"{of} p50 {p50Us:N0} us, p99 {p99Us:N0} us, p99.9 {p999Us:N0} us");

    public override string ToString() => _text.ToString().TrimEnd();
}
