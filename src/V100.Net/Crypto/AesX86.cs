using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace V100.Net.Crypto;

/// <summary>
/// AES (FIPS 197) by the processor's instructions: the key schedule, and eight counter blocks at a time, as many as keep
/// its pipeline full. The instructions take the same time whatever the key and data are.
/// </summary>
internal static unsafe class AesX86
{
    public const int BlockLength = 16;

    /// <summary>Blocks that <see cref="EncryptEight"/> works on side by side.</summary>
    public const int Lanes = 8;

    /// <summary>Room for the round keys of the longest key.</summary>
    public const int MaxRoundKeys = 15;

    public static bool IsSupported => Aes.IsSupported && Ssse3.IsSupported && Sse41.IsSupported;

    /// <summary>Rounds of a key of 16 or 32 bytes; there is one round key more.</summary>
    public static int Rounds(int keyLength) => keyLength == 32 ? 14 : 10;

    public static void ExpandKey(ReadOnlySpan<byte> key, Vector128<byte>* roundKeys)
    {
        // FIPS 197 section 5.2 over words; the S-box comes from the instruction that helps the key schedule.
        int keyWords = key.Length / 4;
        int words = 4 * (Rounds(key.Length) + 1);
        var schedule = new Span<uint>(roundKeys, words);
        System.Runtime.InteropServices.MemoryMarshal.Cast<byte, uint>(key).CopyTo(schedule);
        uint roundConstant = 1;
        for (int word = keyWords; word < words; word++)
        {
            uint mixed = schedule[word - 1];
            if (word % keyWords == 0)
            {
                mixed = uint.RotateRight(SubstituteBytes(mixed), 8) ^ roundConstant;
                roundConstant = roundConstant << 1 ^ (roundConstant >> 7) * 0x11b;
            }
            else if (keyWords > 6 && word % keyWords == 4)
            {
                mixed = SubstituteBytes(mixed);
            }

            schedule[word] = schedule[word - keyWords] ^ mixed;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> EncryptOne(Vector128<byte>* roundKeys, int rounds, Vector128<byte> block)
    {
        block ^= roundKeys[0];
        for (int round = 1; round < rounds; round++)
        {
            block = Aes.Encrypt(block, roundKeys[round]);
        }

        return Aes.EncryptLast(block, roundKeys[rounds]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void EncryptEight(Vector128<byte>* roundKeys, int rounds, ref Eight blocks)
    {
        Vector128<byte> key = roundKeys[0];
        Vector128<byte> b0 = blocks.B0 ^ key, b1 = blocks.B1 ^ key, b2 = blocks.B2 ^ key, b3 = blocks.B3 ^ key;
        Vector128<byte> b4 = blocks.B4 ^ key, b5 = blocks.B5 ^ key, b6 = blocks.B6 ^ key, b7 = blocks.B7 ^ key;
        for (int round = 1; round < rounds; round++)
        {
            key = roundKeys[round];
            b0 = Aes.Encrypt(b0, key);
            b1 = Aes.Encrypt(b1, key);
            b2 = Aes.Encrypt(b2, key);
            b3 = Aes.Encrypt(b3, key);
            b4 = Aes.Encrypt(b4, key);
            b5 = Aes.Encrypt(b5, key);
            b6 = Aes.Encrypt(b6, key);
            b7 = Aes.Encrypt(b7, key);
        }

        key = roundKeys[rounds];
        blocks.B0 = Aes.EncryptLast(b0, key);
        blocks.B1 = Aes.EncryptLast(b1, key);
        blocks.B2 = Aes.EncryptLast(b2, key);
        blocks.B3 = Aes.EncryptLast(b3, key);
        blocks.B4 = Aes.EncryptLast(b4, key);
        blocks.B5 = Aes.EncryptLast(b5, key);
        blocks.B6 = Aes.EncryptLast(b6, key);
        blocks.B7 = Aes.EncryptLast(b7, key);
    }

    private static uint SubstituteBytes(uint word) =>
        // The instruction substitutes the second word into the first of its result.
        Aes.KeygenAssist(Vector128.Create(0, word, 0, 0).AsByte(), 0).AsUInt32().GetElement(0);

    /// <summary>Eight blocks that the compiler keeps in registers once all is inlined.</summary>
    internal struct Eight
    {
        public Vector128<byte> B0, B1, B2, B3, B4, B5, B6, B7;
    }
}
