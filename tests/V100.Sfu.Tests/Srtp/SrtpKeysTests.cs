using V100.Net.Crypto;
using V100.Sfu.Srtp;

namespace V100.Sfu.Tests.Srtp;

public class SrtpKeysTests
{
    /// <summary>RFC 3711 appendix B.3.</summary>
    [Fact]
    public void The_key_derivation_gives_the_vectors_of_rfc_3711()
    {
        var keys = SrtpKeys.ForRtp(
            SrtpProfile.Aes128CmSha1_80,
            Convert.FromHexString("E1F97A0D3E018BE0D64FA32C06DE4139"),
            Convert.FromHexString("0EC675AD498AFEEBB6960B3AABE6"));
        Assert.Equal("C61E7A93744F39EE10734AFE3FF7A087", Convert.ToHexString(keys.Encryption));
        Assert.Equal("30CBBC08863D8C85D49DB34A9AE1", Convert.ToHexString(keys.Salt));
        Assert.Equal("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4", Convert.ToHexString(keys.Authentication));
    }

    [Theory]
    [InlineData(SrtpProfile.AeadAes128Gcm)]
    [InlineData(SrtpProfile.AeadAes256Gcm)]
    [InlineData(SrtpProfile.Aes128CmSha1_80)]
    public void Rtp_and_rtcp_get_different_keys_of_the_profiles_sizes(SrtpProfile profile)
    {
        byte[] masterKey = new byte[profile.KeyLength()];
        byte[] masterSalt = new byte[profile.SaltLength()];
        var rtp = SrtpKeys.ForRtp(profile, masterKey, masterSalt);
        var rtcp = SrtpKeys.ForRtcp(profile, masterKey, masterSalt);
        Assert.Equal(profile.KeyLength(), rtp.Encryption.Length);
        Assert.Equal(profile.SaltLength(), rtcp.Salt.Length);
        Assert.Equal(profile.IsAead() ? 0 : 20, rtp.Authentication.Length);
        Assert.NotEqual(rtp.Encryption, rtcp.Encryption);
        Assert.NotEqual(rtp.Salt, rtcp.Salt);
        Assert.NotEqual(rtp.Salt, rtp.Encryption[..rtp.Salt.Length]);
    }

    [Fact]
    public void Another_length_of_key_or_salt_is_a_mistake_of_the_caller()
    {
        Assert.Throws<ArgumentException>(() => new SrtpSender(SrtpProfile.AeadAes128Gcm, new byte[16], new byte[14]));
        Assert.Throws<ArgumentException>(() => new SrtpReceiver(SrtpProfile.AeadAes256Gcm, new byte[16], new byte[12]));
    }
}
