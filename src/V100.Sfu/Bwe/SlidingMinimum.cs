namespace V100.Sfu.Bwe;

/// <summary>The least value of the last slots of time that have any.</summary>
internal sealed class SlidingMinimum(int slots, long slotUs)
{
    private readonly long[] _least = new long[slots];
    private long _newest;

    public bool IsEmpty { get; private set; } = true;

    public long Least { get; private set; }

    /// <summary>Takes a value. One whose slot has passed is left out.</summary>
    public void Add(long atUs, long value)
    {
        long slot = atUs / slotUs;
        if (IsEmpty || slot - _newest >= slots)
        {
            Array.Fill(_least, long.MaxValue);
            _newest = slot;
            Least = value;
            IsEmpty = false;
        }
        else if (slot > _newest)
        {
            for (; _newest < slot; _newest++)
            {
                _least[Index(_newest + 1)] = long.MaxValue;
            }

            _least[Index(slot)] = value;
            Least = value;
            foreach (long least in _least)
            {
                Least = Math.Min(Least, least);
            }
        }
        else if (_newest - slot >= slots)
        {
            return;
        }

        ref long own = ref _least[Index(slot)];
        own = Math.Min(own, value);
        Least = Math.Min(Least, value);
    }

    public void Reset() => IsEmpty = true;

    private int Index(long slot) => (int)((ulong)slot % (ulong)_least.Length);
}
