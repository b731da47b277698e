using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using System.Security.Cryptography;

namespace V100.Net.Crypto;

/// <summary>
/// AES-GCM by the processor's AES and carry-less multiplication: eight counter blocks side by side, and GHASH over eight
/// blocks with one reduction. For packets it beats a call into OpenSSL (see DEVIATIONS.md, "Own AES-GCM").
/// </summary>
/// <remarks>
/// GHASH (SP 800-38D section 6.4) works on polynomials whose lowest coefficient is the first bit; with the bytes of a
/// block reversed, that is the highest bit of the vector. The product of two such comes out one bit too low; the powers
/// of the hash key are kept multiplied by x, so that no product needs the shift.
/// </remarks>
internal sealed unsafe class AesGcmX86 : AesGcmCipher
{
    private const int BatchLength = AesX86.Lanes * AesX86.BlockLength;

    /// <summary>One for each block of the longest rest and one for the lengths.</summary>
    private const int PowerCount = AesX86.Lanes + 1;

    /// <summary>The round keys, then H·x, H²·x, … H⁹·x. Pinned, so that addresses stay; unreachable, it is collected with this.</summary>
    private readonly byte[] _memory;
    private readonly Vector128<byte>* _roundKeys;
    private readonly Vector128<ulong>* _powers;
    private readonly int _rounds;

