using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace V100.Net.Crypto;

/// <summary>Comparison of secrets in a time that depends on the lengths alone.</summary>
public static class ConstantTime
{
    /// <summary>Whether both hold the same bytes. Different lengths (which are no secret) are unequal at once.</summary>
    // Without inlining or optimization across calls, nothing can learn that the result is decided before the end.
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static bool Equals(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right)
    {
        if (left.Length != right.Length)
        {
            return false;
        }

        ulong difference = 0;
        int position = 0;
        for (; position + sizeof(ulong) <= left.Length; position += sizeof(ulong))
        {
            difference |= MemoryMarshal.Read<ulong>(left[position..]) ^ MemoryMarshal.Read<ulong>(right[position..]);
        }

        for (; position < left.Length; position++)
        {
            difference |= (uint)(left[position] ^ right[position]);
        }

        return difference == 0;
    }
}
