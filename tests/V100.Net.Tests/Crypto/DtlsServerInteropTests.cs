using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using V100.Net.Crypto;

namespace V100.Net.Tests.Crypto;

/// <summary>The client is the <c>openssl</c> command, over loopback: it checks the chain, and sends lines that the server sends back.</summary>
public sealed class DtlsServerInteropTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly string _folder = Directory.CreateTempSubdirectory("v100-dtls-server").FullName;
    private readonly UdpClient _socket = new(new IPEndPoint(IPAddress.Loopback, 0));
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly DtlsListener _listener = new(new SystemEntropy());
    private readonly List<string> _printed = [];
    private IPEndPoint? _peer;
    private DtlsServerSession? _session;

    private Instant Now => new(1 + _clock.Elapsed.Ticks * 100);

    public void Dispose()
    {
        _session?.Dispose();
        _socket.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [InlineData("rsa:2048", "", "")]
    [InlineData("rsa:2048", "-alpn stun.turn", "stun.turn")]
    [InlineData("rsa:2048", "-cipher DHE-RSA-AES128-GCM-SHA256", "")]
    [InlineData("rsa:2048", "-cipher ECDHE-RSA-AES128-GCM-SHA256", "")]
    [InlineData("ec -pkeyopt ec_paramgen_curve:P-256", "-alpn h2,stun.nat-discovery", "stun.nat-discovery")]
    [InlineData("ec -pkeyopt ec_paramgen_curve:P-256", "-groups P-256 -mtu 256", "")]
    public void The_server_agrees_with_s_client_and_carries_its_lines(string key, string options, string expectedProtocol)
    {
        MakeChain(key);
        using DtlsServerContext context = ReadContext();
        using Process client = RunClient(options);
        Pump(context, client, until: () => _session?.State == DtlsState.Established);
        Assert.Equal(expectedProtocol, Encoding.ASCII.GetString(_session!.ApplicationProtocol));
        client.StandardInput.Write("one line\n");
        client.StandardInput.Flush();
        Pump(context, client, until: () => Printed("back: one line"));
        client.StandardInput.Write("another\n");
        client.StandardInput.Flush();
        Pump(context, client, until: () => Printed("back: another"));
        // The end of its input makes it say goodbye.
        client.StandardInput.Close();
        Pump(context, client, until: () => _session.State != DtlsState.Established);
        Assert.Equal(DtlsState.Closed, _session.State);
        Assert.Equal((1, 0), (_listener.Begun, _session.Rejected));
        Assert.True(client.WaitForExit(Patience));
    }

    [Theory]
    [InlineData("-cipher AES128-GCM-SHA256")]
    [InlineData("-cipher ECDHE-RSA-AES128-SHA")]
    public void What_has_no_forward_secrecy_or_no_authenticated_encryption_is_refused(string options)
    {
        MakeChain("rsa:2048");
        using DtlsServerContext context = ReadContext();
        using Process client = RunClient(options);
        Pump(context, client, until: () => _session?.State == DtlsState.Failed);
        Assert.Equal("no shared cipher", _session!.FailureReason);
        Assert.True(client.WaitForExit(Patience));
    }

    [Fact]
    public void The_servers_goodbye_ends_s_client()
    {
        MakeChain("rsa:2048");
        using DtlsServerContext context = ReadContext();
        using Process client = RunClient("");
        Pump(context, client, until: () => _session?.State == DtlsState.Established);
        _session!.Close();
        SendPending();
        Assert.True(client.WaitForExit(Patience));
    }

    private bool Printed(string line)
    {
        lock (_printed)
        {
            return _printed.Contains(line);
        }
    }

    /// <summary>What a driver does, for the one client; the client must go on until then.</summary>
    private void Pump(DtlsServerContext context, Process client, Func<bool> until)
    {
        Instant end = Now + Patience;
        while (!until())
        {
            Assert.True(Now < end && !client.HasExited, $"{_session?.State} {_session?.FailureReason}\n{string.Join('\n', _printed)}");
            // The client's lines come from another thread, so the wait is short.
            if (_socket.Client.Poll(TimeSpan.FromMilliseconds(20), SelectMode.SelectRead))
            {
                IPEndPoint? from = null;
                byte[] datagram = _socket.Receive(ref from);
                _peer = from;
                Handle(context, datagram);
            }
            else if (_session is not null && _session.NextDeadline <= Now)
            {
                _session.HandleDeadline(Now);
            }

            SendPending();
        }
    }

    private void Handle(DtlsServerContext context, byte[] datagram)
    {
        byte[] buffer = new byte[2048];
        switch (_listener.Examine(datagram, _session, TransportAddress.From(_peer!), Now, buffer, out int length))
        {
            case DtlsVerdict.Answer:
                _socket.Send(buffer.AsSpan(0, length), _peer);
                break;
            case DtlsVerdict.Begin:
                _session?.Dispose();
                _session = new DtlsServerSession(context);
                _session.Start(datagram, Now);
                break;
            case DtlsVerdict.Deliver:
                _session!.HandleDatagram(datagram, Now);
                break;
        }

        while (_session is not null && _session.TryReadPacket(buffer, out length))
        {
            byte[] packet = [.. "back: "u8, .. buffer[..length]];
            Assert.True(_session.TryWritePacket(packet, buffer, Now, out length));
            _socket.Send(buffer.AsSpan(0, length), _peer);
        }
    }

    private void SendPending()
    {
        while (_session is not null && _session.TryPollDatagram(out ReadOnlySpan<byte> pending))
        {
            _socket.Send(pending, _peer);
        }
    }

    /// <summary>A root that the client trusts, an intermediate that only the server's chain shows, and the server's certificate.</summary>
    private void MakeChain(string key)
    {
        const string Authority = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -addext basicConstraints=critical,CA:TRUE";
        OpenSslCommand($"req -x509 -nodes -keyout root.key -out root.pem -subj /CN=root -days 2 {Authority}");
        OpenSslCommand($"req -nodes -keyout middle.key -out middle.csr -subj /CN=middle {Authority}");
        OpenSslCommand("x509 -req -in middle.csr -CA root.pem -CAkey root.key -CAcreateserial -out middle.pem -days 2 -copy_extensions copy");
        OpenSslCommand($"req -newkey {key} -nodes -keyout server.key -out server.csr -subj /CN=turn.example");
        OpenSslCommand("x509 -req -in server.csr -CA middle.pem -CAkey middle.key -CAcreateserial -out server.pem -days 2");
    }

    private DtlsServerContext ReadContext() => new(Text("server.pem") + Text("middle.pem"), Text("server.key"));

    private string Text(string file) => File.ReadAllText(Path.Combine(_folder, file));

    private void OpenSslCommand(string arguments)
    {
        using Process process = Run(arguments);
        process.StandardInput.Close();
        Assert.True(process.WaitForExit(Patience));
        Assert.True(process.ExitCode == 0, $"openssl {arguments}");
    }

    private Process RunClient(string options)
    {
        int port = ((IPEndPoint)_socket.Client.LocalEndPoint!).Port;
        return Run($"s_client -dtls1_2 -connect 127.0.0.1:{port} -CAfile root.pem -verify_return_error {options}");
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
        process.OutputDataReceived += (_, line) => Note(line.Data);
        process.ErrorDataReceived += (_, line) => Note(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }

    private void Note(string? line)
    {
        if (line is not null)
        {
            lock (_printed)
            {
                _printed.Add(line);
            }
        }
    }
}
