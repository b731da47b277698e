using V100.Net;

namespace V100.Load;

/// <summary>Which packets count: those whose stamp is of this time. Any thread; it is set before it begins.</summary>
internal sealed class MeasuredWindow
{
    private long _from = long.MaxValue;
    private long _until = long.MaxValue;

    public Instant From => new(Volatile.Read(ref _from));

    public Instant Until => new(Volatile.Read(ref _until));

    public void Set(Instant from, Instant until)
    {
        Volatile.Write(ref _until, until.Nanoseconds);
        Volatile.Write(ref _from, from.Nanoseconds);
    }

    public bool Holds(Instant stamp) => stamp >= From && stamp < Until;
}
