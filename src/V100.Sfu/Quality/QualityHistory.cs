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

    private (long Slot, float Sum, float Lowest, int Count)[] _points = new (long, float, float, int)[FirstCapacity];
    private int _first;
    private int _count;

    internal void Add(double score, Instant now)
    {
        long slot = now.Nanoseconds / SlotNs;
        if (_count == 0 || Last.Slot != slot)
        {
            MakeRoom();
            _count++;
            Last = (slot, 0, float.MaxValue, 0);
        }

        ref (long Slot, float Sum, float Lowest, int Count) last = ref Last;
        last.Sum += (float)score;
        last.Lowest = Math.Min(last.Lowest, (float)score);
        last.Count++;
    }

    /// <summary>The points that began after <paramref name="since"/>, the oldest first.</summary>
    public List<QualityPoint> Since(Instant since)
    {
        var points = new List<QualityPoint>();
        for (int index = 0; index < _count; index++)
        {
            (long slot, float sum, float lowest, int count) = _points[(_first + index) % _points.Length];
            if (slot * SlotNs > since.Nanoseconds)
            {
                points.Add(new QualityPoint(new Instant(slot * SlotNs), sum / count, lowest));
            }
        }

        return points;
    }

    private ref (long Slot, float Sum, float Lowest, int Count) Last => ref _points[(_first + _count - 1) % _points.Length];

    private void MakeRoom()
    {
        if (_count < _points.Length)
        {
            return;
        }

        if (_count == MaxPoints)
        {
            _first = (_first + 1) % MaxPoints;
            _count--;
            return;
        }

        Array.Resize(ref _points, Math.Min(MaxPoints, 2 * _count)); // It has not gone around yet.
    }
}
