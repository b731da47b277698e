using System.Runtime.InteropServices;

namespace V100.Net.Native;

/// <summary>What the system lets this process have.</summary>
internal static unsafe partial class Libc
{
    private const int OpenFiles = 7;

    [LibraryImport(Name, EntryPoint = "getrlimit", SetLastError = true)]
    private static partial int GetLimit(int resource, ResourceLimit* limit);

    [LibraryImport(Name, EntryPoint = "setrlimit", SetLastError = true)]
    private static partial int SetLimit(int resource, ResourceLimit* limit);

    private struct ResourceLimit
    {
        public ulong Soft;
        public ulong Hard;
    }

    /// <summary>Raises the soft RLIMIT_NOFILE to the hard one, which needs no privilege, and says what it is then.</summary>
    /// <exception cref="IOException">The system does not tell.</exception>
    public static long RaiseOpenFiles()
    {
        ResourceLimit limit;
        if (GetLimit(OpenFiles, &limit) != 0)
        {
            throw Failure("cannot read RLIMIT_NOFILE");
        }

        var raised = new ResourceLimit { Soft = limit.Hard, Hard = limit.Hard };
        ulong descriptors = SetLimit(OpenFiles, &raised) == 0 ? limit.Hard : limit.Soft;
        return (long)Math.Min(descriptors, long.MaxValue);
    }
}
