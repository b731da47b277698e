using System.Diagnostics.CodeAnalysis;

namespace V100.Sfu.Bwe;

/// <summary>Waiting packets in order, up to a bound and then refused. It holds blocks for what waits and none while nothing does.</summary>
internal sealed class PacketQueue<T>(int maxLength, PacketBlocks<T> blocks)
    where T : struct
{
    private PacketBlocks<T>.Block? _first;
    private PacketBlocks<T>.Block? _last;

    // Of the first block's next item, and behind the last block's last.
    private int _head;
    private int _end;

    public int Count { get; private set; }
    public long Bytes { get; private set; }

    public bool TryAdd(in T item, int bytes)
    {
        if (Count == maxLength)
        {
            return false;
        }

        if (_last is null)
        {
            _first = _last = blocks.Rent();
            _head = _end = 0;
        }
        else if (_end == PacketBlocks<T>.BlockLength)
        {
            _last = _last.Next = blocks.Rent();
            _end = 0;
        }

        _last.Items[_end++] = (item, bytes);
        Count++;
        Bytes += bytes;
        return true;
    }

    public bool TryTake([MaybeNullWhen(false)] out T item, out int bytes)
    {
        if (_first is not { } first)
        {
            item = default;
            bytes = 0;
            return false;
        }

        (item, bytes) = first.Items[_head];
        first.Items[_head++] = default;
        Count--;
        Bytes -= bytes;
        if (Count == 0)
        {
            _first = _last = null;
            blocks.Return(first);
        }
        else if (_head == PacketBlocks<T>.BlockLength)
        {
            _first = first.Next;
            _head = 0;
            blocks.Return(first);
        }

        return true;
    }
}
