namespace V100.Sfu.Quality;

/// <summary>Three growing counters of now and of up to five seconds ago, one look a second.</summary>
internal sealed class CounterWindow
{
    private const int Length = 6;

    private readonly (long Expected, long Missing, long FrozenMs, long AtMs)[] _looks = new (long, long, long, long)[Length];
    private int _count;

    /// <summary>There are two looks to compare.</summary>
    public bool IsFilled => _count > 1;

    /// <summary>0 to 1; what it was where nothing was expected since.</summary>
    public double Loss { get; private set; }

    /// <summary>0 to 1.</summary>
    public double FrozenShare { get; private set; }

    /// <summary>A counter that fell belongs to another source: what was before is forgotten.</summary>
    public void Add(long expected, long missing, long frozenMs, long atMs)
    {
        (long Expected, long Missing, long FrozenMs, long AtMs) last = _count == 0 ? default : _looks[_count - 1];
        if (expected < last.Expected || frozenMs < last.FrozenMs)
        {
            _count = 0;
        }

        if (_count == Length)
        {
            _looks.AsSpan(1).CopyTo(_looks);
            _count--;
        }

        _looks[_count++] = (expected, missing, frozenMs, atMs);
        (long Expected, long Missing, long FrozenMs, long AtMs) first = _looks[0];
        if (expected > first.Expected)
        {
            Loss = Math.Clamp((double)(missing - first.Missing) / (expected - first.Expected), 0, 1);
        }

        FrozenShare = atMs > first.AtMs ? Math.Clamp((double)(frozenMs - first.FrozenMs) / (atMs - first.AtMs), 0, 1) : 0;
    }

    public void Clear() => (_count, Loss, FrozenShare) = (0, 0, 0);
}
