using V100.Net;
using V100.Sfu.Forwarding;
using V100.Sfu.Rooms;
using V100.Sfu.Sdp;

namespace V100.Micro;

/// <summary>A room of 100 participants of whom 10 change with every tick, and 100 listeners who are told.</summary>
internal sealed class TickingRoom
{
    public const int Participants = 100;
    public const int Changing = 10;
    public const int Listeners = 100;

    private readonly TickSchedule _schedule = new();
    private readonly RoomTick _room;
    private readonly Listener[] _listeners = new Listener[Listeners];
    private readonly byte[] _json = new byte[64 * 1024];
    private Instant _now = new(1_000_000_000);
    private int _turn;

    public TickingRoom()
    {
        _room = new RoomTick("a room", _schedule, 1);
        for (int index = 0; index < Participants; index++)
        {
            string identity = $"participant {index}";
            _room.Joined(identity, $"Someone's Name {index}", null, DateTimeOffset.UnixEpoch);
            _room.Published(identity, new TrackId(index), MediaKind.Audio, "microphone", [""], false);
        }

        _room.Settle();
        for (int index = 0; index < Listeners; index++)
        {
            _listeners[index] = new Listener();
            _room.Log.Add(_listeners[index], _room.Log.Id);
        }
    }

    /// <summary>The length of one tick's JSON.</summary>
    public int Measure()
    {
        Change();
        Tick();
        Premise.Holds(_listeners[0].TryPeek(out TickEvent tick));
        TakeAll();
        return tick.Length;
    }

    public void Change()
    {
        _turn++;
        for (int index = 0; index < Changing; index++)
        {
            var track = new TrackId(index * Participants / Changing);
            _room.Muted(track, (_turn & 1) != 0);
            _room.Level(track, 40 + 5 * (_turn % 10));
        }
    }

    public void Tick()
    {
        _now += TickSchedule.Interval;
        _schedule.Run(_now);
        while (_schedule.TryPollTold(out TickLog log))
        {
            log.WakeListeners();
        }
    }

    /// <summary>How many events all listeners took together.</summary>
    public int TakeAll()
    {
        int taken = 0;
        for (int index = 0; index < Listeners; index++)
        {
            taken += Take(index);
        }

        return taken;
    }

    /// <summary>How many events one listener took.</summary>
    public int Take(int index)
    {
        Listener listener = _listeners[index];
        int taken = 0;
        for (; listener.TryPeek(out TickEvent tick); taken++)
        {
            Premise.Holds(tick.Kind == TickEventKind.Tick && listener.TryTake(in tick, _json.AsSpan(0, tick.Length)));
        }

        Premise.Holds(listener.Wakes > 0);
        return taken;
    }

    private sealed class Listener : TickListener
    {
        public long Wakes { get; private set; }

        protected internal override void Wake() => Wakes++;
    }
}
