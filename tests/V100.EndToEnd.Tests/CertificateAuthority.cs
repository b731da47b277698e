using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace V100.EndToEnd.Tests;

/// <summary>A certificate authority of one test, and a server certificate under it, as PEM files in a folder that ends with the test.</summary>
internal sealed class CertificateAuthority : IDisposable
{
    public const string HostName = "turn.test";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("v100-ca-");

    public CertificateAuthority()
    {
        DateTimeOffset now = DateTimeOffset.UtcNow;
        using ECDsa authorityKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest authorityRequest = new("CN=V100 test authority", authorityKey, HashAlgorithmName.SHA256);
        authorityRequest.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        authorityRequest.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        using X509Certificate2 authority = authorityRequest.CreateSelfSigned(now.AddDays(-1), now.AddDays(7));
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new($"CN={HostName}", key, HashAlgorithmName.SHA256);
        SubjectAlternativeNameBuilder names = new();
        names.AddDnsName(HostName);
        names.AddIpAddress(IPAddress.Loopback);
        names.AddIpAddress(IPAddress.IPv6Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1")], false));
        using X509Certificate2 leaf = request.Create(authority, now.AddDays(-1), now.AddDays(6), RandomNumberGenerator.GetBytes(8));
        File.WriteAllText(AuthorityPath, authority.ExportCertificatePem());
        File.WriteAllText(CertificatePath, leaf.ExportCertificatePem());
        File.WriteAllText(KeyPath, key.ExportPkcs8PrivateKeyPem());
    }

    public string AuthorityPath => Path.Combine(_folder.FullName, "ca.pem");

    public string CertificatePath => Path.Combine(_folder.FullName, "cert.pem");

    public string KeyPath => Path.Combine(_folder.FullName, "key.pem");

    public string[] ServerArguments => [$"--V100:Tls:CertificatePath={CertificatePath}", $"--V100:Tls:KeyPath={KeyPath}", $"--V100:Tls:HostName={HostName}"];

    public void Dispose() => _folder.Delete(recursive: true);
}
