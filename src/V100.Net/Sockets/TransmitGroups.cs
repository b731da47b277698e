using System.Numerics;

namespace V100.Net.Sockets;

/// <summary>
/// Gathers the packets of a batch into messages: several of one size to one address, the last of which may be shorter, become one
/// message that the system cuts again (UDP_SEGMENT). Keeps the order of the packets of each destination, also where those of
/// several destinations alternate, as a fan-out writes them.
/// </summary>
internal sealed class TransmitGroups
{
    /// <summary>What every kernel with UDP_SEGMENT takes in one message (UDP_MAX_SEGMENTS of the first ones).</summary>
    public const int MaxSegments = 64;

    /// <summary>The largest UDP payload over IPv4, which bounds the message as a whole.</summary>
    public const int MaxBytes = 65_507;

    internal struct Group
    {
        public int First;
        public int Last;
        public int Count;
        public int SegmentLength;
        public int TotalLength;
        public int Bucket;
        public IpFields Fields;
        public bool Closed;
    }

    private Group[] _groups = [];
    private int[] _next = [];

    // Open addressing over (remote, local): the number of the destination's latest group, plus one.
    private int[] _buckets = [];
    private int _count;

    public ReadOnlySpan<Group> Groups => _groups.AsSpan(0, _count);

    /// <summary>The packet of the same group behind this one; -1 at its end.</summary>
    public int Next(int index) => _next[index];

    public void Build(ReadOnlySpan<TransmitBatch.Entry> entries, ReadOnlySpan<int> indices, bool segmentation)
    {
        if (_next.Length < entries.Length)
        {
            GrowSlow(entries.Length);
        }

        _count = 0;
        foreach (int index in indices)
        {
            _next[index] = -1;
            if (!segmentation || indices.Length == 1)
            {
                Begin(index, in entries[index], -1);
                continue;
            }

            int bucket = FindBucket(entries, in entries[index]);
            if (_buckets[bucket] == 0 || !TryAppend(ref _groups[_buckets[bucket] - 1], index, in entries[index]))
            {
                Begin(index, in entries[index], bucket);
                _buckets[bucket] = _count;
            }
        }

        foreach (ref readonly Group group in Groups)
        {
            if (group.Bucket >= 0)
            {
                _buckets[group.Bucket] = 0;
            }
        }
    }

    private bool TryAppend(ref Group group, int index, ref readonly TransmitBatch.Entry entry)
    {
        // An empty packet cannot be expressed as a segment, and the segments of a message have the IP fields of the whole.
        int length = entry.Length;
        if (group.Closed || length == 0 || length > group.SegmentLength || group.Count == MaxSegments || group.TotalLength + length > MaxBytes
            || group.Fields != entry.Fields)
        {
            return false;
        }

        group.Closed = length < group.SegmentLength;
        group.Count++;
        group.TotalLength += length;
        _next[group.Last] = index;
        group.Last = index;
        return true;
    }

    private void Begin(int index, ref readonly TransmitBatch.Entry entry, int bucket) => _groups[_count++] = new Group
    {
        First = index,
        Last = index,
        Count = 1,
        SegmentLength = entry.Length,
        TotalLength = entry.Length,
        Bucket = bucket,
        Fields = entry.Fields,
    };

    private int FindBucket(ReadOnlySpan<TransmitBatch.Entry> entries, ref readonly TransmitBatch.Entry entry)
    {
        int mask = _buckets.Length - 1;
        int bucket = entry.Remote.GetHashCode() & mask;
        while (_buckets[bucket] != 0)
        {
            ref readonly TransmitBatch.Entry other = ref entries[_groups[_buckets[bucket] - 1].First];
            if (other.Remote == entry.Remote && other.Local == entry.Local)
            {
                break;
            }

            bucket = (bucket + 1) & mask;
        }

        return bucket;
    }

    private void GrowSlow(int count)
    {
        _groups = new Group[count];
        _next = new int[count];
        _buckets = new int[BitOperations.RoundUpToPowerOf2((uint)count * 2)];
    }
}
