using System.Globalization;

namespace V100.Load;

/// <summary>What the system says of the server's process.</summary>
/// <param name="ProcessorSeconds">User and system, since its start, in steps of 10 ms.</param>
/// <param name="ResidentKibibytes">Its resident set.</param>
internal readonly record struct ServerFigures(double ProcessorSeconds, long ResidentKibibytes)
{
    // USER_HZ, what /proc counts in on every Linux.
    private const double TicksPerSecond = 100;

    public static ServerFigures Read(int processId)
    {
        try
        {
            // proc(5): the name, in parentheses, may hold spaces; utime and stime are the 12th and 13th field behind it.
            string stat = File.ReadAllText($"/proc/{processId}/stat");
            string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            string resident = File.ReadLines($"/proc/{processId}/status").First(line => line.StartsWith("VmRSS:", StringComparison.Ordinal));
            return new ServerFigures(
                (long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture)) / TicksPerSecond,
                long.Parse(resident.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture));
        }
        catch (IOException)
        {
            throw new LoadFailedException($"there is no process {processId}");
        }
    }
}
