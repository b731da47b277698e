using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using V100.Client;
using V100.Net;
using V100.Net.Native;
using V100.Net.Sockets;
using V100.Sfu.Sdp;
using V100.Simulation.World;

namespace V100.Load;

/// <summary>What the driver's thread does for one client besides its transport.</summary>
internal abstract class DrivenClient(WebRtcClient transport)
{
    private bool _isConnected;

    public WebRtcClient Transport { get; } = transport;

    /// <summary>When <see cref="HandleDeadline"/> is to be called, beyond what the transport wants.</summary>
    public virtual Instant NextDeadline => Instant.Never;

    public virtual void HandleDeadline(Instant now)
    {
    }

    /// <summary>When <see cref="HandleReport"/> is to be called; a few milliseconds later will do.</summary>
    public virtual Instant NextReport => Instant.Never;

    public virtual void HandleReport(Instant now)
    {
    }

    /// <summary>Its keys are there. Any thread.</summary>
    public bool IsConnected => Volatile.Read(ref _isConnected);

    /// <summary>Once, when its keys have come.</summary>
    public virtual void OnConnected(Instant now)
    {
    }

    public void HandleDatagram(in Datagram datagram, Instant now)
    {
        Transport.HandleDatagram(in datagram, now);
        if (!_isConnected && Transport.IsConnected)
        {
            OnConnected(now);
            Volatile.Write(ref _isConnected, true);
        }
    }
}

/// <summary>
/// One thread that drives all clients, each from a loopback address of its own, over one socket: a socket for each would cost this
/// program a system call for each packet. Other threads hand it work by <see cref="Post"/>; what they read of clients meanwhile is counters.
/// </summary>
internal sealed class ClientDriver : IDisposable
{
    // ICE and DTLS need no finer clock; looking at each client at each packet would cost more than the packets.
    private static readonly TimeSpan _transportInterval = TimeSpan.FromMilliseconds(2);

    private const int ClientsPerByte = 250;
    private const int BytesPerBlock = 16;

    private static readonly Lazy<HashSet<IPAddress>> _ownAddresses = new(() =>
        [.. NetworkInterface.GetAllNetworkInterfaces().SelectMany(network => network.GetIPProperties().UnicastAddresses).Select(address => address.Address)]);

    private readonly UdpSocketSet _sockets;
    private readonly CounterBlock<SocketCounter> _counters = new();
    private readonly Poller _poller;
    private readonly Dictionary<TransportAddress, DrivenClient> _byAddress = [];
    private readonly List<DrivenClient> _timed = [];
    private readonly ConcurrentQueue<Action<Instant>> _posted = new();
    private readonly Thread _thread;
    private Instant _nextTransportTurn;
    private long _processorNanoseconds;
    private volatile bool _stopping;
    private volatile Exception? _failure;

    /// <param name="clientCount">How many addresses it has.</param>
    /// <param name="block">Which of the blocks of addresses are its own: no two drivers of a machine share one.</param>
    /// <param name="network">The first two bytes of the addresses: 127.88, say, since all of 127.0.0.0/8 is this machine.</param>
    /// <exception cref="LoadFailedException">The network is not this machine's.</exception>
    public ClientDriver(int clientCount, int block = 0, string network = "127.88")
    {
        RefuseForeign(AddressOf(network, block, clientCount - 1));

        // No coalescing and no segmentation: clients on other machines would get and send packets one by one, and the server's side of
        // loopback must not profit.
        _sockets = new UdpSocketSet(
            new UdpOptions { Addresses = [IPAddress.Any], Coalescing = false, Segmentation = false, BufferBytes = 256 << 20 }, _counters);

        Addresses = [.. Enumerable.Range(0, clientCount).Select(index => TransportAddress.From(AddressOf(network, block, index), _sockets.Port))];
        Output = new TransmitBatch(_sockets);
        _poller = Poller.Create(_sockets.Backend);
        foreach (UdpSocket socket in _sockets.Sockets)
        {
            if (!_poller.TryAdd(socket))
            {
                throw new IOException($"cannot wait on UDP {socket.Bound}");
            }
        }

        _thread = new Thread(Run) { Name = "load-clients", IsBackground = true };
        _thread.Start();
    }

    public TransportAddress[] Addresses { get; }

    /// <summary>For the driver's thread, and for clients that are made before they are handed to it.</summary>
    public TransmitBatch Output { get; }

    /// <summary>Processor time of the driver's thread up to now.</summary>
    public double ProcessorSeconds => Volatile.Read(ref _processorNanoseconds) / 1e9;

    /// <summary>Packets that did not leave: they would pass for the server's losses.</summary>
    public long SendsDropped
    {
        get
        {
            long dropped = 0;
            for (SocketCounter counter = SocketCounter.DroppedWouldBlock; counter <= SocketCounter.DroppedOther; counter++)
            {
                dropped += _counters.Read(counter);
            }

            return dropped;
        }
    }

    /// <summary>Does <paramref name="work"/> on the driver's thread.</summary>
    public void Post(Action<Instant> work)
    {
        _posted.Enqueue(work);
        _poller.Wake();
    }

