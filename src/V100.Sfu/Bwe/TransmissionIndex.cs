using V100.Sfu.Rtp;

namespace V100.Sfu.Bwe;

/// <summary>
/// The transport-wide numbers of packets by stream and the stream's own number, for feedback that names them so (RFC 8888). It is twice as
/// long as the history that it points into, in sets of four places: the oldest of a full set is forgotten.
/// </summary>
internal sealed class TransmissionIndex
{
    private const int Ways = 4;
    private const int LengthFactor = 2;
    private const uint Spread = 0x9E3779B9;

    private Entry[] _entries = new Entry[LengthFactor * TransmissionHistory.MinLength];

    /// <param name="ssrc">The stream.</param>
    /// <param name="sequence">The packet's number in it; one that went before under the same number is forgotten.</param>
    /// <param name="transportSequence">Not 0, and more than any before.</param>
    /// <param name="historyLength">What the history holds by now.</param>
    public void Add(Ssrc ssrc, SequenceNumber sequence, long transportSequence, int historyLength)
    {
        if (LengthFactor * historyLength > _entries.Length)
        {
            Entry[] smaller = _entries;
            _entries = new Entry[LengthFactor * historyLength];
            foreach (ref readonly Entry kept in smaller.AsSpan())
            {
                Put(kept);
            }
        }

        Put(new Entry(ssrc, sequence, transportSequence));
    }

    public bool TryFind(Ssrc ssrc, SequenceNumber sequence, out long transportSequence)
    {
        foreach (ref readonly Entry entry in SetOf(ssrc, sequence))
        {
            if (entry.TransportSequence != 0 && entry.Ssrc == ssrc && entry.Sequence == sequence)
            {
                transportSequence = entry.TransportSequence;
                return true;
            }
        }

        transportSequence = 0;
        return false;
    }

    private void Put(in Entry added)
    {
        Span<Entry> set = SetOf(added.Ssrc, added.Sequence);
        int oldest = 0;
        for (int way = 0; way < Ways; way++)
        {
            if (set[way].Ssrc == added.Ssrc && set[way].Sequence == added.Sequence)
            {
                oldest = way;
                break;
            }

            oldest = set[way].TransportSequence < set[oldest].TransportSequence ? way : oldest;
        }

        set[oldest] = added;
    }

    // Numbers that follow each other lie in sets that do, so that a stream fills all sets alike.
    private Span<Entry> SetOf(Ssrc ssrc, SequenceNumber sequence)
    {
        uint sets = (uint)_entries.Length / Ways;
        uint set = (ssrc.Value * Spread >> 16) + sequence.Value & sets - 1;
        return _entries.AsSpan((int)set * Ways, Ways);
    }

    private readonly record struct Entry(Ssrc Ssrc, SequenceNumber Sequence, long TransportSequence);
}
