using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using System.Security.Cryptography;

namespace V100.Net.Crypto;

/// <summary>AES in counter mode by the processor's instructions, eight blocks side by side.</summary>
internal sealed unsafe class AesCounterX86 : AesCounterCipher
{
    private const int BatchLength = AesX86.Lanes * AesX86.BlockLength;

    /// <summary>The round keys. Pinned, so that addresses stay; unreachable, it is collected with this.</summary>
    private readonly byte[] _memory;
    private readonly Vector128<byte>* _roundKeys;
    private readonly int _rounds;

    public AesCounterX86(ReadOnlySpan<byte> key)
    {
        AesGcmCipher.ThrowIfNoKeyLength(key.Length);
        _memory = GC.AllocateArray<byte>((AesX86.MaxRoundKeys + 1) * AesX86.BlockLength, pinned: true);
        nint start = (nint)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_memory));
        _roundKeys = (Vector128<byte>*)(start + (-start & (AesX86.BlockLength - 1)));
        _rounds = AesX86.Rounds(key.Length);
        AesX86.ExpandKey(key, _roundKeys);
    }

    [SkipLocalsInit]
    public override void Transform(ReadOnlySpan<byte> counterBlock, ReadOnlySpan<byte> input, Span<byte> output)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(counterBlock.Length, CounterBlockLength);
        ArgumentOutOfRangeException.ThrowIfLessThan(output.Length, input.Length);
        ulong high = BinaryPrimitives.ReadUInt64BigEndian(counterBlock);
        ulong low = BinaryPrimitives.ReadUInt64BigEndian(counterBlock[8..]);
        Vector128<byte> reversal = Vector128.Create(0x08090a0b0c0d0e0fUL, 0x0001020304050607UL).AsByte();
        int rest = input.Length;
        fixed (byte* inputStart = input)
        fixed (byte* outputStart = output)
        {
            byte* source = inputStart;
            byte* target = outputStart;
            AesX86.Eight blocks;
            for (; rest > 0; rest -= BatchLength)
            {
                NextCounters(ref high, ref low, reversal, out blocks);
                AesX86.EncryptEight(_roundKeys, _rounds, ref blocks);
                var stream = (Vector128<byte>*)&blocks;
                int whole = Math.Min(rest, BatchLength) / AesX86.BlockLength;
                for (int block = 0; block < whole; block++)
                {
                    (Vector128.Load(source) ^ stream[block]).Store(target);
                    source += AesX86.BlockLength;
                    target += AesX86.BlockLength;
                }

                if (rest < BatchLength)
                {
                    byte* cut = (byte*)(stream + whole);
                    for (int at = 0; at < rest % AesX86.BlockLength; at++)
                    {
                        target[at] = (byte)(source[at] ^ cut[at]);
                    }
                }
            }
        }

        GC.KeepAlive(this);
    }

    public override void Dispose() => CryptographicOperations.ZeroMemory(_memory);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void NextCounters(ref ulong high, ref ulong low, Vector128<byte> reversal, out AesX86.Eight blocks)
    {
        blocks.B0 = Next(ref high, ref low, reversal);
        blocks.B1 = Next(ref high, ref low, reversal);
        blocks.B2 = Next(ref high, ref low, reversal);
        blocks.B3 = Next(ref high, ref low, reversal);
        blocks.B4 = Next(ref high, ref low, reversal);
        blocks.B5 = Next(ref high, ref low, reversal);
        blocks.B6 = Next(ref high, ref low, reversal);
        blocks.B7 = Next(ref high, ref low, reversal);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Next(ref ulong high, ref ulong low, Vector128<byte> reversal)
    {
        Vector128<byte> block = Ssse3.Shuffle(Vector128.Create(low, high).AsByte(), reversal);
        low++;
        high += low == 0 ? 1UL : 0UL;
        return block;
    }
}
