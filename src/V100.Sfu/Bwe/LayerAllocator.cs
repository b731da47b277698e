using V100.Net;

namespace V100.Sfu.Bwe;

/// <summary>What an allocation came to.</summary>
/// <param name="TotalBps">Of all that is sent.</param>
/// <param name="NextStepBps">
/// The total with the next step up that is worth most, for the estimator to probe for; 0 when everybody has the best, or
/// while that step is not to be tried again.
/// </param>
/// <param name="Changed">At least one subscription has another choice than before.</param>
public readonly record struct AllocationSummary(long TotalBps, long NextStepBps, bool Changed);

/// <summary>
/// Chooses for all subscriptions of one peer what each is sent, so that the sum stays under the estimate and is worth the most: first the
/// smallest option of each, by priority; then step by step that which gains the most utility per bit.
/// The utility is concave, so this falls short of the best choice by no more than the utility of one step.
/// </summary>
/// <remarks>
/// Call <see cref="Allocate"/> when the estimate, a demand or the set of demands changed, at <see cref="NextDeadline"/>, and about ten times a
/// second while there is video; then follow each <see cref="LayerDemand.Choice"/>.
/// Down at once, when the present choices need more than the estimate. Up when the estimate has been <see cref="Headroom"/> times the need
/// for <see cref="UpHold"/>. A step up that has to be taken back within
/// <see cref="TrialTime"/> failed: its total is not tried again for <see cref="MinBackOff"/>, doubled with each failure up to
/// <see cref="MaxBackOff"/>. A subscription that begins, or whose subscriber or priority asks for something else, does not wait.
/// </remarks>
public sealed class LayerAllocator
{
    public const double Headroom = 1.15;
    public static readonly TimeSpan UpHold = TimeSpan.FromSeconds(1.5);
    public static readonly TimeSpan TrialTime = TimeSpan.FromSeconds(10);
    public static readonly TimeSpan MinBackOff = TimeSpan.FromSeconds(4);
    public static readonly TimeSpan MaxBackOff = TimeSpan.FromSeconds(60);

    /// <summary>What must be gained by taking from some to give to others, when nobody asked for it.</summary>
    private const double WorthOfChange = 1.1;

    /// <summary>What is nearly as much as what failed would fail as well.</summary>
    private const double NearlyFailed = 0.9;

    // Keys are negated where more comes first: the queue gives the least.
    private readonly PriorityQueue<LayerDemand, double> _steps = new();
    private readonly PriorityQueue<LayerDemand, double> _bases = new();

    private bool _isHolding;
    private Instant _heldSince;
    private long _heldBps;
    private bool _isOnTrial;
    private Instant _risenAt;
    private long _risenToBps;
    private long _failedBps;
    private TimeSpan _backOff;

    /// <summary>When an allocation can come to something else although nothing changed.</summary>
    public Instant NextDeadline { get; private set; } = Instant.Never;

    /// <summary>Until then what failed is not tried again.</summary>
    public Instant BackOffUntil { get; private set; }

    /// <summary>Chooses anew.</summary>
    /// <param name="demands">All subscriptions of the peer, in any order that stays.</param>
    /// <param name="estimateBps">What they may use; <see cref="long.MaxValue"/> for no bound.</param>
    /// <param name="now">The present.</param>
    public AllocationSummary Allocate(ReadOnlySpan<LayerDemand> demands, long estimateBps, Instant now)
    {
        estimateBps = Math.Max(estimateBps, 0);
        long presentBps = 0;
        bool risesAtOnce = false;
        foreach (LayerDemand demand in demands)
        {
            demand.Refresh();
            presentBps += demand.BitrateBps;
            risesAtOnce |= demand.MayRiseAtOnce && demand.LevelCount > 0;
        }

        bool isOver = presentBps > estimateBps;
        EndTrial(isOver, estimateBps, now);
        if (isOver || risesAtOnce)
        {
            long budgetBps = isOver ? estimateBps : Math.Max(presentBps, CarefulBps(estimateBps, now));
            foreach (LayerDemand demand in demands)
            {
                demand.Cap = demand.MayRiseAtOnce ? demand.LevelCount - 1 : demand.Level;
            }

            Fill(demands, budgetBps);
        }
        else
        {
            foreach (LayerDemand demand in demands)
            {
                demand.Trial = demand.Level;
            }
        }

        presentBps = Commit(demands);
        Rise(demands, estimateBps, now, ref presentBps);
        return Explain(demands, estimateBps, presentBps, now);
    }

