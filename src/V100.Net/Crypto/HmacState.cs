using System.Buffers.Binary;
using System.Runtime.CompilerServices;
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
        int words = TSha.DigestLength / sizeof(uint);

        ((ReadOnlySpan<uint>)_inner)[..words].CopyTo(new Span<uint>(state, words));
        int filled = Absorb(state, block, 0, first);
        filled = Absorb(state, block, filled, second);
        Finish(state, block, filled, BlockLength + (long)first.Length + second.Length);

        // RFC 2104 section 2: the outer hash takes the inner digest.
        WriteState(state, new Span<byte>(block, TSha.DigestLength));
        ((ReadOnlySpan<uint>)_outer)[..words].CopyTo(new Span<uint>(state, words));
        Finish(state, block, TSha.DigestLength, BlockLength + TSha.DigestLength);
        WriteState(state, mac[..TSha.DigestLength]);
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
    private static unsafe void Finish(uint* state, byte* block, int filled, long hashedLength)
    {
        var bytes = new Span<byte>(block, BlockLength);
        bytes[filled++] = 0x80;
        if (filled > BlockLength - LengthFieldLength)
        {
            bytes[filled..].Clear();
            TSha.Transform(state, block);
            filled = 0;
        }

        bytes[filled..(BlockLength - LengthFieldLength)].Clear();
        BinaryPrimitives.WriteInt64BigEndian(bytes[(BlockLength - LengthFieldLength)..], hashedLength * 8);
        TSha.Transform(state, block);
    }

    private static unsafe void WriteState(uint* state, Span<byte> digest)
    {
        for (int word = 0; word < digest.Length / sizeof(uint); word++)
        {
            BinaryPrimitives.WriteUInt32BigEndian(digest[(word * sizeof(uint))..], state[word]);
        }
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
