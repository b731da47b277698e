using System.Runtime.InteropServices;

namespace V100.Net.Native;

/// <summary>The processor time of one thread: what measurements on a shared machine are made with.</summary>
internal static unsafe partial class Libc
{
    private const int ThreadProcessorClock = 3;

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
}
