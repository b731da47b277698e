using System.Runtime.InteropServices;

namespace V100.Net.Native;

/// <summary>The processor time of a thread or a process: what measurements on a shared machine are made with.</summary>
internal static unsafe partial class Libc
{
    private const int ThreadProcessorClock = 3;
    private const int SchedulerClock = 2;

    [LibraryImport(Name, EntryPoint = "clock_gettime", SetLastError = true)]
    private static partial int GetClock(int clock, TimeSpecification* time);

    /// <summary>Nanoseconds that the calling thread has run, in user and kernel mode. Reading it is a system call.</summary>
    public static long ThreadProcessorNanoseconds
    {
        get
        {
            TimeSpecification time;
            return GetClock(ThreadProcessorClock, &time) == 0
                ? time.Seconds * 1_000_000_000 + time.Nanoseconds
                : throw Failure("cannot read the thread's processor time");
        }
    }

    /// <summary>Nanoseconds that all threads of a process have run, also those that ended, in user and kernel mode.</summary>
    /// <exception cref="IOException">There is no such process.</exception>
    public static long ProcessProcessorNanoseconds(int processId)
    {
        // clock_getcpuclockid(3): the number's complement above three bits, of which the lowest two name the scheduler's own clock.
        int clock = (~processId << 3) | SchedulerClock;
        TimeSpecification time;
        return GetClock(clock, &time) == 0
            ? time.Seconds * 1_000_000_000 + time.Nanoseconds
            : throw Failure($"cannot read the processor time of process {processId}");
    }
}
