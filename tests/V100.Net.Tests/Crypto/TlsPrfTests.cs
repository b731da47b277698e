using System.Security.Cryptography;
using V100.Net.Crypto;

namespace V100.Net.Tests.Crypto;

/// <summary>The vectors for TLS 1.2 that the working group's mailing list has (ietf-tls, message "Test vectors for P_hash of TLS 1.2").</summary>
public class TlsPrfTests
{
    [Fact]
    public void The_published_vector_for_SHA_256()
    {
        byte[] secret = Convert.FromHexString("9bbe436ba940f017b17652849a71db35");
        byte[] seed = [.. "test label"u8, .. Convert.FromHexString("a0ba9f936cda311827a6f796ffd5198c")];
        byte[] output = new byte[100];
        TlsPrf.Fill(HashAlgorithmName.SHA256, secret, seed, output);
        Assert.Equal(
            "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e14baf9af0fa022f7077def17abfd3797c0564bab"
            + "4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff70187347b66",
            Convert.ToHexStringLower(output));
    }

    [Fact]
    public void The_published_vector_for_SHA_384()
    {
        byte[] secret = Convert.FromHexString("b80b733d6ceefcdc71566ea48e5567df");
        byte[] seed = [.. "test label"u8, .. Convert.FromHexString("cd665cf6a8447dd6ff8b27555edb7465")];
        byte[] output = new byte[148];
        TlsPrf.Fill(HashAlgorithmName.SHA384, secret, seed, output);
        Assert.Equal(
            "7b0c18e9ced410ed1804f2cfa34a336a1c14dffb4900bb5fd7942107e81c83cde9ca0faa60be9fe34f82b1233c9146a0e534cb400fed2700884f9dc236f80edd"
            + "8bfa961144c9e8d792eca722a7b32fc3d416d473ebc2c5fd4abfdad05d9184259b5bf8cd4d90fa0d31e2dec479e4f1a26066f2eea9a69236a3e52655c9e9aee6"
            + "91c8f3a26854308d5eaa3be85e0990703d73e56f",
            Convert.ToHexStringLower(output));
    }
}
