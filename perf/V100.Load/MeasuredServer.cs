using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using V100.Net;
using V100.Stun;

namespace V100.Load;

/// <summary>A TURN server that a comparison starts, on one core, with one thread that relays, and ends.</summary>
internal sealed class MeasuredServer : IDisposable
{
    public const string User = "load";
    public const string Password = "of-one-run";

    private const int KeptLines = 20;
    private static readonly TimeSpan _startTimeout = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan _probeInterval = TimeSpan.FromMilliseconds(50);

    private readonly Process _process;
    private readonly Queue<string> _lastLines = new();

    private MeasuredServer(string name, string program, string[] arguments, ushort port, int core)
    {
        Name = name;
        Address = TransportAddress.FromIPv4(0x7F00_0001, port);
        var start = new ProcessStartInfo("taskset", ["-c", core.ToString(CultureInfo.InvariantCulture), program, .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        _process = Process.Start(start) ?? throw new LoadFailedException($"cannot start {program}");
        _process.OutputDataReceived += Keep;
        _process.ErrorDataReceived += Keep;
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        WaitUntilReady();
    }

    public string Name { get; }

    public TransportAddress Address { get; }

    public int ProcessId => _process.Id;

    /// <summary>V100 with one worker.</summary>
    public static MeasuredServer StartV100(string program, int core)
    {
        ushort port = FreePort(SocketType.Dgram);
        return new MeasuredServer("V100", program,
        [
            $"--V100:Http:Url=http://127.0.0.1:{FreePort(SocketType.Stream)}", $"--V100:Udp:Port={port}", $"--V100:Tcp:Port={FreePort(SocketType.Stream)}",
            "--V100:Udp:Workers=1", "--V100:PublicAddresses:0=127.0.0.1", $"--V100:Turn:Users:{User}={Password}",
            "--V100:Turn:AllowedPeers:0=127.0.0.0/8", "--V100:Turn:MaxAllocationsPerUser=100000",
            "--V100:Turn:RelayPortMin=20000", "--V100:Turn:RelayPortMax=29999", "--V100:Log:Level=error",
        ], port, core);
    }

    /// <summary>coturn with one relay thread, no log and nothing that these measurements do not use.</summary>
    public static MeasuredServer StartCoturn(string program, int core)
    {
        ushort port = FreePort(SocketType.Dgram);
        string pidFile = Path.Combine(Path.GetTempPath(), $"v100-load-coturn-{port}.pid");
        return new MeasuredServer("coturn", program,
        [
            "-n", "--no-cli", "-L", "127.0.0.1", "-E", "127.0.0.1", "-p", port.ToString(CultureInfo.InvariantCulture), "--min-port", "10000", "--max-port", "19999",
            "-a", "-u", $"{User}:{Password}", "-r", "v100", "--allow-loopback-peers", "--no-tls", "--no-dtls", "-m", "1",
            "--log-file", "/dev/null", "--simple-log", "--no-stdout-log", "--pidfile", pidFile,
        ], port, core);
    }

    /// <summary>One that nothing has; a moment later, something may.</summary>
    private static ushort FreePort(SocketType type)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, type, type == SocketType.Dgram ? ProtocolType.Udp : ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return (ushort)((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    private void Keep(object sender, DataReceivedEventArgs received)
    {
        lock (_lastLines)
        {
            if (received.Data is not null)
            {
                _lastLines.Enqueue(received.Data);
            }

            while (_lastLines.Count > KeptLines)
            {
                _lastLines.Dequeue();
            }
        }
    }

    /// <summary>Until it answers a Binding request.</summary>
    private void WaitUntilReady()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        byte[] buffer = new byte[512];
        var writer = new StunWriter(buffer, new StunMessageType(StunMethod.Binding, StunClass.Request), "V100 load   "u8);
        byte[] request = buffer[..writer.Finish()];
        var server = new IPEndPoint(Address.ToIPAddress(), Address.Port);
        socket.ReceiveTimeout = (int)_probeInterval.TotalMilliseconds;
        long began = Stopwatch.GetTimestamp();
        while (!_process.HasExited && Stopwatch.GetElapsedTime(began) < _startTimeout)
        {
            try
            {
                socket.SendTo(request, server);
                if (socket.Receive(buffer) > 0)
                {
                    return;
                }
            }
            catch (SocketException)
            {
                // Not there yet: nothing came in the probe's time. A socket that is not connected hears nothing of a port that nobody has.
            }
        }

        Dispose();
        lock (_lastLines)
        {
            throw new LoadFailedException($"{Name} does not serve:\n{string.Join('\n', _lastLines)}");
        }
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            _process.WaitForExit();
        }

        _process.Dispose();
    }
}
