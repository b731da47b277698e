using System.Runtime.InteropServices;

namespace V100.Net.Native;

/// <summary>BIOs with a method of our own: how OpenSSL reads and writes datagrams.</summary>
internal static unsafe partial class OpenSsl
{
    public const int BioTypeDatagram = 21 | 0x0400;
    public const int BioFlagsRead = 0x01;
    public const int BioFlagsReadWriteSpecial = 0x07;
    public const int BioFlagsShouldRetry = 0x08;
    public const int BioControlPending = 10;
    public const int BioControlFlush = 11;

    [LibraryImport(Crypto, StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial nint BIO_meth_new(int type, string name);

    [LibraryImport(Crypto)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial int BIO_meth_set_read(nint method, delegate* unmanaged<nint, byte*, int, int> read);

    [LibraryImport(Crypto)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial int BIO_meth_set_write(nint method, delegate* unmanaged<nint, byte*, int, int> write);

    [LibraryImport(Crypto)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial int BIO_meth_set_ctrl(nint method, delegate* unmanaged<nint, int, nint, void*, nint> control);

    [LibraryImport(Crypto)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial int BIO_meth_set_destroy(nint method, delegate* unmanaged<nint, int> destroy);

    [LibraryImport(Crypto)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial nint BIO_new(nint method);

    [LibraryImport(Crypto)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial int BIO_free(nint bio);

    [LibraryImport(Crypto)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial void BIO_set_data(nint bio, void* data);

    [LibraryImport(Crypto)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    [SuppressGCTransition]
    public static partial void* BIO_get_data(nint bio);

    [LibraryImport(Crypto)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial void BIO_set_init(nint bio, int initialized);

    [LibraryImport(Crypto)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    [SuppressGCTransition]
    public static partial void BIO_set_flags(nint bio, int flags);

    [LibraryImport(Crypto)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    [SuppressGCTransition]
    public static partial void BIO_clear_flags(nint bio, int flags);

    [LibraryImport(Crypto)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial nint BIO_ADDR_new();

    [LibraryImport(Crypto)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial void BIO_ADDR_free(nint address);
}
