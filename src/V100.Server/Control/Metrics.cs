using System.Globalization;
using System.Text;

namespace V100.Server.Control;

/// <summary>What a metric's value means to Prometheus.</summary>
internal enum MetricKind
{
    Counter,
    Gauge,

    /// <summary>Its samples have the suffixes <c>_bucket</c>, <c>_sum</c> and <c>_count</c>; buckets are cumulative.</summary>
    Histogram,
}

/// <summary>One value.</summary>
/// <param name="Name">With the unit last, and <c>_total</c> on counters: <c>v100_udp_received_bytes_total</c>.</param>
/// <param name="Help">One sentence.</param>
/// <param name="Kind">Counter, gauge or histogram.</param>
/// <param name="Labels">As they stand between the braces, <c>worker="0"</c>, or empty. Their set is bounded: no names of rooms or people.</param>
/// <param name="Value">The value now.</param>
internal sealed record MetricSample(string Name, string Help, MetricKind Kind, string Labels, double Value)
{
    /// <summary>Of a histogram's sample, behind its name.</summary>
    public string Suffix { get; init; } = "";
}

/// <summary>Collects samples from everything that counts, and writes them in Prometheus' text format 0.0.4.</summary>
internal sealed class Metrics
{
    public const string MediaType = "text/plain; version=0.0.4; charset=utf-8";

    private readonly List<Func<IEnumerable<MetricSample>>> _providers = [];

    /// <summary>Called at composition time only. The provider is called on any thread, one call per scrape.</summary>
    public void Add(Func<IEnumerable<MetricSample>> provider) => _providers.Add(provider);

    public string Write()
    {
        StringBuilder text = new();

        // All lines of one metric stand together, under one header.
        foreach (IGrouping<string, MetricSample> family in _providers.SelectMany(provider => provider()).GroupBy(sample => sample.Name, StringComparer.Ordinal))
        {
            MetricSample first = family.First();
            text.Append("# HELP ").Append(first.Name).Append(' ').Append(first.Help).Append('\n');
            text.Append("# TYPE ").Append(first.Name).Append(first.Kind switch { MetricKind.Counter => " counter\n", MetricKind.Gauge => " gauge\n", _ => " histogram\n" });
            foreach (MetricSample sample in family)
            {
                text.Append(sample.Name).Append(sample.Suffix);
                if (sample.Labels.Length > 0)
                {
                    text.Append('{').Append(sample.Labels).Append('}');
                }

                text.Append(' ').Append(sample.Value.ToString("R", CultureInfo.InvariantCulture)).Append('\n');
            }
        }

        return text.ToString();
    }
}
