using V100.Net.Crypto;
using V100.Sfu.Tests.Rtp;
using Xunit.Abstractions;

namespace V100.Net.Tests.Crypto;

public class AesCounterCipherTests(ITestOutputHelper output)
{
    private static IEnumerable<AesCounterCipher> Implementations(byte[] key)
    {
        if (AesX86.IsSupported)
        {
            yield return new AesCounterX86(key);
        }

        yield return new AesCounterOpenSsl(key);
        yield return new AesCounterFallback(key);
    }

    /// <summary>NIST SP 800-38A, F.5.1 and F.5.5.</summary>
    [Theory]
    [InlineData(
        "2b7e151628aed2a6abf7158809cf4f3c",
        "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff5ae4df3edbd5d35e5b4f09020db03eab1e031dda2fbe03d1792170a0f3009cee")]
    [InlineData(
        "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
        "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c52b0930daa23de94ce87017ba2d84988ddfc9c58db67aada613c2dd08457941a6")]
    public void Every_implementation_gives_the_vectors_of_the_specification(string key, string expected)
    {
        byte[] plaintext = Convert.FromHexString(
            "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710");
        foreach (AesCounterCipher cipher in Implementations(Convert.FromHexString(key)))
        {
            byte[] output = new byte[plaintext.Length];
            cipher.Transform(Convert.FromHexString("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"), plaintext, output);
            Assert.Equal(expected, Convert.ToHexStringLower(output));
        }
    }

    [Fact]
    public void All_agree_at_every_length_and_where_the_counter_carries()
    {
        Random random = Seeds.NewRandom(output);
        byte[] key = new byte[16];
        random.NextBytes(key);
        byte[][] counters =
        [
            Convert.FromHexString("00000000000000000000000000000000"),
            Convert.FromHexString("000102030405060708090a0b0c0dfffc"),
            Convert.FromHexString("0000000000000000fffffffffffffffe"),
            Convert.FromHexString("fffffffffffffffffffffffffffffffa"),
        ];
        List<AesCounterCipher> ciphers = [.. Implementations(key)];
        for (int length = 0; length <= 700; length++)
        {
            byte[] input = new byte[length];
            random.NextBytes(input);
            byte[] expected = new byte[length];
            byte[] counter = counters[length % counters.Length];
            ciphers[^1].Transform(counter, input, expected);
            foreach (AesCounterCipher cipher in ciphers)
            {
                byte[] output = [.. input, 0xee];
                cipher.Transform(counter, output.AsSpan(0, length), output);
                Assert.True(expected.AsSpan().SequenceEqual(output.AsSpan(0, length)), $"{cipher.GetType().Name}, length {length}");
                Assert.Equal(0xee, output[length]);
            }
        }
    }
}
