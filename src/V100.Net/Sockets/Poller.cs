namespace V100.Net.Sockets;

/// <summary>
/// Where a worker sleeps: until a socket is readable, another thread wakes it, or its deadline comes. <see cref="Wake"/> is for
/// any thread, all else for the worker's own.
/// </summary>
/// <remarks>
/// A wake costs a system call only while the worker really sleeps: a worker that is awake is told by a flag, which its next
/// <see cref="Wait"/> sees. What was handed over before the wake is visible to the worker after that Wait.
/// </remarks>
internal abstract class Poller : IWakeable, IDisposable
{
    private const int Awake = 0;
    private const int Asleep = 1;
    private const int Woken = 2;

    private State _state;

    // On cache lines of its own: every other worker writes it.
    [System.Runtime.InteropServices.StructLayout(System.Runtime.InteropServices.LayoutKind.Explicit, Size = 256)]
    private struct State
    {
        [System.Runtime.InteropServices.FieldOffset(128)] public int Value;
    }

    public static Poller Create(UdpBackend backend) => backend == UdpBackend.Linux ? new PollerLinux() : new PollerPortable();

    /// <summary>Watches the socket until it is removed. False where the system has no memory, or no watch left, for it.</summary>
    public abstract bool TryAdd(UdpSocket socket);

    /// <summary>Before the socket is disposed.</summary>
    public abstract void Remove(UdpSocket socket);

    /// <summary>
    /// Sleeps until a socket is readable, the deadline, or a wake, and says how many sockets are readable: see
    /// <see cref="GetReady"/>. By itself it may return early, after a signal or many minutes.
    /// </summary>
    public int Wait(Instant now, Instant deadline)
    {
        TimeSpan timeout = deadline <= now ? TimeSpan.Zero : deadline - now;
        if (timeout > TimeSpan.Zero && Interlocked.CompareExchange(ref _state.Value, Asleep, Awake) == Awake)
        {
            // Rounded down by up to 100 ns, which would wake the worker just before its deadline.
            int ready = WaitCore(deadline == Instant.Never ? Timeout.InfiniteTimeSpan : timeout + new TimeSpan(1));
            Interlocked.Exchange(ref _state.Value, Awake);
            return ready;
        }

        Interlocked.Exchange(ref _state.Value, Awake);
        return WaitCore(TimeSpan.Zero);
    }

    /// <summary>Once, on the thread that waits.</summary>
    public virtual void Begin()
    {
    }

    /// <summary>Waits for at most a millisecond, whatever comes; a <see cref="Wake"/> meanwhile is seen by the next <see cref="Wait"/>.</summary>
    public virtual void Pause(TimeSpan duration)
    {
    }

    /// <summary>One of the sockets that the last <see cref="Wait"/> found readable; null where it has been removed since.</summary>
    public abstract UdpSocket? GetReady(int index);

    /// <summary>Any thread.</summary>
    public void Wake()
    {
        if (Interlocked.Exchange(ref _state.Value, Woken) == Asleep)
        {
            Interrupt();
        }
    }

    /// <param name="timeout">Not negative, or <see cref="Timeout.InfiniteTimeSpan"/>.</param>
    protected abstract int WaitCore(TimeSpan timeout);

    /// <summary>Ends the wait that is going on, or the next one. Any thread.</summary>
    protected abstract void Interrupt();

    /// <summary>Called first by <see cref="Dispose"/>: a wake that comes late finds nobody asleep, and so touches no closed descriptor.</summary>
    protected void EndWakes() => Interlocked.Exchange(ref _state.Value, Woken);

    public abstract void Dispose();
}
