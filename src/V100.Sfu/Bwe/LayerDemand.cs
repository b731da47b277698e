using System.Diagnostics;

namespace V100.Sfu.Bwe;

/// <summary>
/// One subscription as <see cref="LayerAllocator"/> sees it: what there is to choose from, what the subscriber and the room want, and what
/// was chosen. The subscription owns it, says what changed, and reads <see cref="Choice"/> after each allocation.
/// </summary>
/// <remarks>
/// Options that the publisher rests because nobody took them (<see cref="EncodingWishes"/>) belong into <see cref="SetLayers"/> too,
/// with the rate that they had: what is not offered is never chosen, so never wanted, so never sent again.
/// </remarks>
public sealed class LayerDemand(bool isNeverPaused = false)
{
    /// <summary>More options than this are not looked at: four encodings, or spatial layers, of four temporal layers each, twice.</summary>
    public const int MaxOptions = 32;

    /// <summary>Pixels per unit of quality at the lower end: 160 × 90.</summary>
    private const double QualityPixels = 14_400;

    /// <summary>
    /// At this rate motion has half of its worth, and below it soon less: a small picture that moves is worth more than a large one at 7 frames
    /// per second, and from 15 on size is worth more again.
    /// </summary>
    private const double HalfWorthFramesPerSecond = 12;

    private LayerOption[] _offered = [];
    private int _offeredCount;

    // What may be chosen, by rising quality and, but for the present choice, rising rate.
    private LayerOption[] _ranked = [];
    private double[] _quality = [];
    private LayerOption _chosen = new(LayerChoice.None, 0);
    private LayerConstraints _constraints = new();
    private SubscriptionPriority _priority = SubscriptionPriority.Normal;
    private bool _isStale = true;

    /// <summary>Audio, and whatever else has its smallest option whatever the estimate says.</summary>
    public bool IsNeverPaused { get; } = isNeverPaused;

    public LayerChoice Choice => _chosen.Choice;

    /// <summary>Of <see cref="Choice"/>, by the last <see cref="SetLayers"/>.</summary>
    public long BitrateBps => Level < 0 ? 0 : _ranked[Level].BitrateBps;

    public AllocationReason Reason { get; internal set; } = AllocationReason.NoLayerActive;

    public LayerConstraints Constraints
    {
        get => _constraints;
        set
        {
            bool differs = value != _constraints;
            _constraints = value;
            _isStale |= differs;
            MayRiseAtOnce |= differs;
        }
    }

    public SubscriptionPriority Priority
    {
        get => _priority;
        set
        {
            MayRiseAtOnce |= value != _priority;
            _priority = value;
        }
    }

    /// <summary>Says anew what there is to choose from; the span is copied. Call it when layers come and go, and each time when rates were measured.</summary>
    public void SetLayers(ReadOnlySpan<LayerOption> options)
    {
        _offeredCount = Math.Min(options.Length, MaxOptions);
        if (_offered.Length < _offeredCount)
        {
            _offered = new LayerOption[_offeredCount];
            _ranked = new LayerOption[_offeredCount];
            _quality = new double[_offeredCount];
        }

        options[.._offeredCount].CopyTo(_offered);
        LayerRates.Fill(_offered.AsSpan(0, _offeredCount));
        _isStale = true;
    }

    /// <summary>What it is worth, from 0 on: concave in pixels, and in frames per second from 7 on, times the priority's weight.</summary>
    internal double UtilityOf(int level) => level < 0 ? 0 : _quality[level] * Weight;

    /// <summary>What there was to choose from, what nobody measured filled in.</summary>
    internal ReadOnlySpan<LayerOption> Offered => _offered.AsSpan(0, _offeredCount);

    internal double Weight => _priority switch
    {
        SubscriptionPriority.Background => 0.5,
        SubscriptionPriority.Normal => 1,
        SubscriptionPriority.ActiveSpeaker => 5,
        SubscriptionPriority.ScreenShare => 8,
        _ => 12,
    };

    /// <summary>It begins, or what is wanted of it changed: the hold time is against flapping, and this is none.</summary>
    internal bool MayRiseAtOnce { get; private set; } = true;

    internal int LevelCount { get; private set; }
    internal long RateOf(int level) => level < 0 ? 0 : _ranked[level].BitrateBps;

    /// <summary>What is sent: an index of the ranked options, or -1.</summary>
    internal int Level { get; private set; } = -1;

    /// <summary>What the allocation that is being made arrives at.</summary>
    internal int Trial { get; set; }

    /// <summary>How far the allocation that is being made may go.</summary>
    internal int Cap { get; set; }

    /// <summary>The choice before the allocation that is being made.</summary>
    internal LayerChoice Former { get; private set; } = LayerChoice.None;

    /// <summary>The subscriber's limits leave out something better that there is.</summary>
    internal bool IsLimited { get; private set; }

    /// <summary>Brings the ranked options and <see cref="Level"/> up to date with what was said since.</summary>
    internal void Refresh()
    {
        Former = Choice;
        if (!_isStale)
        {
            return;
        }

        _isStale = false;
        Rank();
        Level = FindPresent();
        if (Level < 0 && (_constraints.IsPaused || LevelCount == 0))
        {
            _chosen = new LayerOption(LayerChoice.None, 0);
            MayRiseAtOnce = true; // When it comes back, it begins.
        }
    }

