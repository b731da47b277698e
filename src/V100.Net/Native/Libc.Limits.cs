using System.Runtime.InteropServices;

namespace V100.Net.Native;

/// <summary>What the system lets this process have.</summary>
internal static unsafe partial class Libc
{
    private const int OpenFiles = 7;
    private const int FromHere = -100;
    private const uint SizeWanted = 0x200;

    [LibraryImport(Name, EntryPoint = "getrlimit", SetLastError = true)]
    private static partial int GetLimit(int resource, ResourceLimit* limit);

    [LibraryImport(Name, EntryPoint = "setrlimit", SetLastError = true)]
    private static partial int SetLimit(int resource, ResourceLimit* limit);

    [LibraryImport(Name, EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int GetFileStatus(int directory, string path, int flags, uint mask, FileStatus* status);

    /// <summary>struct statx, of which the size alone is read.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct FileStatus
    {
        [FieldOffset(40)] public long Size;
    }

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

    /// <summary>
    /// Descriptors that this process has open: the size of /proc/self/fd, from Linux 6.2 on. 0 before. Counting its entries instead
    /// would make an entry in the system's cache for each.
    /// </summary>
    public static long OpenDescriptors
    {
        get
        {
            FileStatus status;
            return GetFileStatus(FromHere, "/proc/self/fd", 0, SizeWanted, &status) == 0 ? status.Size : 0;
        }
    }
}
