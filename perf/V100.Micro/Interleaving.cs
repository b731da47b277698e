namespace V100.Micro;

/// <summary>
/// Measures subject and floor in turns, in short slices, so that whatever slows the machine down meets both: the ratio is the
/// median of the rounds' own ratios, and repeats where the times themselves wander.
/// </summary>
/// <param name="rounds">Slices of each.</param>
/// <param name="sliceNanoseconds">How long a slice is at least.</param>
internal sealed class Interleaving(int rounds, long sliceNanoseconds)
{
    private const int MaxOperations = 1 << 24;

    public Row Measure(Case what)
    {
        using Pairing pairing = what.Create();
        int subjectCount = Calibrate(pairing.Subject);
        int floorCount = pairing.Floor is null ? 0 : Calibrate(pairing.Floor);
        double[] subjects = new double[rounds];
        double[] floors = new double[rounds];
        double[] ratios = new double[rounds];
        long allocated = 0;
        for (int round = 0; round < rounds; round++)
        {
            // Neither always has the caches as the other leaves them.
            bool subjectFirst = (round & 1) == 0;
            floors[round] = subjectFirst ? 0 : TimeFloor(pairing, floorCount);
            (long nanoseconds, long bytes) = pairing.Subject.Time(subjectCount);
            subjects[round] = (double)nanoseconds / subjectCount / pairing.Items;
            allocated += bytes;
            floors[round] = subjectFirst ? TimeFloor(pairing, floorCount) : floors[round];
            ratios[round] = subjects[round] / floors[round];
        }

        double perOperation = (double)allocated / subjectCount / rounds / pairing.Items;
        return pairing.Floor is null
            ? new Row(what.Group, what.Name, Median(subjects), pairing.Unit, null, null, null, perOperation)
            : new Row(what.Group, what.Name, Median(subjects), pairing.Unit, pairing.FloorName, Median(floors), Median(ratios), perOperation);
    }

    private static double TimeFloor(Pairing pairing, int count) =>
        pairing.Floor is { } floor ? (double)floor.Time(count).Nanoseconds / count / pairing.Items : double.NaN;

    /// <summary>Runs it in, and finds how many operations fill a slice.</summary>
    private int Calibrate(Workload workload)
    {
        workload.Time(1);
        workload.Time(1);
        int count = 1;
        while (count < MaxOperations && workload.Time(count).Nanoseconds < sliceNanoseconds)
        {
            count *= 2;
        }

        return count;
    }

    private static double Median(double[] values)
    {
        double[] sorted = [.. values.Order()];
        return (sorted[sorted.Length / 2] + sorted[(sorted.Length - 1) / 2]) / 2;
    }
}
