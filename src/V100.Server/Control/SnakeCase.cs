namespace V100.Server.Control;

/// <summary>Names of the code as metrics and JSON show them: <c>DroppedTooLong</c> is <c>dropped_too_long</c>.</summary>
internal static class SnakeCase
{
    public static string Of(string name) =>
        string.Concat(name.Select((symbol, index) => char.IsUpper(symbol) ? (index == 0 ? "" : "_") + char.ToLowerInvariant(symbol) : symbol.ToString()));
}
