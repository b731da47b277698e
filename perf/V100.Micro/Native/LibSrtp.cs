using System.Reflection;
using System.Runtime.InteropServices;

namespace V100.Micro.Native;

/// <summary>libsrtp 2 as it is installed, or as a path names it: what the server's SRTP is measured against. Only declarations stand here.</summary>
internal static class LibSrtp
{
    /// <summary>srtp_profile_t.</summary>
    public const int ProfileAes128CmSha1_80 = 1;
    public const int ProfileAeadAes128Gcm = 7;

    private const string Name = "srtp2";
    private const string Installed = "libsrtp2.so.1";
    private const int AnyOutbound = 3;

    private static nint _library;

    /// <summary>Its version, and whether it was built with OpenSSL; null where there is none.</summary>
    public static string? Version { get; private set; }

    /// <summary>Loads it once.</summary>
    /// <param name="path">A library of version 2; null for the system's.</param>
    /// <returns>False where the system has none.</returns>
    /// <exception cref="DllNotFoundException">There is none where the path says.</exception>
    public static bool TryLoad(string? path)
    {
        if (_library != 0)
        {
            return true;
        }

        if (path is not null)
        {
            _library = NativeLibrary.Load(Path.GetFullPath(path));
        }
        else if (!NativeLibrary.TryLoad(Installed, out _library))
        {
            return false;
        }

        NativeLibrary.SetDllImportResolver(Assembly.GetExecutingAssembly(), (name, _, _) => name == Name ? _library : 0);
        Premise.Holds(srtp_init() == 0, "libsrtp does not start.");
        string version = (Marshal.PtrToStringUTF8(srtp_get_version_string()) ?? "").Replace("libsrtp2 ", "", StringComparison.Ordinal);
        Version = $"{version} {(IsBuiltWithOpenSsl() ? "built with OpenSSL" : "built without OpenSSL")}";
        return true;
    }

    /// <summary>A session that protects what any source sends.</summary>
    /// <param name="profile">An srtp_profile_t.</param>
    /// <param name="key">Master key and salt.</param>
    public static nint CreateSender(int profile, byte[] key)
    {
        nint memory = Marshal.AllocHGlobal(key.Length);
        Marshal.Copy(key, 0, memory, key.Length);
        var policy = new Policy { SsrcType = AnyOutbound, Key = memory, WindowSize = 128 };
        Premise.Holds(srtp_crypto_policy_set_from_profile_for_rtp(ref policy.Rtp, profile) == 0, "libsrtp does not know the profile.");
        Premise.Holds(srtp_crypto_policy_set_from_profile_for_rtp(ref policy.Rtcp, profile) == 0);
        int status = srtp_create(out nint session, ref policy);
        Marshal.FreeHGlobal(memory);
        Premise.Holds(status == 0, $"libsrtp makes no session: {status}.");
        return session;
    }

    /// <summary>In place; the length grows by the tag. C has no transition to pay for, and neither has this call.</summary>
    [DllImport(Name)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    [SuppressGCTransition]
    public static extern int srtp_protect(nint session, ref byte packet, ref int length);

    [DllImport(Name)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern int srtp_dealloc(nint session);

    [DllImport(Name)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int srtp_init();

    [DllImport(Name)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint srtp_get_version_string();

    [DllImport(Name)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int srtp_create(out nint session, ref Policy policy);

    [DllImport(Name)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int srtp_crypto_policy_set_from_profile_for_rtp(ref CryptoPolicy policy, int profile);

    /// <summary>Its file names libcrypto where it needs it.</summary>
    private static bool IsBuiltWithOpenSsl()
    {
        string? file = File.ReadLines("/proc/self/maps").FirstOrDefault(line => line.Contains("libsrtp2", StringComparison.Ordinal));
        return file is not null && File.ReadAllBytes(file[file.IndexOf('/', StringComparison.Ordinal)..]).AsSpan().IndexOf("libcrypto.so"u8) >= 0;
    }

    /// <summary>srtp_crypto_policy_t.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct CryptoPolicy
    {
        public uint CipherType;
        public int CipherKeyLength;
        public uint AuthenticationType;
        public int AuthenticationKeyLength;
        public int AuthenticationTagLength;
        public int Services;
    }

    /// <summary>srtp_policy_t of libsrtp 2.5 to 2.8.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Policy
    {
        public int SsrcType;
        public uint SsrcValue;
        public CryptoPolicy Rtp;
        public CryptoPolicy Rtcp;
        public nint Key;
        public nint Keys;
        public nuint KeyCount;
        public nint Deprecated;
        public nuint WindowSize;
        public int AllowsRepetition;
        public nint EncryptedExtensions;
        public int EncryptedExtensionCount;
        public nint Next;
    }
}