    /// <summary>Forgets a client, which says nothing more.</summary>
    public void Remove(DrivenClient client) => Post(_ =>
    {
        if (_byAddress.Remove(client.Transport.Address))
        {
            _timed.Remove(client);
            client.Transport.Dispose();
        }
    });

    private void Add(DrivenClient client, bool isTimed)
    {
        _byAddress.Add(client.Transport.Address, client);
        if (isTimed)
        {
            _timed.Add(client);
        }
    }

    /// <summary>Takes the server's description, and connects.</summary>
    public void Start(DrivenClient client, string description, bool isTimed)
    {
        TransportAddress server = ServerAddress(description);
        Post(now =>
        {
            client.Transport.Accept(description, in server, now);
            Add(client, isTimed);
        });
    }

    public void ThrowIfFailed()
    {
        if (_failure is { } failure)
        {
            throw new LoadFailedException($"the clients' thread ended: {failure}");
        }
    }

    /// <summary>The address of a client by its number.</summary>
    public static IPAddress AddressOf(string network, int block, int index) => IPAddress.Parse(string.Create(
        CultureInfo.InvariantCulture, $"{network}.{BytesPerBlock * block + index / ClientsPerByte}.{index % ClientsPerByte + 1}"));

    /// <summary>Only what is sent from this machine's own addresses to its own addresses stays here.</summary>
    private static void RefuseForeign(IPAddress address)
    {
        try
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            socket.Bind(new IPEndPoint(address, 0));
        }
        catch (SocketException)
        {
            throw new LoadFailedException($"{address} is not this machine's");
        }
    }

    /// <summary>
    /// The loopback address that the description names; else one that this machine has (what is sent there goes by loopback too); else the
    /// port that it names, on 127.0.0.1. Never another machine.
    /// </summary>
    private static TransportAddress ServerAddress(string description)
    {
        TransportAddress own = default;
        ushort port = 0;
        foreach (string line in new ServerAnswer(description).Values(0, "a=candidate:"))
        {
            if (!IceCandidate.TryParse(line, out IceCandidate candidate) || candidate.Transport != IceTransport.Udp || candidate.Address is not { IsIPv4: true } address)
            {
                continue;
            }

            port = address.Port;
            if (IPAddress.IsLoopback(address.ToIPAddress()))
            {
                return address;
            }

            own = _ownAddresses.Value.Contains(address.ToIPAddress()) ? address : own;
        }

        return own != default ? own
            : port != 0 ? TransportAddress.FromIPv4(0x7F00_0001, port)
            : throw new LoadFailedException("the description names no IPv4 address over UDP");
    }

    private void Run()
    {
        try
        {
            while (!_stopping)
            {
                RunTurn();
            }
        }
#pragma warning disable CA1031 // It is told where the run is waited for.
        catch (Exception failure)
#pragma warning restore CA1031
        {
            _failure = failure;
        }
    }

    private void RunTurn()
    {
        Instant now = MonotonicClock.Now;
        Instant deadline = _nextTransportTurn;
        foreach (DrivenClient client in _timed)
        {
            deadline = Instant.Earlier(deadline, client.NextDeadline);
        }

        int ready = _poller.Wait(now, deadline);
        for (int index = 0; index < ready; index++)
        {
            Receive(_poller.GetReady(index)!); // None is removed while this thread looks.
        }

        now = MonotonicClock.Now;
        while (_posted.TryDequeue(out Action<Instant>? work))
        {
            work(now);
        }

        foreach (DrivenClient client in _timed)
        {
            if (client.NextDeadline <= now)
            {
                client.HandleDeadline(now);
            }
        }

        if (_nextTransportTurn <= now)
        {
            HandleTransportDeadlines(now);
        }

        Output.Flush();
    }

    private void HandleTransportDeadlines(Instant now)
    {
        _nextTransportTurn = now + _transportInterval;
        Volatile.Write(ref _processorNanoseconds, Libc.ThreadProcessorNanoseconds);
        foreach (DrivenClient client in _byAddress.Values)
        {
            if (client.Transport.NextDeadline <= now)
            {
                client.Transport.HandleDeadline(now);
            }

            if (client.NextReport <= now && client.IsConnected)
            {
                client.HandleReport(now);
            }
        }
    }

    private void Receive(UdpSocket socket)
    {
        while (socket.Receive())
        {
            Instant now = MonotonicClock.Now;
            while (socket.TryRead(out Datagram datagram))
            {
                if (_byAddress.TryGetValue(datagram.Local, out DrivenClient? client))
                {
                    client.HandleDatagram(in datagram, now);
                }
            }

            if (!socket.MayHaveMore)
            {
                return;
            }
        }
    }

    public void Dispose()
    {
        _stopping = true;
        _poller.Wake();
        _thread.Join();
        foreach (DrivenClient client in _byAddress.Values)
        {
            client.Transport.Dispose();
        }

        _poller.Dispose();
        Output.Dispose();
        _sockets.Dispose();
    }
}
