using System.Globalization;
using V100.Net.Native;

namespace V100.Load;

/// <summary>What the system says of the server's process.</summary>
/// <param name="ProcessorSeconds">User and system, since its start, as the scheduler counts them: to the nanosecond.</param>
/// <param name="ResidentKibibytes">Its resident set.</param>
internal readonly record struct ServerFigures(double ProcessorSeconds, long ResidentKibibytes)
{
    public static ServerFigures Read(int processId)
    {
        try
        {
            string resident = File.ReadLines($"/proc/{processId}/status").First(line => line.StartsWith("VmRSS:", StringComparison.Ordinal));
            return new ServerFigures(
                Libc.ProcessProcessorNanoseconds(processId) / 1e9,
                long.Parse(resident.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture));
        }
        catch (IOException)
        {
            throw new LoadFailedException($"there is no process {processId}");
        }
    }
}