    /// <summary>What the estimate allows to go up to: with headroom, and without what failed lately.</summary>
    private long CarefulBps(long estimateBps, Instant now)
    {
        long carefulBps = (long)Math.Min(estimateBps / Headroom, long.MaxValue / 2);
        return now < BackOffUntil ? Math.Min(carefulBps, (long)(_failedBps * NearlyFailed)) : carefulBps;
    }

    private void EndTrial(bool isOver, long estimateBps, Instant now)
    {
        _isHolding &= !isOver;

        if (!_isOnTrial)
        {
            return;
        }

        if (now - _risenAt >= TrialTime)
        {
            _isOnTrial = false;
            _backOff = _risenToBps >= _failedBps * NearlyFailed ? TimeSpan.Zero : _backOff;
        }
        else if (isOver && estimateBps < _risenToBps)
        {
            _isOnTrial = false;
            _failedBps = _risenToBps;
            _backOff = _backOff == TimeSpan.Zero ? MinBackOff : _backOff * 2 > MaxBackOff ? MaxBackOff : _backOff * 2;
            BackOffUntil = now + _backOff;
        }
    }

    /// <summary>Goes up from the present where the estimate has held for long enough.</summary>
    private void Rise(ReadOnlySpan<LayerDemand> demands, long estimateBps, Instant now, ref long presentBps)
    {
        long smallestBps = long.MaxValue;
        foreach (LayerDemand demand in demands)
        {
            smallestBps = Math.Min(smallestBps, demand.SmallestStepBps());
        }

        if (smallestBps == long.MaxValue)
        {
            _isHolding = false;
            NextDeadline = Instant.Never;
            return;
        }

        long needBps = presentBps + smallestBps;
        if (!TryHold(CarefulBps(estimateBps, now), needBps, now, out long budgetBps))
        {
            NextDeadline = _isHolding ? _heldSince + UpHold : now < BackOffUntil ? BackOffUntil : Instant.Never;
            return;
        }

        ChooseRise(demands, budgetBps, presentBps);
        presentBps = Commit(demands);
        _isHolding = false;
        _isOnTrial = true;
        _risenAt = now;
        _risenToBps = presentBps;
        NextDeadline = now + UpHold;
    }

    /// <summary>True when all estimates of the hold time allowed the need; the least of them is what may be used.</summary>
    private bool TryHold(long carefulBps, long needBps, Instant now, out long budgetBps)
    {
        budgetBps = 0;
        if (carefulBps < needBps)
        {
            _isHolding = false;
            return false;
        }

        _heldBps = Math.Min(_heldBps, carefulBps);
        if (!_isHolding || _heldBps < needBps)
        {
            _isHolding = true;
            _heldSince = now;
            _heldBps = carefulBps;
        }

        bool isHeld = now - _heldSince >= UpHold;
        budgetBps = isHeld ? _heldBps : 0;
        return isHeld;
    }

    /// <summary>Adds to what everybody has; only where it is worth much more, what some have goes to others.</summary>
    private void ChooseRise(ReadOnlySpan<LayerDemand> demands, long budgetBps, long presentBps)
    {
        foreach (LayerDemand demand in demands)
        {
            demand.Cap = demand.LevelCount - 1;
            demand.Trial = demand.Level;
        }

        AddBases(demands, ref presentBps, budgetBps);
        AddSteps(demands, presentBps, budgetBps);
        (int sent, double worth) = WorthOf(demands);
        Fill(demands, budgetBps);
        (int sentAnew, double worthAnew) = WorthOf(demands);
        if (sentAnew > sent || sentAnew == sent && worthAnew > worth * WorthOfChange)
        {
            return;
        }

        presentBps = 0;
        foreach (LayerDemand demand in demands)
        {
            demand.Trial = demand.Level;
            presentBps += demand.BitrateBps;
        }

        AddBases(demands, ref presentBps, budgetBps);
        AddSteps(demands, presentBps, budgetBps);
    }

    private static (int Sent, double Utility) WorthOf(ReadOnlySpan<LayerDemand> demands)
    {
        int sent = 0;
        double utility = 0;
        foreach (LayerDemand demand in demands)
        {
            sent += demand.Trial >= 0 ? 1 : 0;
            utility += demand.UtilityOf(demand.Trial);
        }

        return (sent, utility);
    }

    /// <summary>Fills a budget from nothing, each demand up to its cap; the result is in <see cref="LayerDemand.Trial"/>.</summary>
    private void Fill(ReadOnlySpan<LayerDemand> demands, long budgetBps)
    {
        foreach (LayerDemand demand in demands)
        {
            demand.Trial = -1;
        }

        long usedBps = 0;
        AddBases(demands, ref usedBps, budgetBps);
        AddSteps(demands, usedBps, budgetBps);
    }

