namespace V100.Sfu.Bwe;

/// <summary>
/// Bytes over the last 640 ms of some clock, in slots of 20 ms, and their rate. It serves for what is sent, by the local clock, and for
/// what is acknowledged, by the receiver's.
/// </summary>
internal sealed class RateWindow
{
    private const int Slots = 32;
    private const long SlotUs = 20_000;
    private const long MinSpanUs = 80_000;

    private readonly int[] _bytes = new int[Slots];
    private long _newestSlot;
    private long _newestUs;
    private long _firstUs;
    private bool _hasStarted;

    /// <summary>Counts a packet. One older than the window is left out.</summary>
    public void Add(long atUs, int bytes)
    {
        if (!_hasStarted || atUs - _newestUs > Slots * SlotUs)
        {
            Reset();
            _hasStarted = true;
            _firstUs = atUs;
            _newestUs = atUs;
            _newestSlot = Slot(atUs);
            return;
        }

        long slot = Slot(atUs);
        for (; _newestSlot < slot; _newestSlot++)
        {
            _bytes[(int)((_newestSlot + 1) & (Slots - 1))] = 0;
        }

        if (_newestSlot - slot < Slots)
        {
            _bytes[(int)(slot & (Slots - 1))] += bytes;
        }

        _newestUs = Math.Max(_newestUs, atUs);
    }

    /// <summary>Bits per second over about the last <paramref name="windowMs"/> (at most 600); 0 while there is too little to say.</summary>
    public long RateBps(int windowMs) => _hasStarted ? RateBps(windowMs, _newestUs) : 0;

    /// <summary>The same, with the window's end at <paramref name="untilUs"/>, for a clock that goes on while nothing is counted.</summary>
    public long RateBps(int windowMs, long untilUs)
    {
        if (!_hasStarted || untilUs - _newestUs >= Slots * SlotUs)
        {
            return 0;
        }

        long last = Math.Max(Slot(untilUs), _newestSlot);
        long first = Math.Max(last - Math.Min(windowMs * 1000 / SlotUs, Slots - 1), Slot(_firstUs));
        long bytes = 0;
        for (long slot = Math.Max(first, _newestSlot - Slots + 1); slot <= _newestSlot; slot++)
        {
            bytes += _bytes[(int)(slot & (Slots - 1))];
        }

        long spanUs = Math.Max(untilUs, _newestUs) - Math.Max(first * SlotUs, _firstUs);
        return spanUs < MinSpanUs ? 0 : bytes * 8_000_000 / spanUs;
    }

    public void Reset()
    {
        _hasStarted = false;
        Array.Clear(_bytes);
    }

    private static long Slot(long atUs) => atUs >= 0 ? atUs / SlotUs : (atUs + 1) / SlotUs - 1;
}
