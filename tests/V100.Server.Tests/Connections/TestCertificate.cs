using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace V100.Server.Tests.Connections;

/// <summary>A certificate of its own with its key, in files.</summary>
internal sealed class TestCertificate : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("v100-tls-").FullName;

    public TestCertificate()
    {
        Write("localhost");
    }

    /// <summary>The configuration that names it.</summary>
    public string[] Arguments => [$"--V100:Tls:CertificatePath={CertificatePath}", $"--V100:Tls:KeyPath={KeyPath}"];

    private string CertificatePath => Path.Combine(_folder, "cert.pem");

    private string KeyPath => Path.Combine(_folder, "key.pem");

    /// <summary>Another one in its place.</summary>
    public void Write(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new($"CN={name}", key, HashAlgorithmName.SHA256);
        using X509Certificate2 certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        File.WriteAllText(CertificatePath, certificate.ExportCertificatePem());
        File.WriteAllText(KeyPath, key.ExportPkcs8PrivateKeyPem());
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
