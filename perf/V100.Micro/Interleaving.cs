using V100.Reporting;

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

    public ReportRow Measure(Case what)
    {
        using Pairing pairing = what.Create();
        int subjectCount = Calibrate(pairing.Subject);
        int floorCount = pairing.Floor is null ? 0 : Calibrate(pairing.Floor);
        double[] subjects = new double[rounds];
        double[]? floors = pairing.Floor is null ? null : new double[rounds];
        long allocated = 0;
        for (int round = 0; round < rounds; round++)
        {
            // Neither always has the caches as the other leaves them.
            bool subjectFirst = (round & 1) == 0;
            for (int turn = 0; turn < 2; turn++)
            {
                if (turn == 0 == subjectFirst)
                {
                    (long nanoseconds, long bytes) = pairing.Subject.Time(subjectCount);
                    subjects[round] = InUnit(pairing, (double)nanoseconds / subjectCount);
                    allocated += bytes;
                }
                else if (floors is not null)
                {
                    floors[round] = InUnit(pairing, (double)pairing.Floor!.Time(floorCount).Nanoseconds / floorCount);
                }
            }
        }

        return new ReportRow
        {
            Group = what.Group,
            Name = what.Name,
            Unit = pairing.Unit,
            Samples = subjects,
            ReferenceName = pairing.FloorName,
            ReferenceSamples = floors,
            AllocatedBytes = (double)allocated / subjectCount / rounds / pairing.Items,
            Targets = Goals.Of(what),
        };
    }

    private static double InUnit(Pairing pairing, double nanosecondsPerOperation) => pairing.IsRate
        ? pairing.Items * 1e9 / nanosecondsPerOperation
        : nanosecondsPerOperation / pairing.Items;
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
}
