using System.Numerics;
using System.Runtime.CompilerServices;

namespace V100.Turn;

/// <summary>
/// SipHash-2-4 (Aumasson and Bernstein, 2012): a keyed 64-bit MAC that is fast for short inputs, here of whole 64-bit words.
/// Immutable.
/// </summary>
internal sealed class SipHash(ulong key0, ulong key1)
{
    /// <summary>The MAC of three words, the first byte of each its lowest.</summary>
    public ulong Compute(ulong word0, ulong word1, ulong word2)
    {
        ulong v0 = key0 ^ 0x736f_6d65_7073_6575;
        ulong v1 = key1 ^ 0x646f_7261_6e64_6f6d;
        ulong v2 = key0 ^ 0x6c79_6765_6e65_7261;
        ulong v3 = key1 ^ 0x7465_6462_7974_6573;
        Absorb(ref v0, ref v1, ref v2, ref v3, word0);
        Absorb(ref v0, ref v1, ref v2, ref v3, word1);
        Absorb(ref v0, ref v1, ref v2, ref v3, word2);

        // The last word has the length in its highest byte.
        Absorb(ref v0, ref v1, ref v2, ref v3, 3UL * sizeof(ulong) << 56);
        v2 ^= 0xFF;
        Round(ref v0, ref v1, ref v2, ref v3);
        Round(ref v0, ref v1, ref v2, ref v3);
        Round(ref v0, ref v1, ref v2, ref v3);
        Round(ref v0, ref v1, ref v2, ref v3);
        return v0 ^ v1 ^ v2 ^ v3;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Absorb(ref ulong v0, ref ulong v1, ref ulong v2, ref ulong v3, ulong word)
    {
        v3 ^= word;
        Round(ref v0, ref v1, ref v2, ref v3);
        Round(ref v0, ref v1, ref v2, ref v3);
        v0 ^= word;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Round(ref ulong v0, ref ulong v1, ref ulong v2, ref ulong v3)
    {
        v0 += v1;
        v2 += v3;
        v1 = BitOperations.RotateLeft(v1, 13) ^ v0;
        v3 = BitOperations.RotateLeft(v3, 16) ^ v2;
        v0 = BitOperations.RotateLeft(v0, 32);
        v2 += v1;
        v0 += v3;
        v1 = BitOperations.RotateLeft(v1, 17) ^ v2;
        v3 = BitOperations.RotateLeft(v3, 21) ^ v0;
        v2 = BitOperations.RotateLeft(v2, 32);
    }
}
