using System.Security.Cryptography;
using V100.Net.Crypto;
using V100.Net.Native;
using V100.Sfu.Tests.Rtp;
using Xunit.Abstractions;

namespace V100.Net.Tests.Crypto;

public class AesGcmCipherTests(ITestOutputHelper output)
{
    private static byte[] Bytes(Random random, int length)
    {
        byte[] bytes = new byte[length];
        random.NextBytes(bytes);
        return bytes;
    }

    /// <summary>What this machine can run, each against the reference of the platform.</summary>
    private static IEnumerable<AesGcmCipher> Implementations(byte[] key)
    {
        if (AesGcmX86.IsSupported)
        {
            yield return new AesGcmX86(key);
        }

        yield return new AesGcmOpenSsl(key);
        yield return new AesGcmFallback(key);
    }

    [Theory]
    [InlineData("00000000000000000000000000000000", "000000000000000000000000", "", "", "58e2fccefa7e3061367f1d57a4e7455a")]
    [InlineData(
        "00000000000000000000000000000000", "000000000000000000000000", "", "00000000000000000000000000000000",
        "0388dace60b6a392f328c2b971b2fe78ab6e47d42cec13bdf53a67b21257bddf")]
    [InlineData(
        "feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2",
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
        "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091"
        + "5bc94fbc3221a5db94fae95ae7121a47")]
    [InlineData(
        "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
        "feedfacedeadbeeffeedfacedeadbeefabaddad2",
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
        + "76fc6ece0f4e1768cddf8853bb2d551b")]
    public void Every_implementation_gives_the_vectors_of_the_specification(
        string key, string nonce, string associatedData, string plaintext, string expected)
    {
        foreach (AesGcmCipher cipher in Implementations(Convert.FromHexString(key)))
        {
            byte[] clear = Convert.FromHexString(plaintext);
            byte[] output = new byte[clear.Length + 16];
            cipher.Encrypt(Convert.FromHexString(nonce), Convert.FromHexString(associatedData), clear, output);
            Assert.Equal(expected, Convert.ToHexStringLower(output));
            cipher.Dispose();
        }
    }

    [Fact]
    public void All_implementations_agree_at_every_length_and_restore_the_plaintext()
    {
        Random random = Seeds.NewRandom(output);
        foreach (int keyLength in new[] { 16, 32 })
        {
            byte[] key = Bytes(random, keyLength);
            using var reference = new AesGcm(key, 16);
            List<AesGcmCipher> ciphers = [.. Implementations(key)];
            for (int length = 0; length <= 2000; length++)
            {
                byte[] nonce = Bytes(random, 12);
                byte[] header = Bytes(random, random.Next(4) == 0 ? random.Next(300) : 12 + random.Next(40));
                byte[] plaintext = Bytes(random, length);
                byte[] expected = new byte[length + 16];
                reference.Encrypt(nonce, plaintext, expected.AsSpan(0, length), expected.AsSpan(length), header);
                foreach (AesGcmCipher cipher in ciphers)
                {
                    byte[] output = new byte[length + 20];
                    cipher.Encrypt(nonce, header, plaintext, output);
                    string where = $"{cipher.GetType().Name}, key {keyLength}, length {length}, header {header.Length}";
                    Assert.True(expected.AsSpan().SequenceEqual(output.AsSpan(0, length + 16)), where);
                    Assert.True(output.AsSpan(length + 16).SequenceEqual(new byte[4]), $"{where}: wrote behind the tag");
                    byte[] restored = new byte[length];
                    Assert.True(cipher.TryDecrypt(nonce, header, expected, restored), where);
                    Assert.True(plaintext.AsSpan().SequenceEqual(restored), where);
                }
            }
        }
    }

    [Fact]
    public void In_place_works_both_ways()
    {
        Random random = Seeds.NewRandom(output);
        byte[] key = Bytes(random, 16);
        byte[] nonce = Bytes(random, 12);
        foreach (AesGcmCipher cipher in Implementations(key))
        {
            for (int length = 0; length < 300; length++)
            {
                byte[] plaintext = Bytes(random, length);
                byte[] buffer = [.. plaintext, .. new byte[16]];
                cipher.Encrypt(nonce, default, buffer.AsSpan(0, length), buffer);
                Assert.True(cipher.TryDecrypt(nonce, default, buffer, buffer.AsSpan(0, length)));
                Assert.Equal(plaintext, buffer[..length]);
            }
        }
    }

    [Fact]
    public void Any_changed_bit_is_refused_and_leaves_no_plaintext()
    {
        Random random = Seeds.NewRandom(output);
        byte[] key = Bytes(random, 16);
        byte[] nonce = Bytes(random, 12);
        byte[] header = Bytes(random, 12);
        foreach (AesGcmCipher cipher in Implementations(key))
        {
            foreach (int length in new[] { 0, 1, 16, 33, 150, 300 })
            {
                byte[] sealedBytes = new byte[length + 16];
                cipher.Encrypt(nonce, header, Bytes(random, length), sealedBytes);
                byte[] restored = new byte[length];
                for (int bit = 0; bit < sealedBytes.Length * 8; bit++)
                {
                    sealedBytes[bit / 8] ^= (byte)(1 << bit % 8);
                    Assert.False(cipher.TryDecrypt(nonce, header, sealedBytes, restored));
                    Assert.All(restored, value => Assert.Equal(0, value));
                    sealedBytes[bit / 8] ^= (byte)(1 << bit % 8);
                }

                header[3] ^= 1;
                Assert.False(cipher.TryDecrypt(nonce, header, sealedBytes, restored));
                header[3] ^= 1;
                Assert.True(cipher.TryDecrypt(nonce, header, sealedBytes, restored));
                Assert.False(cipher.TryDecrypt(nonce, header, sealedBytes.AsSpan(0, Math.Min(15, sealedBytes.Length)), restored));
            }
        }
    }

    [Fact]
    public void OpenSSL_can_be_preferred_to_the_processor()
    {
        if (!OpenSsl.CryptoAvailable)
        {
            return; // There is nothing to prefer.
        }

        using AesGcmCipher gcm = AesGcmCipher.Create(new byte[16], CipherBackend.OpenSsl);
        Assert.IsType<AesGcmOpenSsl>(gcm);
        using AesCounterCipher counter = AesCounterCipher.Create(new byte[16], CipherBackend.OpenSsl);
        Assert.IsType<AesCounterOpenSsl>(counter);
    }

    [Fact]
    public void Neither_direction_allocates()
    {
        using AesGcmCipher cipher = AesGcmCipher.Create(new byte[16]);
        byte[] buffer = new byte[1216];
        byte[] nonce = new byte[12];
        cipher.Encrypt(nonce, default, buffer.AsSpan(0, 1200), buffer);
        bool all = cipher.TryDecrypt(nonce, default, buffer, buffer.AsSpan(0, 1200));
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int turn = 0; turn < 1000; turn++)
        {
            cipher.Encrypt(nonce, default, buffer.AsSpan(0, 1200), buffer);
            all &= cipher.TryDecrypt(nonce, default, buffer, buffer.AsSpan(0, 1200));
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.True(all);
    }
}
