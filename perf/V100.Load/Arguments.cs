using System.Globalization;

namespace V100.Load;

/// <summary>Options of the form <c>--name value</c>, each taken once by who knows it; what is left over is a mistake.</summary>
internal sealed class Arguments
{
    private readonly Dictionary<string, string> _values = [];

    public Arguments(string[] arguments)
    {
        for (int index = 0; index < arguments.Length; index += 2)
        {
            if (!arguments[index].StartsWith("--", StringComparison.Ordinal) || index + 1 == arguments.Length || !_values.TryAdd(arguments[index], arguments[index + 1]))
            {
                throw new LoadFailedException($"{arguments[index]} is no option with a value, or stands twice");
            }
        }
    }

    public string? Text(string name) => _values.Remove(name, out string? value) ? value : null;

    public string Required(string name) => Text(name) ?? throw new LoadFailedException($"{name} is missing");

    public int Whole(string name, int fallback, int min, int max)
    {
        string? text = Text(name);
        int value = fallback;
        return text is null || (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value) && value >= min && value <= max)
            ? value
            : throw new LoadFailedException(string.Create(CultureInfo.InvariantCulture, $"{name} takes a whole number from {min} to {max}"));
    }

    /// <summary>The control URL of a server on this machine. A load generator that can be pointed at others is a weapon.</summary>
    public Uri LoopbackUrl(string name, string fallback)
    {
        string text = Text(name) ?? fallback;
        if (!Uri.TryCreate(text, UriKind.Absolute, out Uri? url) || url.Scheme is not ("http" or "https"))
        {
            throw new LoadFailedException($"{name} takes an http or https URL");
        }

        // A name, even localhost, means what a resolver says; 127.0.0.1 means this machine.
        var fixedHost = new UriBuilder(url) { Host = url.IdnHost == "localhost" ? "127.0.0.1" : url.IdnHost };
        return System.Net.IPAddress.TryParse(fixedHost.Uri.IdnHost, out System.Net.IPAddress? address) && System.Net.IPAddress.IsLoopback(address)
            ? fixedHost.Uri
            : throw new LoadFailedException($"{url.Host} is not a loopback address: this program loads servers on its own machine alone");
    }

    public void RefuseRest()
    {
        if (_values.Count > 0)
        {
            throw new LoadFailedException($"{_values.Keys.First()} is not an option here");
        }
    }
}
