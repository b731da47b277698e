using System.Numerics;
using V100.Net;
using V100.Net.Sockets;

namespace V100.Server.Workers;

/// <summary>
/// One thread with its own sockets on the shared port, and the loop that drives them. Made and started by
/// <see cref="UdpWorkerSet"/>.
/// </summary>
internal sealed class UdpWorker : IDisposable
{
    // Receive batches of one socket in one turn: then the other sockets, messages and timers have theirs.
    private const int BatchesPerTurn = 4;

    private const int ErrorsPerTurn = 64;

    private readonly GatherPause _pause;
    private readonly UdpSocketSet _sockets;
    private readonly Poller _poller;
    private readonly Action<string, Exception> _defect;
    private IWakeable[] _workers = [];
    private Thread? _thread;
    private volatile bool _stopping;
    private bool _keeps;

    /// <param name="index">Its number among the workers, from 0.</param>
    /// <param name="options">Its sockets.</param>
    /// <param name="defect">Gets the worker's name and what escaped its loop. Null ends the process.</param>
    /// <exception cref="IOException">An address cannot be bound.</exception>
    public UdpWorker(int index, UdpOptions options, Action<string, Exception>? defect = null)
    {
        Index = index;
        Name = $"v100-worker-{index}";
        _defect = defect ?? EndProcess;
        _pause = new GatherPause(options.LongestGatherPause, options.PollPacketsPerSecond);
        _sockets = new UdpSocketSet(options, Counters);
        _poller = Poller.Create(_sockets.Backend);
        Watch(_sockets.Sockets);
    }

    public int Index { get; }

    public string Name { get; }

    /// <summary>What its sockets count; any thread may read.</summary>
    public CounterBlock<SocketCounter> Counters { get; } = new();

    /// <summary>Where the driver's <see cref="TransmitBatch"/> goes. Worker's thread only.</summary>
    public IPacketTransmitter Transmitter => _sockets;

    /// <summary>Opens another port that all workers share. Before <see cref="Start"/>.</summary>
    /// <exception cref="IOException">It cannot be bound.</exception>
    public ushort OpenAlso(ushort port)
    {
        IReadOnlyList<UdpSocket> opened = _sockets.OpenAlso(port);
        Watch(opened);
        return opened[0].Bound.Port;
    }

    /// <summary>Opens a socket on a port of its own, such as a relayed address. Worker's thread only. Null where the port is taken, or the system has no memory for it.</summary>
    public UdpSocket? TryOpen(in TransportAddress address, UdpOptions options)
    {
        UdpSocket? socket = _sockets.TryOpen(address, options);
        if (socket is null || _poller.TryAdd(socket))
        {
            return socket;
        }

        Counters.Increment(SocketCounter.OpenedUnwatched);
        _sockets.Close(socket);
        return null;
    }

    /// <summary>Binds a socket that keeps its port until a worker adopts it or it is disposed. Worker's thread only. Null where the port is taken.</summary>
    public UdpSocket? TryHold(in TransportAddress address, UdpOptions options) => _sockets.TryHold(address, options);

    /// <summary>Makes a socket that this or another worker held one of its own. Worker's thread only. False, with the socket closed, where the system has no memory for it.</summary>
    public bool TryAdopt(UdpSocket held)
    {
        _sockets.Adopt(held);
        if (_poller.TryAdd(held))
        {
            return true;
        }

        Counters.Increment(SocketCounter.OpenedUnwatched);
        _sockets.Close(held);
        return false;
    }

    /// <summary>Closes a socket of <see cref="TryOpen"/> or <see cref="TryAdopt"/>. Worker's thread only.</summary>
    public void Close(UdpSocket socket)
    {
        _poller.Remove(socket);
        _sockets.Close(socket);
    }

    /// <summary>For mailboxes that this worker reads.</summary>
    public IWakeable Wakeable => _poller;

    public ushort Port => _sockets.Port;

    public UdpBackend Backend => _sockets.Backend;

    /// <summary>For a log line about addresses and buffers at the start.</summary>
    public IReadOnlyList<UdpSocket> Sockets => _sockets.Sockets;

