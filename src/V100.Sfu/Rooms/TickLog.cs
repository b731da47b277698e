using System.Diagnostics;

namespace V100.Sfu.Rooms;

/// <summary>
/// The last ticks of one room, as JSON, and who takes them. To queue a tick to all listeners is to put it here once: each of them has only a place.
/// So it costs the same for one listener and for thousands, no queue grows, and a place is all that a client has to remember to go on later.
/// </summary>
/// <remarks>
/// The room layer writes, listeners read on their own threads; a lock is held for as long as it takes to copy one tick. A listener whose place has
/// been overwritten gets a snapshot, made once for all that wait for one.
/// </remarks>
public sealed class TickLog
{
    /// <summary>Six seconds of a room in which every tick says something.</summary>
    internal const int MaxTicks = 128;

    /// <summary>Bytes that are kept; a longer tick is not kept at all, and its listeners get a snapshot.</summary>
    internal const int MaxBytes = 128 * 1024;

    private const int FirstBytes = 4 * 1024;

    private readonly Lock _gate = new();
    private readonly ulong _name;
    private readonly (long Start, int Length)[] _ticks = new (long, int)[MaxTicks];
    private byte[] _bytes = new byte[FirstBytes];
    private long _oldest = 1;
    private long _newest;
    private long _writeAt;
    private TickListener[] _listeners = [];
    private int _awaiting;
    private byte[]? _snapshot;
    private long _snapshotNumber;
    private byte[]? _end;

    internal TickLog(ulong name)
    {
        _name = name;
    }

    /// <summary>The present state. For the room layer.</summary>
    internal TickId Id => new(_name, _newest);

    public int ListenerCount => Volatile.Read(ref _listeners).Length;

    /// <summary>Somebody waits for a snapshot that there is not.</summary>
    internal bool WantsSnapshot
    {
        get
        {
            if (Volatile.Read(ref _awaiting) == 0)
            {
                return false;
            }

            lock (_gate)
            {
                return _awaiting > 0 && !HasSnapshot;
            }
        }
    }

    private bool HasSnapshot => _snapshot is not null && _snapshotNumber + 1 >= _oldest;

    /// <summary>Tells every listener that there may be something. Any thread; without the lock, so that none waits for another.</summary>
    public void WakeListeners()
    {
        foreach (TickListener listener in Volatile.Read(ref _listeners))
        {
            listener.Wake();
        }
    }

    /// <param name="listener">A new one.</param>
    /// <param name="last">What it knows already; a state that is not known here, or too long ago, makes it wait for a snapshot.</param>
    internal void Add(TickListener listener, TickId? last)
    {
        lock (_gate)
        {
            bool resumes = last is { } id && id.Log == _name && id.Number >= _oldest - 1 && id.Number <= _newest;
            listener.Next = resumes ? last!.Value.Number + 1 : 0;
            if (!resumes)
            {
                Await(listener);
            }

            listener.Log = this;
            Volatile.Write(ref _listeners, [.. _listeners, listener]);
        }
    }

    internal void Remove(TickListener listener)
    {
        lock (_gate)
        {
            Volatile.Write(ref _listeners, Array.FindAll(_listeners, other => other != listener));
            StopAwaiting(listener);
        }
    }

    /// <summary>The next tick: for all listeners at once.</summary>
    internal void Append(ReadOnlySpan<byte> json)
    {
        lock (_gate)
        {
            _newest++;
            if (json.Length > MaxBytes)
            {
                _oldest = _newest + 1;
                return;
            }

            MakeRoom(json.Length);
            _ticks[_newest % MaxTicks] = (_writeAt, json.Length);
            int at = (int)(_writeAt % _bytes.Length);
            int first = Math.Min(json.Length, _bytes.Length - at);
            json[..first].CopyTo(_bytes.AsSpan(at));
            json[first..].CopyTo(_bytes);
            _writeAt += json.Length;
        }
    }

    /// <summary>The present state as a whole, for those that wait for it.</summary>
    internal void SetSnapshot(byte[] json)
    {
        lock (_gate)
        {
            _snapshot = json;
            _snapshotNumber = _newest;
        }
    }

    /// <summary>Nothing more will come.</summary>
    internal void End(byte[] json)
    {
        lock (_gate)
        {
            _end ??= json;
        }
    }

    internal bool TryPeek(TickListener listener, out TickEvent next)
    {
        lock (_gate)
        {
            if (listener.AwaitsSnapshot && HasSnapshot)
            {
                next = new TickEvent(TickEventKind.Snapshot, new TickId(_name, _snapshotNumber), _snapshot!.Length) { Snapshot = _snapshot };
                return true;
            }

            if (!listener.AwaitsSnapshot && listener.Next >= _oldest && listener.Next <= _newest)
            {
                next = new TickEvent(TickEventKind.Tick, new TickId(_name, listener.Next), _ticks[listener.Next % MaxTicks].Length);
                return true;
            }

            if (_end is not null)
            {
                next = new TickEvent(TickEventKind.End, new TickId(_name, _newest), _end.Length);
                return true;
            }

            next = new TickEvent(TickEventKind.Behind, default, 0);
            if (listener.AwaitsSnapshot || listener.Next > _newest)
            {
                return false;
            }

            Await(listener);
            return true;
        }
    }

    internal bool TryTake(TickListener listener, in TickEvent next, Span<byte> json)
    {
        Debug.Assert(json.Length == next.Length);
        lock (_gate)
        {
            switch (next.Kind)
            {
                case TickEventKind.Snapshot:
                    StopAwaiting(listener);
                    listener.Next = next.Id.Number + 1;
                    break;
                case TickEventKind.Tick when next.Id.Number >= _oldest:
                    (long start, int length) = _ticks[next.Id.Number % MaxTicks];
                    CopyOut(start, length, json);
                    listener.Next = next.Id.Number + 1;
                    return true;
                case TickEventKind.End:
                    _end.CopyTo(json);
                    return true;
                default:
                    return false;
            }
        }

        next.Snapshot.CopyTo(json);
        return true;
    }

    private void CopyOut(long start, int length, Span<byte> target)
    {
        int at = (int)(start % _bytes.Length);
        int first = Math.Min(length, _bytes.Length - at);
        _bytes.AsSpan(at, first).CopyTo(target);
        _bytes.AsSpan(0, length - first).CopyTo(target[first..]);
    }

    /// <summary>Drops the oldest, or grows, until the newest tick fits.</summary>
    private void MakeRoom(int length)
    {
        while (_newest - _oldest >= MaxTicks || Kept + length > MaxBytes)
        {
            _oldest++;
        }

        if (Kept + length > _bytes.Length)
        {
            Grow(Kept + length);
        }
    }

    /// <summary>Bytes of the ticks before the newest.</summary>
    private int Kept => _oldest < _newest ? (int)(_writeAt - _ticks[_oldest % MaxTicks].Start) : 0;

    private void Grow(int length)
    {
        int kept = Kept;
        long start = _writeAt - kept;
        byte[] larger = new byte[(int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)length)];
        CopyOut(start, kept, larger);
        for (long number = _oldest; number < _newest; number++)
        {
            _ticks[number % MaxTicks].Start -= start;
        }

        _writeAt = kept;
        _bytes = larger;
    }

    private void Await(TickListener listener)
    {
        listener.AwaitsSnapshot = true;
        _awaiting++;
    }

    private void StopAwaiting(TickListener listener)
    {
        if (!listener.AwaitsSnapshot)
        {
            return;
        }

        listener.AwaitsSnapshot = false;
        _awaiting--;
        _snapshot = _awaiting == 0 ? null : _snapshot;
    }
}
