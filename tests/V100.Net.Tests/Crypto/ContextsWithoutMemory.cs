using System.Reflection;
using System.Runtime.CompilerServices;
using V100.Net.Crypto;
using V100.Net.Native;

namespace V100.Net.Tests.Crypto;

/// <summary>Contexts of which OpenSSL makes no session, as when it has no memory: for none at all SSL_new gives none too.</summary>
internal static class ContextsWithoutMemory
{
    public static DtlsServerContext Server => Make<DtlsServerContext>();

    public static DtlsContext Media => Make<DtlsContext>();

    private static T Make<T>()
    {
        var context = (T)RuntimeHelpers.GetUninitializedObject(typeof(T));
        typeof(T).GetField("_handle", BindingFlags.NonPublic | BindingFlags.Instance)!.SetValue(context, new OpenSsl.SslContextHandle());
        return context;
    }
}
