using System.Net;
using System.Net.Sockets;
using V100.Server.Configuration;
using V100.Server.Media;
using V100.Server.Tests.Connections;

namespace V100.Server.Tests.Media;

public sealed class MediaPlaneTests
{
    private static readonly IPAddress[] Addresses = [IPAddress.Loopback, IPAddress.Parse("127.0.0.2")];

    [Theory]
    [InlineData("Tls:Port")]
    [InlineData("Stun:DiscoveryPort")]
    public void A_start_that_finds_a_port_taken_leaves_no_socket_behind(string key)
    {
        using TestCertificate files = new();
        using Socket taken = Bind(0);
        int port;
        using (Socket free = Bind(0))
        {
            port = Port(free);
        }

        (_, ServerOptions options) = RunningServer.Configure(
            [.. files.Arguments, "--V100:PublicAddresses:0=127.0.0.1", "--V100:PublicAddresses:1=127.0.0.2", $"--V100:Udp:Port={port}", $"--V100:{key}={Port(taken)}"]);
        TlsCertificate? certificate = TlsCertificate.From(options);
        Assert.Throws<IOException>(() => new MediaPlane(options, Addresses, certificate));
        // It fails as long as any other socket has the port.
        using Socket again = Bind(port);
    }

    [Fact]
    public async Task DTLS_shows_the_certificate_that_was_loaded_and_not_what_the_files_hold_by_then()
    {
        using TestCertificate files = new();
        (_, ServerOptions options) = RunningServer.Configure([.. files.Arguments, "--V100:Udp:Port=0"]);
        TlsCertificate? certificate = TlsCertificate.From(options);
        File.WriteAllText(options.TlsCertificatePath!, "half of a renewal");
        File.Delete(options.TlsKeyPath!);
        await using MediaPlane plane = new(options, Addresses, certificate);
        Assert.NotEqual(0, plane.DtlsPort);
        plane.Reload(options);
        Assert.False(certificate!.TryReload(options, out string? error));
        Assert.NotNull(error);
    }

    private static Socket Bind(int port)
    {
        Socket socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
        return socket;
    }

    private static int Port(Socket socket) => ((IPEndPoint)socket.LocalEndPoint!).Port;
}
