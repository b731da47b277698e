using System.Diagnostics;
using V100.Net.Sockets;

namespace V100.Server.Control;

/// <summary>What the process itself uses: memory, collections, CPU, and what the control plane holds.</summary>
internal sealed class ProcessMetrics(ControlPlane plane)
{
    private readonly long _started = Stopwatch.GetTimestamp();

    public IEnumerable<MetricSample> Collect()
    {
        yield return Gauge("v100_uptime_seconds", "Time since the start.", Stopwatch.GetElapsedTime(_started).TotalSeconds);
        yield return Gauge("v100_draining", "1 while the server waits for its last session.", plane.Drain.IsDraining ? 1 : 0);
        yield return Gauge("v100_rooms", "Rooms now.", plane.Conference.RoomCount);
        yield return Gauge("v100_sessions", "WHIP and WHEP sessions now.", plane.Conference.SessionCount);
        yield return Gauge("process_resident_memory_bytes", "Resident memory of the process.", Environment.WorkingSet);
        yield return Gauge("process_open_fds", "Sockets, files and the like that are open.", DescriptorLimit.InUse);
        yield return new("process_cpu_seconds_total", "CPU time of the process.", MetricKind.Counter, "", Environment.CpuUsage.TotalTime.TotalSeconds);
        yield return Gauge("dotnet_gc_heap_bytes", "Managed heap in use.", GC.GetTotalMemory(false));
        yield return new("dotnet_gc_allocated_bytes_total", "Managed bytes allocated.", MetricKind.Counter, "", GC.GetTotalAllocatedBytes(false));
        yield return new("dotnet_gc_pause_seconds_total", "Time that collections stopped the process.", MetricKind.Counter, "", GC.GetTotalPauseDuration().TotalSeconds);
        for (int generation = 0; generation <= GC.MaxGeneration; generation++)
        {
            yield return new("dotnet_gc_collections_total", "Collections.", MetricKind.Counter, $"generation=\"{generation}\"", GC.CollectionCount(generation));
        }

        yield return Gauge("dotnet_threads", "Threads of the thread pool.", ThreadPool.ThreadCount);
    }

    private static MetricSample Gauge(string name, string help, double value) => new(name, help, MetricKind.Gauge, "", value);
}
