using System.Diagnostics.CodeAnalysis;

namespace V100.Sfu.Bwe;

/// <summary>A ring of waiting packets that doubles up to a bound and then refuses; it never shrinks, so that it soon allocates no more.</summary>
internal sealed class PacketQueue<T>(int maxLength)
    where T : struct
{
    private const int MinLength = 16;

    private (T Item, int Bytes)[] _items = new (T, int)[MinLength];
    private int _head;

    public int Count { get; private set; }
    public long Bytes { get; private set; }

    public bool TryAdd(in T item, int bytes)
    {
        if (Count == _items.Length && !TryGrow())
        {
            return false;
        }

        _items[(_head + Count) & (_items.Length - 1)] = (item, bytes);
        Count++;
        Bytes += bytes;
        return true;
    }

    public bool TryTake([MaybeNullWhen(false)] out T item, out int bytes)
    {
        if (Count == 0)
        {
            item = default;
            bytes = 0;
            return false;
        }

        (item, bytes) = _items[_head];
        _items[_head] = default;
        _head = (_head + 1) & (_items.Length - 1);
        Count--;
        Bytes -= bytes;
        return true;
    }

    private bool TryGrow()
    {
        if (_items.Length >= maxLength)
        {
            return false;
        }

        var larger = new (T, int)[2 * _items.Length];
        for (int index = 0; index < Count; index++)
        {
            larger[index] = _items[(_head + index) & (_items.Length - 1)];
        }

        _items = larger;
        _head = 0;
        return true;
    }
}
