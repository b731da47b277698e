using V100.Net;

namespace V100.Simulation.Bandwidth;

/// <summary>Virtual time: what is to happen, in order.</summary>
internal sealed class Timeline
{
    private readonly PriorityQueue<Action, (Instant At, long Order)> _events = new();
    private long _order;

    public Instant Now { get; private set; } = new(1_000_000_000_000);

    public void At(Instant when, Action happens) => _events.Enqueue(happens, (when > Now ? when : Now, _order++));

    public void In(TimeSpan span, Action happens) => At(Now + span, happens);

    public void RunUntil(Instant end)
    {
        while (_events.TryPeek(out _, out (Instant At, long) next) && next.At <= end)
        {
            Now = next.At;
            _events.Dequeue()();
        }

        Now = end;
    }
}
