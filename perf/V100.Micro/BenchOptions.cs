namespace V100.Micro;

/// <summary>What `bench` was asked for.</summary>
internal sealed record BenchOptions
{
    public bool IsQuick { get; private init; }
    public string? Json { get; private init; }
    public string? LibSrtp { get; private init; }
    public string Command { get; private init; } = "V100.Micro bench";
    public string Filter { get; private init; } = "";

    public bool Wants(string fullName) => fullName.Contains(Filter, StringComparison.OrdinalIgnoreCase);

    /// <summary>False for an option that there is not.</summary>
    public static bool TryRead(string[] arguments, out BenchOptions options)
    {
        options = new BenchOptions();
        for (int index = 0; index < arguments.Length; index++)
        {
            switch (arguments[index])
            {
                case "--quick":
                    options = options with { IsQuick = true };
                    break;
                case "--json" when index + 1 < arguments.Length:
                    options = options with { Json = arguments[++index] };
                    break;
                case "--libsrtp" when index + 1 < arguments.Length:
                    options = options with { LibSrtp = arguments[++index] };
                    break;
                case "--command" when index + 1 < arguments.Length:
                    options = options with { Command = arguments[++index] };
                    break;
                case ['-', ..]:
                    return false;
                default:
                    options = options with { Filter = arguments[index] };
                    break;
            }
        }

        return true;
    }
}
