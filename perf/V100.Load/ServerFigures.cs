using System.Globalization;
using V100.Net.Native;

namespace V100.Load;

/// <summary>How busy one thread of the server was.</summary>
/// <param name="Name">As the system knows it.</param>
/// <param name="Percent">Of the time.</param>
internal readonly record struct ThreadLoad(string Name, double Percent)
{
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Name} {Percent:0.0} %");
}

/// <summary>What the system says of the server's process.</summary>
/// <param name="ProcessorSeconds">User and system, since its start, as the scheduler counts them: to the nanosecond.</param>
/// <param name="ResidentKibibytes">Its resident set.</param>
/// <param name="Threads">By number: name and processor time.</param>
internal readonly record struct ServerFigures(double ProcessorSeconds, long ResidentKibibytes, Dictionary<int, (string Name, double ProcessorSeconds)> Threads)
{
    private const int MostThreads = 8;

    public static ServerFigures Read(int processId)
    {
        try
        {
            string resident = File.ReadLines($"/proc/{processId}/status").First(line => line.StartsWith("VmRSS:", StringComparison.Ordinal));
            return new ServerFigures(
                Libc.ProcessProcessorNanoseconds(processId) / 1e9,
                long.Parse(resident.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture),
                ReadThreads(processId));
        }
        catch (IOException)
        {
            throw new LoadFailedException($"there is no process {processId}");
        }
    }

    /// <summary>The threads that ran most since <paramref name="earlier"/>, the busiest first.</summary>
    public ThreadLoad[] ThreadsSince(ServerFigures earlier, double seconds) =>
    [
        .. Threads
            .Select(thread => new ThreadLoad(
                thread.Value.Name, 100 * (thread.Value.ProcessorSeconds - earlier.Threads.GetValueOrDefault(thread.Key).ProcessorSeconds) / seconds))
            .Where(thread => thread.Percent > 0)
            .OrderByDescending(thread => thread.Percent)
            .Take(MostThreads),
    ];

    private static Dictionary<int, (string, double)> ReadThreads(int processId)
    {
        var threads = new Dictionary<int, (string, double)>();
        foreach (string folder in Directory.GetDirectories($"/proc/{processId}/task"))
        {
            try
            {
                // proc(5): nanoseconds on a processor stand first.
                string ran = File.ReadAllText(Path.Combine(folder, "schedstat")).Split(' ')[0];
                string name = File.ReadAllText(Path.Combine(folder, "comm")).Trim();
                threads[int.Parse(Path.GetFileName(folder), CultureInfo.InvariantCulture)] = (name, long.Parse(ran, CultureInfo.InvariantCulture) / 1e9);
            }
            catch (IOException)
            {
                // It has ended meanwhile.
            }
        }

        return threads;
    }
}
