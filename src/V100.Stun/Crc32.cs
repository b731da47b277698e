using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Arm = System.Runtime.Intrinsics.Arm;

namespace V100.Stun;

/// <summary>
/// CRC-32 of ITU-T V.42 (polynomial 0x04C11DB7, bits reflected), by the fastest means that the CPU has: the CRC
/// instruction of ARM, folding by carry-less multiplication, or tables, 16 bytes at a time.
/// </summary>
internal static class Crc32
{
    // 16 tables of 256; made at the first use, which on most CPUs never comes.
    private static class Tables
    {
        public static readonly uint[] Values = Make();

        private static uint[] Make()
        {
            var tables = new uint[16 * 256];
            for (uint i = 0; i < 256; i++)
            {
                uint crc = i;
                for (int bit = 0; bit < 8; bit++)
                {
                    crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xEDB8_8320 : 0);
                }

                tables[i] = crc;
            }

            for (int i = 256; i < tables.Length; i++)
            {
                uint previous = tables[i - 256];
                tables[i] = previous >> 8 ^ tables[previous & 0xFF];
            }

            return tables;
        }
    }

    public static uint Compute(ReadOnlySpan<byte> bytes)
    {
        if (Arm.Crc32.Arm64.IsSupported)
        {
            return ByArmInstruction(bytes);
        }

        // Folding wants whole 32-bit words, which is what a STUN message consists of.
        return CanFold && bytes.Length >= 16 && (bytes.Length & 3) == 0 ? ByFolding(bytes) : BySlicing(bytes);
    }

    public static bool CanFold => Pclmulqdq.IsSupported && Sse41.IsSupported;

    /// <summary>
    /// "Fast CRC computation for generic polynomials using PCLMULQDQ" (Intel, 2009), one accumulator, since messages are
    /// short. What is over a multiple of 16 bytes is taken first, behind leading zeros, which change no CRC register
    /// that holds zeros: so there is no tail.
    /// </summary>
    /// <param name="bytes">At least 16, a multiple of 4.</param>
    public static uint ByFolding(ReadOnlySpan<byte> bytes)
    {
        // The initial register, all ones, mixes with the first 32 bits of the message.
        int over = bytes.Length & 15;
        Vector128<uint> words = over switch
        {
            4 => Vector128.Create(0, 0, 0, ~Word(bytes, 0)),
            8 => Vector128.Create(0, 0, ~Word(bytes, 0), Word(bytes, 4)),
            12 => Vector128.Create(0, ~Word(bytes, 0), Word(bytes, 4), Word(bytes, 8)),
            _ => Vector128.Create<byte>(bytes).AsUInt32() ^ Vector128.CreateScalar(~0u),
        };
        Vector128<ulong> folded = words.AsUInt64();

        // x^(128+64) and x^128 modulo the polynomial, reflected: moves the accumulator on by 16 bytes.
        Vector128<ulong> by128 = Vector128.Create(0x01_7519_97D0UL, 0x00_CCAA_009EUL);
        for (int position = over == 0 ? 16 : over; position < bytes.Length; position += 16)
        {
            Vector128<ulong> next = Vector128.Create(bytes.Slice(position, 16)).AsUInt64();
            folded = next
                ^ Pclmulqdq.CarrylessMultiply(folded, by128, 0x00)
                ^ Pclmulqdq.CarrylessMultiply(folded, by128, 0x11);
        }

        // 128 bits to 64.
        Vector128<ulong> low32 = Vector128.Create(uint.MaxValue, 0UL);
        folded = Pclmulqdq.CarrylessMultiply(folded, by128, 0x10) ^ Sse2.ShiftRightLogical128BitLane(folded, 8);
        Vector128<ulong> by64 = Vector128.CreateScalar(0x01_63CD_6124UL);
        folded = Pclmulqdq.CarrylessMultiply(folded & low32, by64, 0x00) ^ Sse2.ShiftRightLogical128BitLane(folded, 4);

        // Barrett reduction to 32: the polynomial and its inverse, reflected.
        Vector128<ulong> barrett = Vector128.Create(0x01_DB71_0641UL, 0x01_F701_1641UL);
        Vector128<ulong> quotient = Pclmulqdq.CarrylessMultiply(folded & low32, barrett, 0x10) & low32;
        folded ^= Pclmulqdq.CarrylessMultiply(quotient, barrett, 0x00);
        return ~folded.AsUInt32().GetElement(1);
    }

    public static uint BySlicing(ReadOnlySpan<byte> bytes)
    {
        uint[] tables = Tables.Values;
        uint crc = uint.MaxValue;
        while (bytes.Length >= 16)
        {
            uint first = crc ^ Word(bytes, 0);
            crc = Slice(tables, 12, first) ^ Slice(tables, 8, Word(bytes, 4)) ^ Slice(tables, 4, Word(bytes, 8))
                ^ Slice(tables, 0, Word(bytes, 12));
            bytes = bytes[16..];
        }

        foreach (byte value in bytes)
        {
            crc = crc >> 8 ^ tables[(byte)crc ^ value];
        }

        return ~crc;
    }

    private static uint ByArmInstruction(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        while (bytes.Length >= sizeof(ulong))
        {
            crc = Arm.Crc32.Arm64.ComputeCrc32(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
            bytes = bytes[sizeof(ulong)..];
        }

        foreach (byte value in bytes)
        {
            crc = Arm.Crc32.ComputeCrc32(crc, value);
        }

        return ~crc;
    }

    // What the four bytes of a word become after as many more bytes as the tables' number says.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Slice(uint[] tables, int bytesBehind, uint word) =>
        tables[(bytesBehind + 3) * 256 + (int)(byte)word]
        ^ tables[(bytesBehind + 2) * 256 + (int)(byte)(word >> 8)]
        ^ tables[(bytesBehind + 1) * 256 + (int)(byte)(word >> 16)]
        ^ tables[bytesBehind * 256 + (int)(word >> 24)];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Word(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[offset..]);
}
