using System.Text;
using V100.Sfu.Rooms;

namespace V100.Sfu.Tests.Rooms;

/// <summary>A listener that is read when the test says so, and knows the state that it was told.</summary>
internal sealed class TestListener : TickListener
{
    public int Wakes { get; private set; }

    /// <summary>What it knows.</summary>
    public ToldRoom Told { get; private set; } = new();

    /// <summary>The last state that it was told.</summary>
    public TickId? Last { get; private set; }

    /// <summary>Of everything that it took, the kinds, in order.</summary>
    public List<TickEventKind> Kinds { get; } = [];

    /// <summary>The JSON of what it took last.</summary>
    public string Json { get; private set; } = "";

    /// <summary>One that goes on where another stopped, with what that one knew.</summary>
    public static TestListener After(TestListener other) => new() { Told = other.Told, Last = other.Last };

    /// <summary>Takes all that there is.</summary>
    /// <returns>Whether it must ask for a snapshot.</returns>
    public bool TakeAll()
    {
        while (TryPeek(out TickEvent next))
        {
            Kinds.Add(next.Kind);
            if (next.Kind == TickEventKind.Behind)
            {
                return true;
            }

            byte[] json = new byte[next.Length];
            Assert.True(TryTake(in next, json));
            Json = Encoding.UTF8.GetString(json);
            if (next.Kind == TickEventKind.End)
            {
                return false;
            }

            Last = next.Id;
            if (next.Kind == TickEventKind.Snapshot)
            {
                Told = ToldRoom.Of(Json);
            }
            else
            {
                Told.Apply(Json);
            }
        }

        return false;
    }

    protected internal override void Wake() => Wakes++;
}
