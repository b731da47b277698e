using System.Globalization;
using V100.Net;

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

    public int Whole(string name, int fallback, int min, int max) => Text(name) is { } text ? Whole(name, text, min, max) : fallback;

    public static int Whole(string name, string text, int min, int max) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int value) && value >= min && value <= max
            ? value
            : throw new LoadFailedException(string.Create(CultureInfo.InvariantCulture, $"{name} takes a whole number from {min} to {max}"));

    /// <summary>One of a few words; the first of them when the option is not given.</summary>
    public string OneOf(string name, params string[] words)
    {
        string value = Text(name) ?? words[0];
        return words.Contains(value) ? value : throw new LoadFailedException($"{name} takes one of {string.Join(", ", words)}");
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

    /// <summary>The first half of IPv4 addresses, 127.88 where none is given.</summary>
    public string Network(string name)
    {
        string text = Text(name) ?? "127.88";
        return text.Count(symbol => symbol == '.') == 1 && System.Net.IPAddress.TryParse($"{text}.0.0", out _)
            ? text
            : throw new LoadFailedException($"{name} takes two bytes of an IPv4 address, as 127.88");
    }

    /// <summary>Address and port of a server on this machine, over IPv4.</summary>
    public TransportAddress LoopbackAddress(string name)
    {
        string text = Required(name).Replace("localhost:", "127.0.0.1:", StringComparison.Ordinal);
        return TransportAddress.TryParse(text, out TransportAddress address) && address.IsIPv4 && address.Port != 0 && System.Net.IPAddress.IsLoopback(address.ToIPAddress())
            ? address
            : throw new LoadFailedException($"{name} takes an IPv4 loopback address with a port: this program loads servers on its own machine alone");
    }

    public void RefuseRest()
    {
        if (_values.Count > 0)
        {
            throw new LoadFailedException($"{_values.Keys.First()} is not an option here");
        }
    }
}
