using V100.Net.Sockets;

namespace V100.Server.Workers;

/// <summary>All workers, on one port. Opened first, so that drivers can be made with every worker's wakeable; then started; then disposed.</summary>
internal sealed class UdpWorkerSet : IDisposable
{
    /// <summary><see cref="UdpWorker.Wake"/> names workers in 64 bits.</summary>
    public const int MaxWorkers = 64;

    private readonly List<UdpWorker> _workers = [];

    /// <param name="count">1 to <see cref="MaxWorkers"/>.</param>
    /// <param name="options">Port 0 lets the system choose one for all.</param>
    /// <param name="defect">See <see cref="UdpWorker"/>.</param>
    /// <exception cref="IOException">An address cannot be bound; the message says which and why.</exception>
    public UdpWorkerSet(int count, UdpOptions options, Action<string, Exception>? defect = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, MaxWorkers);
        try
        {
            for (int index = 0; index < count; index++)
            {
                _workers.Add(new UdpWorker(index, index == 0 ? options : options with { Port = Port }, defect));
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public IReadOnlyList<UdpWorker> Workers => _workers;

    public ushort Port => _workers[0].Port;

    /// <summary>Starts each worker with the driver that is made for it.</summary>
    public void Start(Func<UdpWorker, IWorkerDriver> makeDriver)
    {
        IWorkerDriver[] drivers = [.. _workers.Select(makeDriver)];
        foreach (UdpWorker worker in _workers)
        {
            worker.Start(drivers[worker.Index], _workers);
        }
    }

    /// <summary>What the sockets of all workers counted. Any thread.</summary>
    public long Sum(SocketCounter counter) => _workers.Sum(worker => worker.Counters.Read(counter));

    /// <summary>Stops all threads, then closes all sockets.</summary>
    public void Dispose()
    {
        _workers.ForEach(worker => worker.RequestStop());
        _workers.ForEach(worker => worker.Join());
        _workers.ForEach(worker => worker.Dispose());
        _workers.Clear();
    }
}
