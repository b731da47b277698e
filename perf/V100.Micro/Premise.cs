using System.Diagnostics.CodeAnalysis;

namespace V100.Micro;

/// <summary>What must hold for a figure to mean anything: the time of work that was not done is worth nothing.</summary>
internal static class Premise
{
    public static void Holds([DoesNotReturnIf(false)] bool holds, string what = "What was to be measured did not happen.")
    {
        if (!holds)
        {
            throw new InvalidOperationException(what);
        }
    }
}
