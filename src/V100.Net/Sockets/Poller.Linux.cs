using System.Diagnostics;
using System.Runtime.InteropServices;
using V100.Net.Native;

namespace V100.Net.Sockets;

/// <summary>epoll, level-triggered for sockets, with an eventfd for wakes.</summary>
internal sealed unsafe class PollerLinux : Poller
{
    private const int MaxEvents = 64;
    private const int WakeToken = -1;

    // struct epoll_event is packed on x64 and aligned elsewhere.
    private static readonly int EventLength = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 12 : 16;
    private static readonly int DataOffset = EventLength - 8;

    private readonly int _epoll;
    private readonly int _wake;
    private readonly List<UdpSocketLinux?> _sockets = [];
    private readonly Stack<int> _freeTokens = [];
    private readonly UdpSocketLinux?[] _ready = new UdpSocketLinux?[MaxEvents];
    private bool _nanoseconds = true;
    private int _waits;
    private byte* _events;

    public PollerLinux()
    {
        _epoll = Libc.EpollCreate(Libc.CloseOnExec);
        _wake = Libc.EventDescriptor(0, Libc.NonBlocking | Libc.CloseOnExec);
        if (_epoll < 0 || _wake < 0)
        {
            throw Libc.Failure("cannot open an epoll set");
        }

        _events = (byte*)NativeMemory.AlignedAlloc((nuint)(EventLength * MaxEvents), 64);

        // Edge-triggered, the event comes again with each write, and nobody has to read it away.
        if (!TryControl(Libc.EpollAdd, _wake, Libc.EpollReadable | Libc.EpollEdge, WakeToken))
        {
            throw Libc.Failure("cannot change an epoll set");
        }
    }

    public override bool TryAdd(UdpSocket socket)
    {
        UdpSocketLinux linux = (UdpSocketLinux)socket;
        if (!_freeTokens.TryPop(out int token))
        {
            token = _sockets.Count;
            _sockets.Add(null);
        }

        if (!TryControl(Libc.EpollAdd, linux.Descriptor, Libc.EpollReadable, token))
        {
            _freeTokens.Push(token);
            return false;
        }

        _sockets[token] = linux;
        linux.PollToken = token;
        return true;
    }

    public override void Remove(UdpSocket socket)
    {
        UdpSocketLinux linux = (UdpSocketLinux)socket;
        // It takes no memory, and a descriptor that is closed leaves the set anyway.
        bool removed = TryControl(Libc.EpollDelete, linux.Descriptor, 0, 0);
        Debug.Assert(removed, "the socket was watched");
        _sockets[linux.PollToken] = null;
        _freeTokens.Push(linux.PollToken);

        // One that is closed in the turn that found it readable.
        int ready = Array.IndexOf(_ready, linux);
        if (ready >= 0)
        {
            _ready[ready] = null;
        }
    }

    private bool TryControl(int operation, int descriptor, uint events, int token)
    {
        byte* request = stackalloc byte[16];
        *(uint*)request = events;
        *(long*)(request + DataOffset) = token;
        return Libc.EpollControl(_epoll, operation, descriptor, request) == 0;
    }

    public override UdpSocket? GetReady(int index) => _ready[index];

    public override void Begin() => Libc.SetTimerSlackNanoseconds(1_000);

    public override void Pause(TimeSpan duration) => Libc.Sleep(duration);

    protected override int WaitCore(TimeSpan timeout)
    {
        int count = _nanoseconds ? WaitNanoseconds(timeout) : WaitMilliseconds(timeout);
        int ready = 0;
        _waits += count > 0 ? 1 : 0;
        for (int index = 0; index < count; index++)
        {
            int token = (int)*(long*)(_events + index * EventLength + DataOffset);
            if (token != WakeToken && _sockets[token] is { } socket)
            {
                socket.SetReady(_waits);
                socket.HasErrors = (*(uint*)(_events + index * EventLength) & Libc.EpollError) != 0;
                _ready[ready++] = socket;
            }
        }

        return ready;
    }

    private int WaitNanoseconds(TimeSpan timeout)
    {
        try
        {
            Libc.TimeSpecification time = new()
            {
                Seconds = timeout.Ticks / TimeSpan.TicksPerSecond,
                Nanoseconds = timeout.Ticks % TimeSpan.TicksPerSecond * 100,
            };
            bool forever = timeout == Timeout.InfiniteTimeSpan;
            int count = Libc.EpollWait2(_epoll, _events, MaxEvents, forever ? null : &time, null);
            if (count >= 0 || Libc.LastError != Libc.NotImplemented)
            {
                return Checked(count);
            }
        }
        catch (EntryPointNotFoundException)
        {
            // glibc before 2.35; a kernel before 5.11 says it by its error.
        }

        _nanoseconds = false;
        return WaitMilliseconds(timeout);
    }

    private int WaitMilliseconds(TimeSpan timeout)
    {
        int timeoutMs = timeout == Timeout.InfiniteTimeSpan ? -1 : (int)Math.Min(int.MaxValue, Math.Ceiling(timeout.TotalMilliseconds));
        return Checked(Libc.EpollWait(_epoll, _events, MaxEvents, timeoutMs));
    }

    private static int Checked(int count) => count >= 0 || Libc.LastError == Libc.Interrupted ? count : throw Libc.Failure("cannot wait on an epoll set");

    protected override void Interrupt()
    {
        ulong one = 1;
        _ = Libc.Write(_wake, &one, sizeof(ulong));
    }

    public override void Dispose()
    {
        EndWakes();
        if (_events is not null)
        {
            _ = Libc.Close(_epoll);
            _ = Libc.Close(_wake);
            NativeMemory.AlignedFree(_events);
            _events = null;
        }
    }
}
