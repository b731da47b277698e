using V100.Net.Native;

namespace V100.Net.Sockets;

/// <summary>How many sockets, files and the like this process may have open at a time: each relayed address takes one.</summary>
internal static class DescriptorLimit
{
    /// <summary>
    /// Asks for as many as the system allows without privilege (systems and shells give 1,024 to programs that do not ask), and says how
    /// many that is; <see cref="long.MaxValue"/> where the system has no such bound.
    /// </summary>
    public static long Raise() => OperatingSystem.IsLinux() ? Libc.RaiseOpenFiles() : long.MaxValue;

    /// <summary>Those that are open now; 0 where the system does not tell.</summary>
    public static int InUse
    {
        get
        {
            if (!OperatingSystem.IsLinux())
            {
                return 0;
            }

            int open = (int)Libc.OpenDescriptors;
            return open > 0 ? open : Directory.EnumerateFileSystemEntries("/proc/self/fd").Count();
        }
    }
}
