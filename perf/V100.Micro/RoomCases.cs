using V100.Net;
using V100.Sfu.Forwarding;
using V100.Sfu.Rooms;
using V100.Sfu.Sdp;

namespace V100.Micro;

/// <summary>What it costs to tell the listeners of a room what happens in it.</summary>
internal static class RoomCases
{
    private const int Participants = 100;
    private const int Changing = 10;
    private const int Listeners = 100;

    /// <summary>Ticks between two readings of all listeners: none of them falls behind.</summary>
    private const int Ticks = 64;

    public static IEnumerable<Case> All =>
    [
        new("Rooms", "tick of 100 participants of whom 10 changed, queued to 100 listeners", Tick),
        new("Rooms", "tick of a room in which nothing changed", IdleTick),
    ];

    /// <summary>From the calls that say what changed to the wake of every listener. Each of the ten changes its mute and its level.</summary>
    private static Pairing Tick()
    {
        var room = new TickingRoom();
        byte[] one = new byte[room.Measure()];
        byte[] copy = new byte[one.Length];
        return new Pairing
        {
            Subject = new Workload(operations =>
            {
                for (int index = 0; index < operations; index++)
                {
                    room.Change();
                    room.Tick();
                }
            })
            {
                MaxCount = Ticks,
                Settle = operations => Premise.Holds(room.TakeAll() == operations * Listeners),
            },
            FloorName = $"a copy of the tick's {one.Length} bytes, and a reference to it for each listener",
            Floor = new Workload(operations =>
            {
                byte[][] queues = new byte[Listeners][];
                for (int index = 0; index < operations; index++)
                {
                    one.CopyTo(copy, 0);
                    Array.Fill(queues, copy);
                }
            }),
        };
    }

    private static Pairing IdleTick()
    {
        var room = new TickingRoom();
        return new Pairing
        {
            Subject = new Workload(operations =>
            {
                for (int index = 0; index < operations; index++)
                {
                    room.Tick();
                }
            }),
        };
    }

    private sealed class TickingRoom
    {
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
            foreach (Listener listener in _listeners)
            {
                while (listener.TryPeek(out TickEvent tick))
                {
                    Premise.Holds(tick.Kind == TickEventKind.Tick && listener.TryTake(in tick, _json.AsSpan(0, tick.Length)));
                    taken++;
                }

                Premise.Holds(listener.Wakes > 0);
            }

            return taken;
        }
    }

    private sealed class Listener : TickListener
    {
        public long Wakes { get; private set; }

        protected internal override void Wake() => Wakes++;
    }
}
