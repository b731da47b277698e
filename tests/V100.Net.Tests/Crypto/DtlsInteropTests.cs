using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using V100.Net.Crypto;

namespace V100.Net.Tests.Crypto;

/// <summary>The other end is the <c>openssl</c> command, over loopback: it prints the keys that it exports.</summary>
public sealed class DtlsInteropTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly string _folder = Directory.CreateTempSubdirectory("v100-dtls").FullName;
    private readonly UdpClient _socket = new(new IPEndPoint(IPAddress.Loopback, 0));
    private readonly DtlsContext _context = new(DtlsCertificate.Create());
    private readonly Stopwatch _clock = Stopwatch.StartNew();

    private Instant Now => new(1 + _clock.Elapsed.Ticks * 100);

    public void Dispose()
    {
        _socket.Dispose();
        _context.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [InlineData("SRTP_AEAD_AES_128_GCM", SrtpProfile.AeadAes128Gcm, 16, 12)]
    [InlineData("SRTP_AES128_CM_SHA1_80", SrtpProfile.Aes128CmSha1_80, 16, 14)]
    [InlineData("SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_256_GCM", SrtpProfile.AeadAes256Gcm, 32, 12)]
    public void The_server_agrees_with_s_client(string offered, SrtpProfile expected, int keyLength, int saltLength)
    {
        byte[] fingerprint = MakeCertificate();
        int port = ((IPEndPoint)_socket.Client.LocalEndPoint!).Port;
        using Process client = Run(
            $"s_client -dtls1_2 -connect 127.0.0.1:{port} -cert cert.pem -key key.pem -use_srtp {offered} "
            + $"-keymatexport EXTRACTOR-dtls_srtp -keymatexportlen {2 * (keyLength + saltLength)}");
        using var session = new DtlsSession(_context, DtlsRole.Server, fingerprint);
        Establish(session, peer: null);
        Assert.Equal(expected, session.SrtpProfile);
        AssertKeys(client, session, keyLength, saltLength);
        client.StandardInput.Close();
        client.WaitForExit(Patience);
    }

    [Theory]
    [InlineData("ECDHE-RSA-AES128-GCM-SHA256")]
    [InlineData("ECDHE-RSA-AES256-GCM-SHA384")]
    public void The_client_agrees_with_s_server(string suite)
    {
        byte[] fingerprint = MakeCertificate();
        // A port that nobody else gets while the socket that found it stays bound to another address.
        using var finder = new UdpClient(new IPEndPoint(IPAddress.Parse("127.0.0.2"), 0));
        int port = ((IPEndPoint)finder.Client.LocalEndPoint!).Port;
        using Process server = Run(
            $"s_server -dtls1_2 -accept 127.0.0.1:{port} -cert cert.pem -key key.pem -Verify 1 -verify_quiet "
            + $"-cipher {suite} -use_srtp SRTP_AEAD_AES_128_GCM -naccept 1 -keymatexport EXTRACTOR-dtls_srtp -keymatexportlen 56");
        using var session = new DtlsSession(_context, DtlsRole.Client, fingerprint);
        // Nobody says when it listens: until then the first flight is lost, and sent again.
        Establish(session, new IPEndPoint(IPAddress.Loopback, port));
        Assert.Equal(SrtpProfile.AeadAes128Gcm, session.SrtpProfile);
        AssertKeys(server, session, 16, 12);
        session.ReleaseHandshake();
        Assert.False(session.TryExportSrtpKeys(new byte[16], new byte[12], new byte[16], new byte[12]), "OpenSSL stays");
        server.StandardInput.Close();
        session.Close();
        Send(session, new IPEndPoint(IPAddress.Loopback, port));
        if (!server.WaitForExit(TimeSpan.FromSeconds(5)))
        {
            server.Kill();
        }
    }

    /// <summary>With ChaCha20, OpenSSL stays with the session.</summary>
    [Theory]
    [InlineData("ECDHE-ECDSA-AES128-GCM-SHA256")]
    [InlineData("ECDHE-ECDSA-AES256-GCM-SHA384")]
    [InlineData("ECDHE-ECDSA-CHACHA20-POLY1305")]
    public void The_goodbye_of_s_client_ends_a_session_that_gave_its_handshake_back(string suite)
    {
        byte[] fingerprint = MakeCertificate();
        int port = ((IPEndPoint)_socket.Client.LocalEndPoint!).Port;
        using Process client = Run($"s_client -dtls1_2 -connect 127.0.0.1:{port} -cert cert.pem -key key.pem -use_srtp SRTP_AEAD_AES_128_GCM -cipher {suite}");
        using var session = new DtlsSession(_context, DtlsRole.Server, fingerprint);
        Establish(session, peer: null);
        session.ReleaseHandshake();
        client.StandardInput.Close();
        AssertCloses(session);
        Assert.True(client.WaitForExit(Patience));
    }

    private void AssertCloses(DtlsSession session)
    {
        Assert.Equal(DtlsState.Established, session.State);
        while (session.State == DtlsState.Established && _socket.Client.Poll(Patience, SelectMode.SelectRead))
        {
            IPEndPoint? from = null;
            session.HandleDatagram(_socket.Receive(ref from), Now);
        }

        Assert.True(session.State == DtlsState.Closed, $"{session.State}: {session.FailureReason}");
        Assert.True(session.TryPollDatagram(out _), "a goodbye is answered with one");
    }

    private void Establish(DtlsSession session, IPEndPoint? peer)
    {
        session.Start(Now);
        Instant end = Now + Patience;
        while (session.State == DtlsState.Handshaking && Now < end)
        {
            Send(session, peer);
            TimeSpan wait = Instant.Earlier(session.NextDeadline, end) - Now;
            if (_socket.Client.Poll(wait > TimeSpan.Zero ? wait : TimeSpan.Zero, SelectMode.SelectRead))
            {
                try
                {
                    IPEndPoint? from = null;
                    byte[] datagram = _socket.Receive(ref from);
                    peer = from;
                    session.HandleDatagram(datagram, Now);
                }
                catch (SocketException)
                {
                    // The peer's port is not open yet.
                }
            }
            else
            {
                session.HandleDeadline(Now);
            }
        }

        Send(session, peer);
        Assert.True(session.State == DtlsState.Established, $"{session.State}: {session.FailureReason}");
    }

    private void Send(DtlsSession session, IPEndPoint? peer)
    {
        while (peer is not null && session.TryPollDatagram(out ReadOnlySpan<byte> datagram))
        {
            _socket.Send(datagram, peer);
        }
    }

    private static void AssertKeys(Process process, DtlsSession session, int keyLength, int saltLength)
    {
        const string Mark = "Keying material: ";
        string? line;
        do
        {
            line = process.StandardOutput.ReadLine()?.Trim();
        }
        while (line is not null && !line.StartsWith(Mark, StringComparison.Ordinal));

        byte[] clientKey = new byte[keyLength];
        byte[] clientSalt = new byte[saltLength];
        byte[] serverKey = new byte[keyLength];
        byte[] serverSalt = new byte[saltLength];
        Assert.True(session.TryExportSrtpKeys(clientKey, clientSalt, serverKey, serverSalt));
        Assert.Equal(Mark + Convert.ToHexString([.. clientKey, .. serverKey, .. clientSalt, .. serverSalt]), line);
    }

    private byte[] MakeCertificate()
    {
        using Process request = Run("req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -subj /CN=peer -days 1");
        request.StandardInput.Close();
        Assert.True(request.WaitForExit(Patience));
        string pem = File.ReadAllText(Path.Combine(_folder, "cert.pem"));
        using var certificate = System.Security.Cryptography.X509Certificates.X509Certificate2.CreateFromPem(pem);
        return certificate.GetCertHash(System.Security.Cryptography.HashAlgorithmName.SHA256);
    }

    private Process Run(string arguments)
    {
        Process process = Process.Start(new ProcessStartInfo("openssl", arguments)
        {
            WorkingDirectory = _folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        // Read, or a full pipe stops it.
        process.ErrorDataReceived += (_, _) => { };
        process.BeginErrorReadLine();
        return process;
    }
}
