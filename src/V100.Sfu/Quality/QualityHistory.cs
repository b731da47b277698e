using V100.Net;

namespace V100.Sfu.Quality;

/// <summary>One point of a series.</summary>
/// <param name="At">When its ten seconds began.</param>
/// <param name="Mean">Of the scores in them.</param>
/// <param name="Lowest">Of the scores in them.</param>
public readonly record struct QualityPoint(Instant At, double Mean, double Lowest);

/// <summary>The scores of the last hour: for each ten seconds their mean and the lowest, so that a short dip is not lost. What is older falls out.</summary>
public sealed class QualityHistory
{
    public const int MaxPoints = 360;
    private const long SlotNs = 10_000_000_000;
    private const int FirstCapacity = 12;
    private const int MaxPast = MaxPoints - 1;

    // A ring of what is over, beside the ten seconds that run.
    private Past[] _past = new Past[FirstCapacity];
    private int _first;
    private int _count;
    private long _slot = long.MinValue;
    private float _sum;
    private float _lowest;
    private int _scores;

    /// <summary>Twelve bytes, times sessions, times an hour.</summary>
    private readonly record struct Past(uint Slot, float Mean, float Lowest);

    internal void Add(double score, Instant now)
    {
        long slot = now.Nanoseconds / SlotNs;
        if (slot != _slot)
        {
            Keep();
            (_slot, _sum, _lowest, _scores) = (slot, 0, float.MaxValue, 0);
        }

        _sum += (float)score;
        _lowest = Math.Min(_lowest, (float)score);
        _scores++;
    }

    /// <summary>The points that began after <paramref name="since"/>, the oldest first.</summary>
    public List<QualityPoint> Since(Instant since)
    {
        var points = new List<QualityPoint>();
        for (int index = 0; index < _count; index++)
        {
            Past past = _past[(_first + index) % _past.Length];
            AddPoint(past.Slot, past.Mean, past.Lowest);
        }

        if (_scores > 0)
        {
            AddPoint(_slot, _sum / _scores, _lowest);
        }

        return points;

        void AddPoint(long slot, float mean, float lowest)
        {
            if (slot * SlotNs > since.Nanoseconds)
            {
                points.Add(new QualityPoint(new Instant(slot * SlotNs), mean, lowest));
            }
        }
    }

    private void Keep()
    {
        if (_scores == 0)
        {
            return;
        }

        if (_count == MaxPast)
        {
            _first = (_first + 1) % MaxPast;
            _count--;
        }
        else if (_count == _past.Length)
        {
            Array.Resize(ref _past, Math.Min(2 * _count, MaxPast)); // It has not gone around yet.
        }

        _past[(_first + _count++) % _past.Length] = new Past((uint)_slot, _sum / _scores, _lowest);
    }
}