    /// <param name="driver">Belongs to this worker's thread from now on.</param>
    /// <param name="workers">All workers by index: whom <see cref="Wake"/> can wake.</param>
    public void Start(IWorkerDriver driver, IReadOnlyList<UdpWorker> workers)
    {
        _workers = [.. workers.Select(worker => worker.Wakeable)];
        _thread = new Thread(() => Run(driver)) { Name = Name, IsBackground = true };
        _thread.Start();
    }

    /// <summary>Wakes other workers, bit n for worker n. Worker's thread only.</summary>
    public void Wake(ulong workers)
    {
        for (; workers != 0; workers &= workers - 1)
        {
            _workers[BitOperations.TrailingZeroCount(workers)].Wake();
        }
    }

    /// <summary>Any thread. The worker ends its turn and its thread.</summary>
    public void RequestStop()
    {
        _stopping = true;
        _poller.Wake();
    }

    /// <summary>Waits for the thread's end after <see cref="RequestStop"/>.</summary>
    public void Join() => _thread?.Join();

    private void Watch(IReadOnlyList<UdpSocket> sockets)
    {
        foreach (UdpSocket socket in sockets)
        {
            if (!_poller.TryAdd(socket))
            {
                throw new IOException($"cannot wait on UDP {socket.Bound}: the system has no memory, or no watch left, for it");
            }
        }
    }

    private void Run(IWorkerDriver driver)
    {
        try
        {
            _poller.Begin();
            bool more = false;
            while (!_stopping)
            {
                more = RunTurn(driver, more);
            }
        }
#pragma warning disable CA1031 // Whatever escapes a turn is a defect of this program: the state behind it cannot be trusted.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            _defect(Name, exception);
        }
    }

    private bool RunTurn(IWorkerDriver driver, bool more)
    {
        Instant now = MonotonicClock.Now;
        int ready = _poller.Wait(now, more || _pause.Polls(now) ? now : driver.NextDeadline);
        Instant began = now = MonotonicClock.Now;
        long received = Counters.Read(SocketCounter.DatagramsReceived);
        _keeps = false;
        for (int index = 0; index < ready; index++)
        {
            if (_poller.GetReady(index) is { } socket)
            {
                now = Receive(socket, driver, now);
            }
        }

        driver.EndReceive(now);
        more = driver.HandleMessages(now);
        if (driver.NextDeadline <= now)
        {
            driver.HandleDeadline(now);
        }

        driver.EndTurn(now);
        received = Counters.Read(SocketCounter.DatagramsReceived) - received;
        TimeSpan pause = _pause.After((int)received, began, MonotonicClock.Now, driver.NextDeadline);
        if (!more && pause > TimeSpan.Zero)
        {
            _poller.Pause(pause);
        }

        return more;
    }

    private Instant Receive(UdpSocket socket, IWorkerDriver driver, Instant now)
    {
        for (int batch = 0; batch < BatchesPerTurn && TryReceive(socket, driver, now); batch++)
        {
            now = batch == 0 ? now : MonotonicClock.Now;
            while (socket.TryRead(out Datagram datagram))
            {
                driver.HandleDatagram(datagram, now);
                if (!socket.KeepsBytes)
                {
                    driver.EndReceive(now);
                }
            }

            if (!socket.MayHaveMore)
            {
                break;
            }
        }

        // Bounded, since each error answers a packet that was sent; what is left makes the socket ready again.
        for (int error = 0; error < ErrorsPerTurn && socket.HasErrors && socket.TryReadError(out PathError pathError); error++)
        {
            driver.HandlePathError(socket.Bound, in pathError, now);
        }

        return now;
    }

    /// <summary>
    /// What came stays where it is as long as there is room behind it: the driver then passes on in few system calls what came from
    /// many sockets, and in long runs what came from few.
    /// </summary>
    private bool TryReceive(UdpSocket socket, IWorkerDriver driver, Instant now)
    {
        if (_keeps && socket.CanKeep)
        {
            return socket.ReceiveKeeping();
        }

        driver.EndReceive(now);
        _keeps = true;
        return socket.Receive();
    }

    private static void EndProcess(string name, Exception exception) =>
        Environment.FailFast($"{name}: an exception escaped the packet loop, which is a defect of V100: {exception.Message}", exception);

    /// <summary>Stops the thread if it runs, and closes the sockets. No other worker may wake it any more.</summary>
    public void Dispose()
    {
        RequestStop();
        Join();
        _poller.Dispose();
        _sockets.Dispose();
    }
}
