using System.Text;
using V100.Sfu.Rooms;

namespace V100.Simulation.World;

/// <summary>Reads what a room tells as soon as there is something, and keeps it.</summary>
internal sealed class ReadingListener : TickListener
{
    private readonly StringBuilder _told = new();

    public static ReadingListener Listen(SimulatedWorld world, string room)
    {
        var listener = new ReadingListener();
        Assert.Equal(ListenOutcome.Listening, world.Server.Use(rooms => rooms.AddListener(room, listener, null), world.Now));
        return listener;
    }

    public string All => _told.ToString();

    public bool Told(string text) => All.Contains(text, StringComparison.Ordinal);

    protected internal override void Wake()
    {
        while (TryPeek(out TickEvent next))
        {
            byte[] json = new byte[next.Length];
            Assert.True(TryTake(in next, json));
            _told.Append(Encoding.UTF8.GetString(json));
        }
    }
}
