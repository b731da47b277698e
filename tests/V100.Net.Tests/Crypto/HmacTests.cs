using System.Security.Cryptography;
using System.Text;
using V100.Net.Crypto;
using V100.Sfu.Tests.Rtp;
using Xunit.Abstractions;

namespace V100.Net.Tests.Crypto;

public class HmacTests(ITestOutputHelper output)
{
    private static byte[] Repeat(byte value, int count) => Enumerable.Repeat(value, count).ToArray();

    private static byte[] Ascii(string text) => Encoding.ASCII.GetBytes(text);

    public static TheoryData<byte[], byte[], string> Rfc2202() => new()
    {
        { Repeat(0x0b, 20), Ascii("Hi There"), "b617318655057264e28bc0b6fb378c8ef146be00" },
        { Ascii("Jefe"), Ascii("what do ya want for nothing?"), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79" },
        { Repeat(0xaa, 20), Repeat(0xdd, 50), "125d7342b9ac11cd91a39af48aa17b4f63f175d3" },
        { Convert.FromHexString("0102030405060708090a0b0c0d0e0f10111213141516171819"), Repeat(0xcd, 50), "4c9007f4026250c6bc8414f9bf50c86c2d7235da" },
        { Repeat(0x0c, 20), Ascii("Test With Truncation"), "4c1a03424b55e07fe7f27be1d58bb9324a9a5a04" },
        { Repeat(0xaa, 80), Ascii("Test Using Larger Than Block-Size Key - Hash Key First"), "aa4ae5e15272d00e95705637ce8a3b55ed402112" },
        {
            Repeat(0xaa, 80), Ascii("Test Using Larger Than Block-Size Key and Larger Than One Block-Size Data"),
            "e8e99d0f45237d786d6bbaa7965c7808bbff1a91"
        },
    };

    public static TheoryData<byte[], byte[], string> Rfc4231() => new()
    {
        { Repeat(0x0b, 20), Ascii("Hi There"), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
        { Ascii("Jefe"), Ascii("what do ya want for nothing?"), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
        { Repeat(0xaa, 20), Repeat(0xdd, 50), "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe" },
        {
            Convert.FromHexString("0102030405060708090a0b0c0d0e0f10111213141516171819"), Repeat(0xcd, 50),
            "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"
        },
        {
            Repeat(0xaa, 131), Ascii("Test Using Larger Than Block-Size Key - Hash Key First"),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        },
        {
            Repeat(0xaa, 131),
            Ascii("This is a test using a larger than block-size key and a larger than block-size data. "
                + "The key needs to be hashed before being used by the HMAC algorithm."),
            "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"
        },
    };

    [Theory]
    [MemberData(nameof(Rfc2202))]
    public void Sha1_gives_the_vectors_of_rfc_2202_however_the_message_is_cut(byte[] key, byte[] message, string expected)
    {
        var hmac = new HmacSha1Key(key);
        Span<byte> mac = stackalloc byte[HmacSha1Key.MacLength];
        for (int cut = 0; cut <= message.Length; cut++)
        {
            hmac.Compute(message.AsSpan(0, cut), message.AsSpan(cut), mac);
            Assert.Equal(expected, Convert.ToHexStringLower(mac));
        }
    }

    [Theory]
    [MemberData(nameof(Rfc4231))]
    public void Sha256_gives_the_vectors_of_rfc_4231_however_the_message_is_cut(byte[] key, byte[] message, string expected)
    {
        var hmac = new HmacSha256Key(key);
        Span<byte> mac = stackalloc byte[HmacSha256Key.MacLength];
        for (int cut = 0; cut <= message.Length; cut++)
        {
            hmac.Compute(message.AsSpan(0, cut), message.AsSpan(cut), mac);
            Assert.Equal(expected, Convert.ToHexStringLower(mac));
        }
    }

    [Fact]
    public void All_lengths_around_the_blocks_agree_with_the_platform_and_the_fallback()
    {
        Random random = Seeds.NewRandom(output);
        byte[] message = new byte[300];
        random.NextBytes(message);
        foreach (int keyLength in new[] { 0, 1, 20, 63, 64, 65, 200 })
        {
            byte[] key = new byte[keyLength];
            random.NextBytes(key);
            var sha1 = new HmacSha1Key(key);
            var sha256 = new HmacSha256Key(key);
            var fallback = new HmacFallback(HashAlgorithmName.SHA256, key);
            for (int length = 0; length <= message.Length; length++)
            {
                ReadOnlySpan<byte> bytes = message.AsSpan(0, length);
                int cut = random.Next(length + 1);
                byte[] mac1 = new byte[20];
                byte[] mac256 = new byte[32];
                byte[] slow256 = new byte[32];
                sha1.Compute(bytes[..cut], bytes[cut..], mac1);
                sha256.Compute(bytes[..cut], bytes[cut..], mac256);
                fallback.Compute(bytes[..cut], bytes[cut..], slow256);
                Assert.Equal(HMACSHA1.HashData(key, bytes), mac1);
                Assert.Equal(HMACSHA256.HashData(key, bytes), mac256);
                Assert.Equal(mac256, slow256);
            }
        }
    }

    [Fact]
    public void Computing_allocates_nothing()
    {
        var sha1 = new HmacSha1Key([1, 2, 3]);
        var sha256 = new HmacSha256Key([1, 2, 3]);
        byte[] message = new byte[148];
        byte[] mac = new byte[32];
        sha1.Compute(message, default, mac);
        sha256.Compute(message, default, mac);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int turn = 0; turn < 1000; turn++)
        {
            sha1.Compute(message, default, mac);
            sha256.Compute(message, default, mac);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }
}
