namespace V100.Server.Configuration;

/// <summary>How the values of a key stand in the configuration.</summary>
internal enum OptionShape
{
    /// <summary>One value: <c>V100:Udp:Port</c>.</summary>
    Value,

    /// <summary>Several: <c>V100:Udp:Addresses:0</c>, or one value with commas.</summary>
    List,

    /// <summary>Named ones: <c>V100:ApiKeys:{key}</c>.</summary>
    Map,
}

/// <summary>
/// One configuration key: the only place that knows its default, what it allows and how it reads, so that
/// <c>--help</c>, the checks and the defaults cannot diverge.
/// </summary>
/// <param name="Name">The full name, <c>V100:Udp:Port</c>.</param>
/// <param name="Shape">One value, a list or a map.</param>
/// <param name="Default">Applied, by the same reader, where the configuration is silent; null where <see cref="DefaultNote"/> says what then holds.</param>
/// <param name="Allowed">The allowed values, for help and errors.</param>
/// <param name="Description">One short sentence.</param>
/// <param name="Apply">Reads one value; false when it is not allowed. The name is the map's key, or empty.</param>
internal sealed record OptionKey(
    string Name,
    OptionShape Shape,
    string? Default,
    string Allowed,
    string Description,
    Func<ServerOptions, string, string, bool> Apply)
{
    /// <summary>What holds without a value, where no text can say it to the reader.</summary>
    public string DefaultNote { get; init; } = "none";

    /// <summary>False for keys that are read and checked but do not act in this version.</summary>
    public bool ActsNow { get; init; } = true;

    /// <summary>An error never shows the value.</summary>
    public bool Secret { get; init; }

    /// <summary>The name of a map's entry, for help.</summary>
    public string Placeholder { get; init; } = "name";

    public string HelpName => Shape == OptionShape.Map ? $"{Name}:{{{Placeholder}}}" : Name;

    public string HelpDefault => Default is null ? DefaultNote : Default;
}