    public AesGcmX86(ReadOnlySpan<byte> key)
    {
        ThrowIfNoKeyLength(key.Length);
        _memory = GC.AllocateArray<byte>((AesX86.MaxRoundKeys + PowerCount + 1) * AesX86.BlockLength, pinned: true);
        nint start = (nint)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_memory));
        _roundKeys = (Vector128<byte>*)(start + (-start & (AesX86.BlockLength - 1)));
        _powers = (Vector128<ulong>*)(_roundKeys + AesX86.MaxRoundKeys);
        _rounds = AesX86.Rounds(key.Length);
        AesX86.ExpandKey(key, _roundKeys);
        ComputePowers(Reverse(AesX86.EncryptOne(_roundKeys, _rounds, Vector128<byte>.Zero), Reversal).AsUInt64());
    }

    public static bool IsSupported => AesX86.IsSupported && Pclmulqdq.IsSupported;

    /// <summary>The order of bytes in which a block is reversed: to be read once per packet, as the compiler calls for it.</summary>
    private static Vector128<byte> Reversal => Vector128.Create(0x08090a0b0c0d0e0fUL, 0x0001020304050607UL).AsByte();

    public override void Encrypt(
        ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, ReadOnlySpan<byte> plaintext, Span<byte> ciphertextAndTag)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(nonce.Length, NonceLength);
        ArgumentOutOfRangeException.ThrowIfLessThan(ciphertextAndTag.Length, plaintext.Length + TagLength);
        fixed (byte* iv = nonce)
        fixed (byte* header = associatedData)
        fixed (byte* input = plaintext)
        fixed (byte* output = ciphertextAndTag)
        {
            Vector128<byte> tag = Process<Encryption>(iv, header, associatedData.Length, input, output, plaintext.Length);
            tag.Store(output + plaintext.Length);
        }
    }

    public override bool TryDecrypt(
        ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, ReadOnlySpan<byte> ciphertextAndTag, Span<byte> plaintext)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(nonce.Length, NonceLength);
        int length = ciphertextAndTag.Length - TagLength;
        if (length < 0)
        {
            return false;
        }

        ArgumentOutOfRangeException.ThrowIfLessThan(plaintext.Length, length);
        fixed (byte* iv = nonce)
        fixed (byte* header = associatedData)
        fixed (byte* input = ciphertextAndTag)
        fixed (byte* output = plaintext)
        {
            // Read first: in place, the plaintext of another call may stand where this tag is.
            Vector128<byte> expected = Vector128.Load(input + length);
            Vector128<byte> tag = Process<Decryption>(iv, header, associatedData.Length, input, output, length);
            // All sixteen bytes are compared at once.
            if (tag == expected)
            {
                return true;
            }

            plaintext[..length].Clear();
            return false;
        }
    }

    public override void Dispose() => CryptographicOperations.ZeroMemory(_memory);

    private void ComputePowers(Vector128<ulong> hashKey)
    {
        // Times x: a shift to the left, and the polynomial where a bit falls out.
        ulong low = hashKey.GetElement(0);
        ulong high = hashKey.GetElement(1);
        ulong overflow = 0 - (high >> 63);
        _powers[0] = Vector128.Create(low << 1 ^ (overflow & 1), (high << 1 | low >> 63) ^ (overflow & 0xc200_0000_0000_0000));
        for (int power = 1; power < PowerCount; power++)
        {
            Products products = default;
            products.Add(_powers[power - 1], _powers[0]);
            _powers[power] = products.Reduce();
        }
    }

    /// <summary>Enciphers or deciphers and gives the tag.</summary>
    [SkipLocalsInit]
    private Vector128<byte> Process<TDirection>(
        byte* nonce, byte* header, int headerLength, byte* input, byte* output, int length)
        where TDirection : struct, IDirection
    {
        Vector128<byte> reversal = Reversal;
        Vector128<byte>* keys = _roundKeys;
        int rounds = _rounds;
        // The counter block reversed: the counter is the lowest word and can be added to.
        Vector128<uint> counter = Vector128.Create(
            1u, BinaryPrimitives.ReverseEndianness(*(uint*)(nonce + 8)), BinaryPrimitives.ReverseEndianness(*(uint*)(nonce + 4)),
            BinaryPrimitives.ReverseEndianness(*(uint*)nonce));
        Vector128<uint> first = counter;
        Vector128<ulong> hash = HashHeader(header, headerLength, reversal);

        int rest = length;
        for (; rest >= BatchLength; rest -= BatchLength)
        {
            NextCounters(ref counter, reversal, out AesX86.Eight blocks);
            AesX86.EncryptEight(keys, rounds, ref blocks);
            hash = CombineEight<TDirection>(hash, ref blocks, input, output, reversal);
            input += BatchLength;
            output += BatchLength;
        }

        // The block that masks the tag goes along, unless what is left needs all eight itself, the last one cut.
        NextCounters(ref counter, reversal, out AesX86.Eight last);
        bool needsAll = rest > BatchLength - AesX86.BlockLength;
        Vector128<byte> mask = Reverse(first.AsByte(), reversal);
        last.B7 = needsAll ? last.B7 : mask;
        AesX86.EncryptEight(keys, rounds, ref last);
        mask = needsAll ? AesX86.EncryptOne(keys, rounds, mask) : last.B7;
        Vector128<ulong> lengths = Vector128.Create((ulong)length * 8, (ulong)headerLength * 8);
        hash = CombineRest<TDirection>(hash, (Vector128<byte>*)&last, input, output, rest, lengths, reversal);
        GC.KeepAlive(this);
        return Reverse(hash.AsByte(), reversal) ^ mask;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void NextCounters(ref Vector128<uint> counter, Vector128<byte> reversal, out AesX86.Eight blocks)
    {
        blocks.B0 = Reverse((counter + Vector128.Create(1u, 0, 0, 0)).AsByte(), reversal);
        blocks.B1 = Reverse((counter + Vector128.Create(2u, 0, 0, 0)).AsByte(), reversal);
        blocks.B2 = Reverse((counter + Vector128.Create(3u, 0, 0, 0)).AsByte(), reversal);
        blocks.B3 = Reverse((counter + Vector128.Create(4u, 0, 0, 0)).AsByte(), reversal);
        blocks.B4 = Reverse((counter + Vector128.Create(5u, 0, 0, 0)).AsByte(), reversal);
        blocks.B5 = Reverse((counter + Vector128.Create(6u, 0, 0, 0)).AsByte(), reversal);
        blocks.B6 = Reverse((counter + Vector128.Create(7u, 0, 0, 0)).AsByte(), reversal);
        counter += Vector128.Create(8u, 0, 0, 0);
        blocks.B7 = Reverse(counter.AsByte(), reversal);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Vector128<ulong> CombineEight<TDirection>(
        Vector128<ulong> hash, ref AesX86.Eight stream, byte* input, byte* output, Vector128<byte> reversal)
        where TDirection : struct, IDirection
    {
        Vector128<ulong>* powers = _powers;
        Products products = default;
        products.Add(hash ^ Combine<TDirection>(stream.B0, input, output, reversal), powers[7]);
        products.Add(Combine<TDirection>(stream.B1, input + 16, output + 16, reversal), powers[6]);
        products.Add(Combine<TDirection>(stream.B2, input + 32, output + 32, reversal), powers[5]);
        products.Add(Combine<TDirection>(stream.B3, input + 48, output + 48, reversal), powers[4]);
        products.Add(Combine<TDirection>(stream.B4, input + 64, output + 64, reversal), powers[3]);
        products.Add(Combine<TDirection>(stream.B5, input + 80, output + 80, reversal), powers[2]);
        products.Add(Combine<TDirection>(stream.B6, input + 96, output + 96, reversal), powers[1]);
        products.Add(Combine<TDirection>(stream.B7, input + 112, output + 112, reversal), powers[0]);
        return products.Reduce();
    }

    /// <summary>One block: writes it, and gives its ciphertext reversed, as GHASH takes it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<ulong> Combine<TDirection>(Vector128<byte> stream, byte* input, byte* output, Vector128<byte> reversal)
        where TDirection : struct, IDirection
    {
        Vector128<byte> source = Vector128.Load(input);
        Vector128<byte> result = source ^ stream;
        result.Store(output);
        return Reverse(TDirection.HashesOutput ? result : source, reversal).AsUInt64();
    }

    /// <summary>The last blocks, the last perhaps cut, and the block of the lengths, with one reduction.</summary>
    private Vector128<ulong> CombineRest<TDirection>(
        Vector128<ulong> hash, Vector128<byte>* stream, byte* input, byte* output, int rest, Vector128<ulong> lengths,
        Vector128<byte> reversal)
        where TDirection : struct, IDirection
    {
        Products products = default;
        Vector128<ulong>* power = _powers + (rest + AesX86.BlockLength - 1) / AesX86.BlockLength;
        for (; rest >= AesX86.BlockLength; rest -= AesX86.BlockLength)
        {
            products.Add(hash ^ Combine<TDirection>(*stream++, input, output, reversal), *power--);
            hash = default;
            input += AesX86.BlockLength;
            output += AesX86.BlockLength;
        }

        if (rest > 0)
        {
            Vector128<byte> source = LoadCut(input, rest);
            Vector128<byte> result = source ^ *stream;
            Vector128<byte> padded = default;
            Unsafe.CopyBlockUnaligned(output, &result, (uint)rest);
            Unsafe.CopyBlockUnaligned(&padded, &result, (uint)rest);
            products.Add(hash ^ Reverse(TDirection.HashesOutput ? padded : source, reversal).AsUInt64(), *power--);
            hash = default;
        }

        products.Add(hash ^ lengths, *power);
        return products.Reduce();
    }

    private Vector128<ulong> HashHeader(byte* header, int length, Vector128<byte> reversal)
    {
        Vector128<ulong> hash = default;
        while (length > 0)
        {
            // At most eight blocks for one reduction.
            int blocks = Math.Min(AesX86.Lanes, (length + AesX86.BlockLength - 1) / AesX86.BlockLength);
            Products products = default;
            for (Vector128<ulong>* power = _powers + blocks - 1; power >= _powers; power--)
            {
                Vector128<byte> block = length >= AesX86.BlockLength ? Vector128.Load(header) : LoadCut(header, length);
                products.Add(hash ^ Reverse(block, reversal).AsUInt64(), *power);
                hash = default;
                header += AesX86.BlockLength;
                length -= AesX86.BlockLength;
            }

            hash = products.Reduce();
        }

        return hash;
    }

    /// <summary>A block whose first bytes are there, with zeros behind.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> LoadCut(byte* bytes, int length)
    {
        Vector128<byte> block = default;
        Unsafe.CopyBlockUnaligned(&block, bytes, (uint)length);
        return block;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Reverse(Vector128<byte> block, Vector128<byte> reversal) => Ssse3.Shuffle(block, reversal);

    /// <summary>A sum of products of 256 bits, not reduced: the outer halves, and the middle that overlaps both.</summary>
    private struct Products
    {
        private Vector128<ulong> _low;
        private Vector128<ulong> _middle;
        private Vector128<ulong> _high;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Add(Vector128<ulong> left, Vector128<ulong> right)
        {
            _low ^= Pclmulqdq.CarrylessMultiply(left, right, 0x00);
            _high ^= Pclmulqdq.CarrylessMultiply(left, right, 0x11);
            _middle ^= Pclmulqdq.CarrylessMultiply(left, right, 0x01) ^ Pclmulqdq.CarrylessMultiply(left, right, 0x10);
        }

        /// <summary>Modulo x¹²⁸ + x⁷ + x² + x + 1, in two folds of 64 bits from the low end.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly Vector128<ulong> Reduce()
        {
            Vector128<ulong> polynomial = Vector128.Create(0xc200_0000_0000_0000, 0);
            Vector128<ulong> middle = _middle ^ Swap(_low) ^ Pclmulqdq.CarrylessMultiply(_low, polynomial, 0x00);
            return _high ^ Swap(middle) ^ Pclmulqdq.CarrylessMultiply(middle, polynomial, 0x00);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Vector128<ulong> Swap(Vector128<ulong> value) => Sse2.Shuffle(value.AsUInt32(), 0x4e).AsUInt64();
    }

    /// <summary>What the ciphertext is, which GHASH takes: chosen when compiled, not per block.</summary>
    private interface IDirection
    {
        static abstract bool HashesOutput { get; }
    }

    private readonly struct Encryption : IDirection
    {
        public static bool HashesOutput => true;
    }

    private readonly struct Decryption : IDirection
    {
        public static bool HashesOutput => false;
    }
}
