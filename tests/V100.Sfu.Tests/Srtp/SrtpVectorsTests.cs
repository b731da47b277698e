using System.Buffers.Binary;
using V100.Net.Crypto;
using V100.Sfu.Srtp;

namespace V100.Sfu.Tests.Srtp;

/// <summary>Whole packets whose protected form others published.</summary>
public class SrtpVectorsTests
{
    private const string Key128 = "000102030405060708090a0b0c0d0e0f";
    private const string Key256 = Key128 + "101112131415161718191a1b1c1d1e1f";
    private const string Salt = "517569642070726f2071756f";
    private const string Rtp =
        "8040f17b8041f8d35501a0b247616c6c696120657374206f6d6e69732064697669736120696e207061727465732074726573";
    private const string Rtcp =
        "81c8000d4d6172734e5450314e545032525450200000042a0000e9304c756e61deadbeefdeadbeefdeadbeefdeadbeefdeadbeef";

    private static SrtpAeadTransform FromSessionKeys(string key)
    {
        var keys = new SrtpKeys(Convert.FromHexString(key), [], Convert.FromHexString(Salt));
        return new SrtpAeadTransform(keys, keys);
    }

    /// <summary>RFC 7714 sections 16.1.1, 16.1.2, 16.2.1 and 16.2.2.</summary>
    [Theory]
    [InlineData(
        Key128,
        "8040f17b8041f8d35501a0b2f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833899d7f27beb16a9152cf765ee4390cce")]
    [InlineData(
        Key256,
        "8040f17b8041f8d35501a0b232b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ffae0f1ba63799b87b7aa3db36dfffd6b0f9bb7878d7a76c13")]
    public void Srtp_under_gcm_is_what_rfc_7714_section_16_says(string key, string expected)
    {
        using var sender = new SrtpSender(FromSessionKeys(key));
        using var receiver = new SrtpReceiver(FromSessionKeys(key));
        AssertRtp(sender, receiver, Rtp, expected);
    }

    /// <summary>RFC 7714 sections 17.1 and 17.2.</summary>
    [Theory]
    [InlineData(
        Key128,
        "81c8000d4d61727363e94885dcdab67ca727d7662f6b7e997ff5c0f76c06f32dc676a5f1730d6fda4ce09b4686303ded0bb9275bc84aa45896cf4d2fc5abf87245d9eade800005d4")]
    [InlineData(
        Key256,
        "81c8000d4d617273d50ae4d1f5ce5d304ba297e47d470c282c3ece5dbffe0a50a2eaa5c1110555be8415f658c61de0476f1b6fad1d1eb30c4446839f57ff6f6cb26ac3be800005d4")]
    public void Srtcp_under_gcm_is_what_rfc_7714_section_17_says(string key, string expected)
    {
        using var sender = new SrtpSender(FromSessionKeys(key)) { NextRtcpIndex = 0x5d4 };
        using var receiver = new SrtpReceiver(FromSessionKeys(key));
        AssertRtcp(sender, receiver, Rtcp, expected);
    }

    /// <summary>RFC 7714 section 17.3: authentic, but not encrypted.</summary>
    [Fact]
    public void Srtcp_that_is_only_tagged_is_refused()
    {
        using var receiver = new SrtpReceiver(FromSessionKeys(Key128));
        byte[] tagged = Convert.FromHexString(Rtcp + "841dd9683dd78ec92ae58790125f62b3000005d4");
        Assert.Equal(SrtpResult.NotEncrypted, receiver.UnprotectRtcp(tagged, new byte[200], out _));
    }

    /// <summary>The packets of libsrtp's self-test, which begin at the master key.</summary>
    [Theory]
    [InlineData(
        SrtpProfile.Aes128CmSha1_80, "e1f97a0d3e018be0d64fa32c06de4139", "0ec675ad498afeebb6960b3aabe6",
        "800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb",
        "81c8000bcafebabe7128035be487b9bdbef89041f977a5a880000001993e08cd54d6c1230798")]
    [InlineData(
        SrtpProfile.AeadAes128Gcm, Key128, "a0a1a2a3a4a5a6a7a8a9aaab",
        "800f1234decafbadcafebabec5002ede04cfdd2eb91159e0880aa06ed2976826f796b201df3131a127e8a392",
        "81c8000bcafebabec98b8b5df0392a55852b6c21ac8e7025c52c6fbea2b3b446ea31123ba88ce61e80000001")]
    public void Packets_from_the_master_key_on_are_those_of_libsrtp(
        SrtpProfile profile, string key, string salt, string expectedRtp, string expectedRtcp)
    {
        byte[] masterKey = Convert.FromHexString(key);
        byte[] masterSalt = Convert.FromHexString(salt);
        using var sender = new SrtpSender(profile, masterKey, masterSalt) { NextRtcpIndex = 1 };
        using var receiver = new SrtpReceiver(profile, masterKey, masterSalt);
        AssertRtp(sender, receiver, "800f1234decafbadcafebabeabababababababababababababababab", expectedRtp);
        AssertRtcp(sender, receiver, "81c8000bcafebabeabababababababababababababababab", expectedRtcp);
    }

    private static void AssertRtp(SrtpSender sender, SrtpReceiver receiver, string plain, string expected)
    {
        byte[] packet = Convert.FromHexString(plain);
        ushort sequenceNumber = BinaryPrimitives.ReadUInt16BigEndian(packet.AsSpan(2));
        uint ssrc = BinaryPrimitives.ReadUInt32BigEndian(packet.AsSpan(8));

        // From elsewhere, and in place.
        byte[] apart = new byte[200];
        packet.AsSpan(0, 12).CopyTo(apart);
        int length = sender.ProtectRtp(apart, 12, packet.AsSpan(12), sequenceNumber);
        Assert.Equal(expected, Convert.ToHexStringLower(apart.AsSpan(0, length)));
        byte[] inPlace = [.. packet, .. new byte[SrtpSender.MaxOverhead]];
        length = sender.ProtectRtp(inPlace, 12, inPlace.AsSpan(12, packet.Length - 12), sequenceNumber);
        Assert.Equal(expected, Convert.ToHexStringLower(inPlace.AsSpan(0, length)));

        byte[] restored = new byte[200];
        Assert.Equal(
            SrtpResult.Ok,
            receiver.UnprotectRtp(Convert.FromHexString(expected), 12, ssrc, sequenceNumber, restored, out length, out long index));
        Assert.Equal(plain, Convert.ToHexStringLower(restored.AsSpan(0, length)));
        Assert.Equal(sequenceNumber, index);
    }

    private static void AssertRtcp(SrtpSender sender, SrtpReceiver receiver, string plain, string expected)
    {
        byte[] packet = Convert.FromHexString(plain);
        byte[] buffer = [.. packet, .. new byte[SrtpSender.MaxOverhead]];
        int length = sender.ProtectRtcp(buffer, packet.Length);
        Assert.Equal(expected, Convert.ToHexStringLower(buffer.AsSpan(0, length)));
        byte[] restored = new byte[200];
        Assert.Equal(SrtpResult.Ok, receiver.UnprotectRtcp(Convert.FromHexString(expected), restored, out length));
        Assert.Equal(plain, Convert.ToHexStringLower(restored.AsSpan(0, length)));
    }
}