    internal void Commit(int level)
    {
        Debug.Assert(level < LevelCount);
        Level = level;
        _chosen = level < 0 ? new LayerOption(LayerChoice.None, 0) : _ranked[level];
        MayRiseAtOnce &= LevelCount == 0;
    }

    /// <summary>The step up from <paramref name="level"/> with the most utility per bit, of those that fit; -1 for none.</summary>
    internal int FindStep(int level, long leftBps, out double utilityPerBit)
    {
        int best = -1;
        utilityPerBit = 0;
        for (int next = level + 1; next <= Cap; next++)
        {
            long step = RateOf(next) - RateOf(level);
            double slope = (UtilityOf(next) - UtilityOf(level)) / Math.Max(step, 1);
            if (step <= leftBps && slope > utilityPerBit)
            {
                utilityPerBit = slope;
                best = next;
            }
        }

        return best;
    }

    /// <summary>The fewest bits by which anything better than the present can be had; <see cref="long.MaxValue"/> at the best.</summary>
    internal long SmallestStepBps()
    {
        long smallest = long.MaxValue;
        for (int next = Level + 1; next < LevelCount; next++)
        {
            smallest = Math.Min(smallest, RateOf(next) - RateOf(Level));
        }

        return smallest;
    }

    private void Rank()
    {
        ReadOnlySpan<LayerOption> offered = _offered.AsSpan(0, _offeredCount);
        LevelCount = 0;
        IsLimited = false;
        if (_constraints.IsPaused || offered.IsEmpty)
        {
            return;
        }

        double fillingPixels = SmallestFillingPixels(offered);
        foreach (ref readonly LayerOption option in offered)
        {
            if (_constraints.Allows(in option) && Pixels(in option) <= fillingPixels)
            {
                Insert(in option);
            }
        }

        if (LevelCount == 0)
        {
            Insert(in Smallest(offered));
        }

        double best = _quality[LevelCount - 1];
        foreach (ref readonly LayerOption option in offered)
        {
            IsLimited |= Quality(in option, double.MaxValue) > best;
        }

        RemoveDominated();
    }

    // An option that is no better than another and no cheaper is never chosen anew; the present one stays, so that noise in
    // measured rates moves nothing.
    private void RemoveDominated()
    {
        int kept = LevelCount;
        long cheapest = long.MaxValue;
        for (int index = LevelCount - 1; index >= 0; index--)
        {
            if (_ranked[index].BitrateBps < cheapest || _ranked[index].Choice == _chosen.Choice)
            {
                cheapest = Math.Min(cheapest, _ranked[index].BitrateBps);
                kept--;
                _ranked[kept] = _ranked[index];
                _quality[kept] = _quality[index];
            }
        }

        LevelCount -= kept;
        Array.Copy(_ranked, kept, _ranked, 0, LevelCount);
        Array.Copy(_quality, kept, _quality, 0, LevelCount);
    }

    /// <summary>Where the present choice stands now; if it is gone, the best that is no better, or else the least.</summary>
    private int FindPresent()
    {
        if (_chosen.Choice.IsNone || LevelCount == 0)
        {
            return -1;
        }

        for (int level = 0; level < LevelCount; level++)
        {
            if (_ranked[level].Choice == _chosen.Choice)
            {
                return level;
            }
        }

        double former = Quality(in _chosen, double.MaxValue);
        int found = 0;
        for (int level = 1; level < LevelCount && Quality(in _ranked[level], double.MaxValue) <= former; level++)
        {
            found = level;
        }

        return found;
    }

    private void Insert(in LayerOption option)
    {
        double pixels = _constraints.HasSize ? (double)_constraints.Width * _constraints.Height : double.MaxValue;
        double quality = Quality(in option, pixels);
        int at = LevelCount;
        for (; at > 0 && IsBehind(in _ranked[at - 1], _quality[at - 1], in option, quality); at--)
        {
            _ranked[at] = _ranked[at - 1];
            _quality[at] = _quality[at - 1];
        }

        _ranked[at] = option;
        _quality[at] = quality;
        LevelCount++;
    }

    private static bool IsBehind(in LayerOption left, double leftQuality, in LayerOption right, double rightQuality) =>
        leftQuality > rightQuality || leftQuality == rightQuality && left.BitrateBps < right.BitrateBps;

    private double SmallestFillingPixels(ReadOnlySpan<LayerOption> offered)
    {
        double smallest = double.MaxValue;
        foreach (ref readonly LayerOption option in offered)
        {
            if (_constraints.HasSize && _constraints.IsFilledBy(in option))
            {
                smallest = Math.Min(smallest, Pixels(in option));
            }
        }

        return smallest;
    }

    private static ref readonly LayerOption Smallest(ReadOnlySpan<LayerOption> offered)
    {
        int smallest = 0;
        for (int index = 1; index < offered.Length; index++)
        {
            smallest = offered[index].BitrateBps < offered[smallest].BitrateBps ? index : smallest;
        }

        return ref offered[smallest];
    }

    private static double Pixels(in LayerOption option) => (double)option.Width * option.Height;

    // More pixels than are shown are worth nothing.
    private static double Quality(in LayerOption option, double shownPixels) =>
        Math.Log2(1 + Math.Min(Pixels(in option), shownPixels) / QualityPixels) * MotionWorth(option.FramesPerSecond);

    private static double MotionWorth(double framesPerSecond)
    {
        double square = framesPerSecond * framesPerSecond;
        return square / (square + HalfWorthFramesPerSecond * HalfWorthFramesPerSecond);
    }
}
