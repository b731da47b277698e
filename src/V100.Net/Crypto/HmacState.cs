using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using V100.Net.Native;

namespace V100.Net.Crypto;

/// <summary>A hash function with blocks of 64 bytes and a state of 32-bit words (FIPS 180-4), as HMAC needs it.</summary>
internal interface IShaFunction
{
    /// <summary>Bytes of the digest; the state has a word for each four.</summary>
    static abstract int DigestLength { get; }

    static abstract ReadOnlySpan<uint> InitialState { get; }

    static abstract void Digest(ReadOnlySpan<byte> message, Span<byte> digest);

    static abstract unsafe void Transform(uint* state, byte* block);
}

/// <summary>
/// RFC 2104 with both key blocks compressed once: the state of the inner hash after (key xor ipad) and of the outer hash
/// after (key xor opad). A value of 64 bytes, immutable after its construction, so every thread may compute with it.
/// </summary>
internal struct HmacState<TSha>
    where TSha : struct, IShaFunction
{
    private const int BlockLength = 64;
    private const int LengthFieldLength = 8;
    private const int WordsPerVector = 4;

    private ShaState _inner;
    private ShaState _outer;

    public static unsafe HmacState<TSha> FromKey(ReadOnlySpan<byte> key)
    {
        // RFC 2104 section 2: a key longer than a block is hashed first, a shorter one is filled with zeros.
        Span<byte> block = stackalloc byte[BlockLength];
        block.Clear();
        if (key.Length > BlockLength)
        {
            TSha.Digest(key, block);
        }
        else
        {
            key.CopyTo(block);
        }

        HmacState<TSha> state = default;
        CompressKey(block, 0x36, state._inner);
        CompressKey(block, 0x36 ^ 0x5c, state._outer);
        block.Clear();
        return state;
    }

    /// <summary>Writes HMAC(key, first | second) over the first digest-length bytes of <paramref name="mac"/>.</summary>
    [SkipLocalsInit]
    public readonly unsafe void Compute(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, Span<byte> mac)
    {
        uint* state = stackalloc uint[OpenSsl.ShaContextWords];
        byte* block = stackalloc byte[BlockLength];
        *(ShaState*)state = _inner;
        int filled = first.IsEmpty ? 0 : Absorb(state, block, 0, first);
        filled = Absorb(state, block, filled, second);
        FinishInner(state, block, filled, BlockLength + (long)first.Length + second.Length);
        FinishOuter(state, block);
        if (TSha.DigestLength == 2 * Vector128<byte>.Count)
        {
            // One check for both stores.
            mac = mac[..TSha.DigestLength];
            BigEndian(state).CopyTo(mac);
            BigEndian(state + WordsPerVector).CopyTo(mac[Vector128<byte>.Count..]);
        }
        else
        {
            BinaryPrimitives.WriteUInt32BigEndian(mac[Vector128<byte>.Count..], state[WordsPerVector]);
            BigEndian(state).CopyTo(mac);
        }
    }

    /// <summary>Compresses what makes whole blocks, keeps the rest in <paramref name="block"/>; says how many bytes that is.</summary>
    private static unsafe int Absorb(uint* state, byte* block, int filled, ReadOnlySpan<byte> bytes)
    {
        if (filled > 0)
        {
            int taken = Math.Min(BlockLength - filled, bytes.Length);
            bytes[..taken].CopyTo(new Span<byte>(block + filled, taken));
            filled += taken;
            bytes = bytes[taken..];
            if (filled < BlockLength)
            {
                return filled;
            }

            TSha.Transform(state, block);
        }

        fixed (byte* source = bytes)
        {
            int position = 0;
            for (; bytes.Length - position >= BlockLength; position += BlockLength)
            {
                TSha.Transform(state, source + position);
            }

            bytes[position..].CopyTo(new Span<byte>(block, BlockLength));
            return bytes.Length - position;
        }
    }

    /// <summary>FIPS 180-4 section 5.1.1: a one bit, zeros, and the length of everything hashed in bits.</summary>
    private static unsafe void FinishInner(uint* state, byte* block, int filled, long hashedLength)
    {
        var bytes = new Span<byte>(block, BlockLength);
        bytes[filled++] = 0x80;
        bytes[filled..].Clear();
        if (filled > BlockLength - LengthFieldLength)
        {
            TSha.Transform(state, block);
            bytes.Clear();
        }

        BinaryPrimitives.WriteInt64BigEndian(bytes[(BlockLength - LengthFieldLength)..], hashedLength * 8);
        TSha.Transform(state, block);
    }

    /// <summary>
    /// RFC 2104 section 2: the outer hash takes the inner digest, so its one block is all known but for that. It is stored as the
    /// transform loads it, in vectors: a load behind several narrow stores waits for them.
    /// </summary>
    private readonly unsafe void FinishOuter(uint* state, byte* block)
    {
        uint lengthBits = BinaryPrimitives.ReverseEndianness((uint)(BlockLength + TSha.DigestLength) * 8);
        BigEndian(state).Store(block);
        if (TSha.DigestLength == 2 * Vector128<byte>.Count)
        {
            BigEndian(state + WordsPerVector).Store(block + Vector128<byte>.Count);
            Vector128.Create(0x80u, 0, 0, 0).AsByte().Store(block + 2 * Vector128<byte>.Count);
        }
        else
        {
            Vector128.Create(BinaryPrimitives.ReverseEndianness(state[WordsPerVector]), 0x80u, 0, 0).AsByte().Store(block + Vector128<byte>.Count);
            Vector128<byte>.Zero.Store(block + 2 * Vector128<byte>.Count);
        }

        Vector128.Create(0, 0, 0, lengthBits).AsByte().Store(block + 3 * Vector128<byte>.Count);
        *(ShaState*)state = _outer;
        TSha.Transform(state, block);
    }

    /// <summary>Four words of the state as the digest has them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static unsafe Vector128<byte> BigEndian(uint* words)
    {
        Vector128<byte> bytes = Vector128.Load((byte*)words);
        Vector128<byte> order = Vector128.Create((byte)3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);

        // The native binary must run where there is no SSSE3: without this question its Shuffle is a loop over bytes everywhere.
        return Ssse3.IsSupported ? Ssse3.Shuffle(bytes, order) : Vector128.Shuffle(bytes, order);
    }

    private static unsafe void CompressKey(Span<byte> keyBlock, byte pad, Span<uint> result)
    {
        // Applied in turn, ipad and then (ipad xor opad) leave the key under opad.
        for (int position = 0; position < BlockLength; position++)
        {
            keyBlock[position] ^= pad;
        }

        uint* state = stackalloc uint[OpenSsl.ShaContextWords];
        ReadOnlySpan<uint> initial = TSha.InitialState;
        initial.CopyTo(new Span<uint>(state, initial.Length));
        fixed (byte* block = keyBlock)
        {
            TSha.Transform(state, block);
        }

        new Span<uint>(state, initial.Length).CopyTo(result);
    }
}

/// <summary>The chaining state of SHA-256, or of SHA-1 in its first five words.</summary>
[InlineArray(8)]
internal struct ShaState
{
    private uint _word;
}
