using System.Reflection;

namespace V100.Simulation.PacketPath;

/// <summary>Finds in a <see cref="CallGraph"/> what may wait for another thread.</summary>
internal static class WaitingCalls
{
    /// <summary>
    /// Of the threading namespaces single words alone are free, of the concurrent collections reads alone, and of what gives work
    /// to other threads nothing.
    /// </summary>
    public static IEnumerable<string> Of(CallGraph graph)
    {
        IEnumerable<string> calls = graph.External.Where(call => MayWait(call.Callee)).Select(call => $"{Name(call.Caller)} calls {Name(call.Callee)}");
        IEnumerable<string> synchronized = graph.Reached
            .Where(method => method.MethodImplementationFlags.HasFlag(MethodImplAttributes.Synchronized)).Select(method => $"{Name(method)} is synchronized");
        return calls.Concat(synchronized).Distinct();
    }

    private static bool MayWait(MethodBase callee)
    {
        Type type = callee.DeclaringType!;
        string space = type.Namespace ?? "";
        if (space == "System.Collections.Concurrent")
        {
            return callee.Name is not ("TryGetValue" or "ContainsKey");
        }

        return space.StartsWith("System.Threading", StringComparison.Ordinal) && type != typeof(Volatile) && type != typeof(Interlocked)
            || space.StartsWith("System.IO", StringComparison.Ordinal)
            || type == typeof(Console)
            || type.Name.StartsWith("Lazy`", StringComparison.Ordinal);
    }

    private static string Name(MethodBase method) => $"{method.DeclaringType!.Name}.{method.Name}";
}
