namespace V100.Net;

/// <summary>One deadline of one owner; scheduled again without allocation. Belongs to at most one wheel.</summary>
public sealed class TimerNode(object owner)
{
    public object Owner { get; } = owner;
    public Instant Deadline { get; internal set; } = Instant.Never;
    public bool IsScheduled { get; internal set; }
}
