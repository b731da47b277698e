using System.Diagnostics;
using V100.Net;

namespace V100.Sfu.Ice;

/// <summary>
/// The valid pairs of one agent and which of them is selected. At the bound a new pair takes the place of the one, not the
/// selected, that was silent for the longest time. What leaves is listed until the next call that changes the table. Most agents have one
/// pair or two: both lists begin small and double.
/// </summary>
internal sealed class IcePairTable
{
    /// <summary>A full agent with every kind of address of its own seldom shows more than 8; each has passed authentication.</summary>
    public const int Capacity = 16;

    private const int None = -1;

    private IcePair[] _pairs = new IcePair[1];
    private IcePair[] _removed = [];
    private int _count;
    private int _removedCount;
    private int _selected = None;

    public ReadOnlySpan<IcePair> Pairs => _pairs.AsSpan(0, _count);

    public ReadOnlySpan<IcePair> Removed => _removed.AsSpan(0, _removedCount);

    public bool HasSelected => _selected != None;

    public ref IcePair Selected => ref _pairs[_selected];

    public ref IcePair this[int index] => ref _pairs[index];

    public bool IsSelected(int index) => index == _selected;

    public void Select(int index) => _selected = index;

    /// <summary>Starts a call: what it removes is listed anew.</summary>
    public void ForgetRemoved() => _removedCount = 0;

    /// <summary>The index of a pair, or -1.</summary>
    public int Find(in TransportAddress remote, in TransportAddress local)
    {
        ReadOnlySpan<IcePair> pairs = Pairs;
        for (int i = 0; i < pairs.Length; i++)
        {
            if (pairs[i].Remote == remote && pairs[i].Local == local)
            {
                return i;
            }
        }

        return None;
    }

    public int Add(in IcePair pair)
    {
        int index = _count;
        if (_count == Capacity)
        {
            index = OldestUnselected();
            List(in _pairs[index]);
        }
        else if (_count++ == _pairs.Length)
        {
            Array.Resize(ref _pairs, 2 * _pairs.Length);
        }

        _pairs[index] = pair;
        return index;
    }

    /// <summary>Removes the pairs whose last check came at <paramref name="limit"/> or before.</summary>
    public void RemoveSilentSince(Instant limit)
    {
        for (int i = _count - 1; i >= 0; i--)
        {
            if (_pairs[i].LastCheck <= limit)
            {
                RemoveAt(i);
            }
        }
    }

    public void RemoveGenerationsBefore(int generation)
    {
        for (int i = _count - 1; i >= 0; i--)
        {
            if (_pairs[i].Generation < generation)
            {
                RemoveAt(i);
            }
        }
    }

    /// <summary>Selects the best of what is there, a nominated one before all others; false when nothing is.</summary>
    public bool SelectBest()
    {
        _selected = None;
        for (int i = 0; i < _count; i++)
        {
            if (_selected == None || IsBetter(_pairs[i], _pairs[_selected]))
            {
                _selected = i;
            }
        }

        return _selected != None;
    }

    private static bool IsBetter(in IcePair left, in IcePair right)
    {
        if (left.IsNominated != right.IsNominated)
        {
            return left.IsNominated;
        }

        return left.Priority != right.Priority ? left.Priority > right.Priority : left.LastCheck > right.LastCheck;
    }

    private int OldestUnselected()
    {
        int oldest = None;
        for (int i = 0; i < _count; i++)
        {
            if (i != _selected && (oldest == None || _pairs[i].LastCheck < _pairs[oldest].LastCheck))
            {
                oldest = i;
            }
        }

        Debug.Assert(oldest != None, "the capacity is more than one");
        return oldest;
    }

    private void RemoveAt(int index)
    {
        List(in _pairs[index]);
        int last = --_count;
        if (_selected == index)
        {
            _selected = None;
        }
        else if (_selected == last)
        {
            _selected = index;
        }

        _pairs[index] = _pairs[last];
    }

    private void List(in IcePair removed)
    {
        if (_removedCount == _removed.Length)
        {
            Array.Resize(ref _removed, Math.Max(1, 2 * _removed.Length));
        }

        _removed[_removedCount++] = removed;
    }
}