    private void AddBases(ReadOnlySpan<LayerDemand> demands, ref long usedBps, long budgetBps)
    {
        foreach (LayerDemand demand in demands)
        {
            if (demand.Trial >= 0 || demand.LevelCount == 0)
            {
                continue;
            }

            if (demand.IsNeverPaused)
            {
                demand.Trial = 0;
                demand.Cap = Math.Max(demand.Cap, 0);
                usedBps += demand.RateOf(0);
            }
            else if (demand.Cap >= 0)
            {
                _bases.Enqueue(demand, BaseKey(demand));
            }
        }

        while (_bases.TryDequeue(out LayerDemand? demand, out _))
        {
            if (usedBps + demand.RateOf(0) <= budgetBps)
            {
                demand.Trial = 0;
                usedBps += demand.RateOf(0);
            }
        }
    }

    // By priority; within one, who is sent something keeps it; then the cheapest, which serves the most.
    private static double BaseKey(LayerDemand demand)
    {
        const double Class = 1L << 48;
        return -(int)demand.Priority * Class * 2 + (demand.Level < 0 ? Class : 0) + Math.Min(demand.RateOf(0), Class - 1);
    }

    private void AddSteps(ReadOnlySpan<LayerDemand> demands, long usedBps, long budgetBps)
    {
        foreach (LayerDemand demand in demands)
        {
            EnqueueStep(demand, budgetBps - usedBps);
        }

        while (_steps.TryDequeue(out LayerDemand? demand, out double key))
        {
            // The room may have shrunk since the step was found: another one may fit, and be worth less.
            int step = demand.FindStep(demand.Trial, budgetBps - usedBps, out double utilityPerBit);
            if (step >= 0 && -utilityPerBit <= key)
            {
                usedBps += demand.RateOf(step) - demand.RateOf(demand.Trial);
                demand.Trial = step;
            }

            EnqueueStep(demand, budgetBps - usedBps);
        }
    }

    private void EnqueueStep(LayerDemand demand, long leftBps)
    {
        if (demand.Trial >= 0 && demand.FindStep(demand.Trial, leftBps, out double utilityPerBit) >= 0)
        {
            _steps.Enqueue(demand, -utilityPerBit);
        }
    }

    private static long Commit(ReadOnlySpan<LayerDemand> demands)
    {
        long totalBps = 0;
        foreach (LayerDemand demand in demands)
        {
            demand.Commit(demand.Trial);
            totalBps += demand.BitrateBps;
        }

        return totalBps;
    }

    /// <summary>Gives each its reason, and says what the next step up needs.</summary>
    private AllocationSummary Explain(ReadOnlySpan<LayerDemand> demands, long estimateBps, long totalBps, Instant now)
    {
        double bestBase = double.MaxValue;
        double bestSlope = 0;
        long baseBps = 0;
        long stepBps = 0;
        bool changed = false;
        foreach (LayerDemand demand in demands)
        {
            changed |= demand.Choice != demand.Former;
            long smallestBps = demand.SmallestStepBps();
            demand.Reason = ReasonOf(demand, smallestBps, estimateBps - totalBps);
            demand.Cap = demand.LevelCount - 1;
            if (smallestBps == long.MaxValue)
            {
                continue;
            }

            if (demand.Level < 0)
            {
                double key = BaseKey(demand);
                (bestBase, baseBps) = key < bestBase ? (key, demand.RateOf(0)) : (bestBase, baseBps);
            }
            else if (demand.FindStep(demand.Level, long.MaxValue, out double slope) is int step and >= 0 && slope > bestSlope)
            {
                (bestSlope, stepBps) = (slope, demand.RateOf(step) - demand.BitrateBps);
            }
        }

        // A step may cost nothing: what is measured of a better layer can be less than of the present one.
        long nextBps = bestBase < double.MaxValue ? totalBps + baseBps : bestSlope > 0 ? totalBps + Math.Max(stepBps, 0) : 0;
        nextBps = now < BackOffUntil && nextBps > _failedBps * NearlyFailed ? 0 : nextBps;
        return new AllocationSummary(totalBps, nextBps, changed);
    }

    private static AllocationReason ReasonOf(LayerDemand demand, long smallestStepBps, long leftBps)
    {
        if (demand.LevelCount == 0)
        {
            return demand.Constraints.IsPaused ? AllocationReason.PausedByClient : AllocationReason.NoLayerActive;
        }

        if (smallestStepBps == long.MaxValue)
        {
            return demand.IsLimited ? AllocationReason.ConstrainedByClient : AllocationReason.Best;
        }

        return smallestStepBps <= leftBps ? AllocationReason.HoldingBack : AllocationReason.EstimateTooLow;
    }
}
