using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using V100.Net;
using V100.Stun;

namespace V100.Load;

/// <summary>A server that a measurement starts on this machine, and ends.</summary>
internal sealed class MeasuredServer : IDisposable
{
    public const string User = "load";
    public const string Password = "of-one-run";
    public const string Key = "load";
    public const string Secret = "a-secret-of-one-run-of-measurements";

    private const int KeptLines = 20;
    private static readonly TimeSpan _startTimeout = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan _probeInterval = TimeSpan.FromMilliseconds(50);

    private readonly string _folder;
    private readonly Process _process;
    private readonly Queue<string> _lastLines = new();

    // A run that is ended from outside leaves no server behind.
    private readonly PosixSignalRegistration[] _signals;

    /// <param name="name">For reports.</param>
    /// <param name="program">What is run.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="folder">Of this run alone, for what it writes; gone with it.</param>
    /// <param name="port">Of UDP, where it answers Binding requests; of its control API where it does not.</param>
    /// <param name="core">The one that it runs on; null for all.</param>
    /// <param name="controlPort">0 where it has none.</param>
    private MeasuredServer(string name, string program, string[] arguments, string folder, ushort port, int? core, ushort controlPort = 0)
    {
        Name = name;
        _folder = folder;
        Address = TransportAddress.FromIPv4(0x7F00_0001, port);
        ControlUrl = new Uri($"http://127.0.0.1:{controlPort}");
        string cores = core?.ToString(CultureInfo.InvariantCulture) ?? $"0-{Environment.ProcessorCount - 1}";
        var start = new ProcessStartInfo("taskset", ["-c", cores, program, .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        _process = Process.Start(start) ?? throw new LoadFailedException($"cannot start {program}");
        _signals = [.. ((PosixSignal[])[PosixSignal.SIGTERM, PosixSignal.SIGINT, PosixSignal.SIGHUP]).Select(signal => PosixSignalRegistration.Create(signal, _ => End()))];
        _process.OutputDataReceived += Keep;
        _process.ErrorDataReceived += Keep;
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        WaitUntilReady(port == controlPort ? AnswersHttp : AnswersBinding);
    }

    public string Name { get; }

    public TransportAddress Address { get; }

    public Uri ControlUrl { get; }

    public int ProcessId => _process.Id;

    /// <summary>V100 with one worker.</summary>
    public static MeasuredServer StartV100(string program, int core)
    {
        string folder = CreateFolder();
        ushort port = FreePort(SocketType.Dgram);
        return new MeasuredServer("V100", program,
        [
            $"--V100:Http:Url=http://127.0.0.1:{FreePort(SocketType.Stream)}", $"--V100:Udp:Port={port}", $"--V100:Tcp:Port={FreePort(SocketType.Stream)}",
            "--V100:Udp:Workers=1", "--V100:PublicAddresses:0=127.0.0.1", $"--V100:Turn:Users:{User}={Password}",
            "--V100:Turn:AllowedPeers:0=127.0.0.0/8", "--V100:Turn:MaxAllocationsPerUser=100000",
            "--V100:Turn:RelayPortMin=20000", "--V100:Turn:RelayPortMax=29999", "--V100:Log:Level=error", StoreIn(folder),
        ], folder, port, core);
    }

    /// <summary>V100 for calls, with media at an address of this machine's.</summary>
    public static MeasuredServer StartV100Calls(string program, string mediaAddress, int workers, int? core)
    {
        string folder = CreateFolder();
        ushort port = FreePort(SocketType.Dgram);
        ushort controlPort = FreePort(SocketType.Stream);
        return new MeasuredServer("V100", program,
        [
            $"--V100:Http:Url=http://127.0.0.1:{controlPort}", $"--V100:Udp:Port={port}", $"--V100:Tcp:Port={FreePort(SocketType.Stream)}",
            $"--V100:Udp:Workers={workers}", $"--V100:PublicAddresses:0={mediaAddress}", $"--V100:ApiKeys:{Key}={Secret}",
            $"--V100:Turn:Users:{User}={Password}", "--V100:Turn:AllowedPeers:0=127.0.0.0/8", "--V100:Log:Level=error",
            "--V100:Rooms:MaxParticipantsPerRoom=10000", "--V100:Http:RequestsPerSecondPerAddress=0", "--V100:Http:RequestsPerSecondPerKey=0",
            StoreIn(folder),
        ], folder, port, core, controlPort);
    }

    /// <summary>Janus with one event loop and its video room alone. Its configuration is in a folder of this run's.</summary>
    /// <param name="program">Debian's, with its plugins where Debian has them.</param>
    /// <param name="mediaDevice">Whose addresses it offers; it never offers those of loopback.</param>
    /// <param name="core">The one that it runs on.</param>
    public static MeasuredServer StartJanus(string program, string mediaDevice, int? core)
    {
        ushort controlPort = FreePort(SocketType.Stream);
        string folder = CreateFolder();
        JanusConfiguration.Write(folder, controlPort, mediaDevice);
        return new MeasuredServer("Janus", program, ["-F", folder, "--disable-colors"], folder, controlPort, core, controlPort);
    }

    /// <summary>coturn with one relay thread, no log and nothing that these measurements do not use.</summary>
    public static MeasuredServer StartCoturn(string program, int core)
    {
        string folder = CreateFolder();
        ushort port = FreePort(SocketType.Dgram);
        return new MeasuredServer("coturn", program,
        [
            "-n", "--no-cli", "-L", "127.0.0.1", "-E", "127.0.0.1", "-p", port.ToString(CultureInfo.InvariantCulture), "--min-port", "10000", "--max-port", "19999",
            "-a", "-u", $"{User}:{Password}", "-r", "v100", "--allow-loopback-peers", "--no-tls", "--no-dtls", "-m", "1",
            "--log-file", "/dev/null", "--simple-log", "--no-stdout-log", "--pidfile", Path.Combine(folder, "coturn.pid"),
        ], folder, port, core);
    }

    private static string CreateFolder() => Directory.CreateTempSubdirectory("v100-load-").FullName;

    /// <summary>A store without what an earlier run left, which would cost memory and time.</summary>
    private static string StoreIn(string folder) => $"--V100:Store:Path={Path.Combine(folder, "v100.db")}";

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

    private void WaitUntilReady(Func<bool> answers)
    {
        long began = Stopwatch.GetTimestamp();
        while (!_process.HasExited && Stopwatch.GetElapsedTime(began) < _startTimeout)
        {
            if (answers())
            {
                return;
            }

            // Another program tells nobody when it serves; its end ends the wait.
            _process.WaitForExit(_probeInterval);
        }

        Dispose();
        lock (_lastLines)
        {
            throw new LoadFailedException($"{Name} does not serve:\n{string.Join('\n', _lastLines)}");
        }
    }

    private bool AnswersBinding()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        byte[] buffer = new byte[512];
        var writer = new StunWriter(buffer, new StunMessageType(StunMethod.Binding, StunClass.Request), "V100 load   "u8);
        byte[] request = buffer[..writer.Finish()];
        socket.ReceiveTimeout = (int)_probeInterval.TotalMilliseconds;
        try
        {
            socket.SendTo(request, new IPEndPoint(Address.ToIPAddress(), Address.Port));
            return socket.Receive(buffer) > 0;
        }
        catch (SocketException)
        {
            return false; // Nothing came in the probe's time. A socket that is not connected hears nothing of a port that nobody has.
        }
    }

    private bool AnswersHttp()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Connect(new IPEndPoint(IPAddress.Loopback, ControlUrl.Port));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private void End()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            _process.WaitForExit();
        }
    }

    public void Dispose()
    {
        Array.ForEach(_signals, signal => signal.Dispose());
        End();
        _process.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}
