using System.Runtime.InteropServices;

namespace V100.Net.Native;

/// <summary>The C library's heap.</summary>
internal static unsafe partial class Libc
{
    /// <summary>GNU's malloc_trim: gives whole free pages of all arenas back to the system. 1 where there were any, else 0.</summary>
    /// <param name="pad">Bytes to keep at the end.</param>
    [LibraryImport(Name, EntryPoint = "malloc_trim")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial int TrimHeap(nuint pad);
}
