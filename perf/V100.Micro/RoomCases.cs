namespace V100.Micro;

/// <summary>What it costs to tell the listeners of a room what happens in it.</summary>
internal static class RoomCases
{
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
                Settle = operations => Premise.Holds(room.TakeAll() == operations * TickingRoom.Listeners),
            },
            FloorName = $"a copy of the tick's {one.Length} bytes, and a reference to it for each listener",
            Floor = new Workload(operations =>
            {
                byte[][] queues = new byte[TickingRoom.Listeners][];
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
}
