namespace V100.Net;

/// <summary>
/// A point in monotonic time, in nanoseconds since an origin that only its source knows.
/// Protocol machines get it as an argument and never read a clock; a simulated network makes its own.
/// </summary>
public readonly record struct Instant(long Nanoseconds) : IComparable<Instant>
{
    /// <summary>Later than every other instant: "no deadline".</summary>
    public static readonly Instant Never = new(long.MaxValue);

    public long Milliseconds => Nanoseconds / 1_000_000;

    public int CompareTo(Instant other) => Nanoseconds.CompareTo(other.Nanoseconds);

    public static Instant Earlier(Instant left, Instant right) => left <= right ? left : right;

    /// <summary>Never and what lies beyond the end of time stay <see cref="Never"/>, so that a deadline never wraps into the past.</summary>
    public static Instant operator +(Instant instant, TimeSpan span)
    {
        long sum = unchecked(instant.Nanoseconds + span.Ticks * 100);
        bool wrapped = span.Ticks > long.MaxValue / 100 || span.Ticks >= 0 && sum < instant.Nanoseconds;
        return wrapped || instant == Never ? Never : new Instant(sum);
    }

    public static Instant operator -(Instant instant, TimeSpan span) => new(instant.Nanoseconds - span.Ticks * 100);
    public static TimeSpan operator -(Instant left, Instant right) => new((left.Nanoseconds - right.Nanoseconds) / 100);

    public static bool operator <(Instant left, Instant right) => left.Nanoseconds < right.Nanoseconds;
    public static bool operator >(Instant left, Instant right) => left.Nanoseconds > right.Nanoseconds;
    public static bool operator <=(Instant left, Instant right) => left.Nanoseconds <= right.Nanoseconds;
    public static bool operator >=(Instant left, Instant right) => left.Nanoseconds >= right.Nanoseconds;

    public override string ToString() => this == Never ? "never" : $"{Nanoseconds / 1e9:F6} s";
}
