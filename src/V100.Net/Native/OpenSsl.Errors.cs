using System.Runtime.InteropServices;

namespace V100.Net.Native;

/// <summary>
/// The error queue that OpenSSL keeps per thread. What one call leaves there would be read as the result of another, of
/// any session on the thread: it is cleared before each call whose result comes from it, and after each failure.
/// </summary>
internal static unsafe partial class OpenSsl
{
    [LibraryImport(Crypto)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial void ERR_clear_error();

    [LibraryImport(Crypto)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    [SuppressGCTransition]
    private static partial nuint ERR_peek_last_error();

    [LibraryImport(Crypto)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial byte* ERR_reason_error_string(nuint error);

    /// <summary>Clears the queue, which is empty nearly always: clearing walks all of it, looking does not.</summary>
    public static void ClearErrors()
    {
        if (ERR_peek_last_error() != 0)
        {
            ERR_clear_error();
        }
    }

    /// <summary>The reason of the last error in words; clears the queue.</summary>
    public static string TakeErrorReason()
    {
        nuint error = ERR_peek_last_error();
        byte* reason = error == 0 ? null : ERR_reason_error_string(error);
        string text = reason == null ? "no reason given" : Marshal.PtrToStringUTF8((nint)reason)!;
        ERR_clear_error();
        return text;
    }
}
