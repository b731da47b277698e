using System.Runtime.InteropServices;

namespace V100.Net.Native;

/// <summary>Short waits of a thread.</summary>
internal static unsafe partial class Libc
{
    private const int MonotonicClock = 1;
    private const int SetTimerSlack = 29;

    [LibraryImport(Name, EntryPoint = "clock_nanosleep")]
    private static partial int SleepOn(int clock, int flags, TimeSpecification* time, TimeSpecification* left);

    [LibraryImport(Name, EntryPoint = "prctl")]
    private static partial int ControlProcess(int option, nuint value, nuint third, nuint fourth, nuint fifth);

    /// <summary>Waits less than a second; a signal may end it early.</summary>
    public static void Sleep(TimeSpan duration)
    {
        var time = new TimeSpecification { Nanoseconds = duration.Ticks * TimeSpan.NanosecondsPerTick };
        _ = SleepOn(MonotonicClock, 0, &time, null);
    }

    /// <summary>From how far apart the system may take the ends of the calling thread's waits together; 50 µs unless it is told.</summary>
    public static void SetTimerSlackNanoseconds(int nanoseconds) => _ = ControlProcess(SetTimerSlack, (nuint)nanoseconds, 0, 0, 0);
}
