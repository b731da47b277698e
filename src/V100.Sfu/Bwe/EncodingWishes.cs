using V100.Net;

namespace V100.Sfu.Bwe;

/// <summary>
/// Which encodings of a track anybody takes, so that the publisher can rest the others: one is wanted at once when somebody takes it, and no
/// longer when nobody has taken it for <see cref="Hold"/>. In the beginning all are wanted.
/// </summary>
/// <remarks>
/// Call <see cref="Update"/> with what is taken, over all shards, whenever that may have changed, and at <see cref="NextDeadline"/>.
/// True means: tell the publisher <see cref="Wanted"/>.
/// </remarks>
public sealed class EncodingWishes(Instant startedAt)
{
    public const int MaxEncodings = 8;

    /// <summary>Resting and waking an encoder costs a key frame each time; a subscriber that goes down often comes back within this.</summary>
    public static readonly TimeSpan Hold = TimeSpan.FromSeconds(4);

    private readonly Instant[] _lastTaken = CreateTimes(startedAt);
    private uint _taken;

    /// <summary>One bit for each encoding.</summary>
    public uint Wanted { get; private set; } = (1u << MaxEncodings) - 1;

    /// <summary>When an encoding that nobody takes is wanted no longer.</summary>
    public Instant NextDeadline
    {
        get
        {
            Instant next = Instant.Never;
            for (int encoding = 0; encoding < MaxEncodings; encoding++)
            {
                next = (Wanted & ~_taken & MaskOf(encoding)) != 0 ? Instant.Earlier(next, _lastTaken[encoding] + Hold) : next;
            }

            return next;
        }
    }

    /// <summary>The bit of an encoding; none for one that is no encoding, such as that of <see cref="LayerChoice.None"/>.</summary>
    public static uint MaskOf(int encoding) => encoding is >= 0 and < MaxEncodings ? 1u << encoding : 0;

    /// <param name="taken">One bit for each encoding that somebody takes, or wants to switch to.</param>
    /// <param name="now">The present.</param>
    public bool Update(uint taken, Instant now)
    {
        uint wanted = 0;
        for (int encoding = 0; encoding < MaxEncodings; encoding++)
        {
            uint mask = MaskOf(encoding);
            if (((taken | _taken) & mask) != 0)
            {
                _lastTaken[encoding] = now;
            }

            wanted |= (taken & mask) != 0 || (Wanted & mask) != 0 && now - _lastTaken[encoding] < Hold ? mask : 0;
        }

        bool changed = wanted != Wanted;
        _taken = taken;
        Wanted = wanted;
        return changed;
    }

    private static Instant[] CreateTimes(Instant at)
    {
        var times = new Instant[MaxEncodings];
        Array.Fill(times, at);
        return times;
    }
}
