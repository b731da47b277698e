using System.Security.Cryptography;
using V100.Net.Crypto;

namespace V100.Net.Tests.Crypto;

public class DtlsServerContextTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(29);

    public static TheoryData<string> Keys() => ["rsa2048", "rsa4096", "p256", "p384"];

    private static AsymmetricAlgorithm MakeKey(string name) => name switch
    {
        "rsa2048" => RSA.Create(2048),
        "rsa4096" => RSA.Create(4096),
        "p256" => ECDsa.Create(ECCurve.NamedCurves.nistP256),
        _ => ECDsa.Create(ECCurve.NamedCurves.nistP384),
    };

    [Theory]
    [MemberData(nameof(Keys))]
    public void A_server_with_each_kind_of_key_is_reached(string name)
    {
        using AsymmetricAlgorithm key = MakeKey(name);
        using DtlsServerContext context = DtlsServerPair.MakeContext(key);
        using var pair = new DtlsServerPair(context: context);
        pair.Start();
        pair.Run(Patience);
        Assert.True(pair.Established, $"{pair.Client.FailureReason}; {pair.Server?.FailureReason}");
    }

    [Fact]
    public void Keys_in_their_older_forms_are_read()
    {
        using var rsa = RSA.Create(2048);
        using var ecdsa = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        new DtlsServerContext(DtlsServerPair.MakePem(rsa).CertificatePem, rsa.ExportRSAPrivateKeyPem()).Dispose();
        new DtlsServerContext(DtlsServerPair.MakePem(ecdsa).CertificatePem, ecdsa.ExportECPrivateKeyPem()).Dispose();
    }

    [Fact]
    public void What_is_no_certificate_with_its_key_is_refused()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var otherKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        (string certificate, string keyPem) = DtlsServerPair.MakePem(key);
        AssertRefused("", keyPem);
        AssertRefused(certificate, "");
        AssertRefused("no PEM", keyPem);
        AssertRefused(certificate, DtlsServerPair.MakePem(otherKey).KeyPem);
        using var rsa = RSA.Create(2048);
        AssertRefused(certificate, rsa.ExportPkcs8PrivateKeyPem());
        AssertRefused(certificate, key.ExportEncryptedPkcs8PrivateKeyPem("secret", new PbeParameters(PbeEncryptionAlgorithm.Aes128Cbc, HashAlgorithmName.SHA256, 1000)));

        // OpenSSL's own word, at every security level above 0.
        using var shortKey = RSA.Create(512);
        (certificate, keyPem) = DtlsServerPair.MakePem(shortKey);
        AssertRefused(certificate, keyPem);

        static void AssertRefused(string certificate, string key) =>
            Assert.ThrowsAny<CryptographicException>(() => new DtlsServerContext(certificate, key));
    }

    [Fact]
    public void A_session_outlives_its_context()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        DtlsServerContext context = DtlsServerPair.MakeContext(key);
        using var pair = new DtlsServerPair(context: context);
        pair.Start();
        pair.Run(Patience);
        context.Dispose();
        Assert.True(pair.Send(pair.Client, [1, 2]));
        pair.Run(TimeSpan.FromMilliseconds(20), untilEstablished: false);
        Assert.Single(pair.ReceivedByServer);
    }
}
