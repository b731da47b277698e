using V100.Net;
using V100.Sfu.Rtp;

namespace V100.Sfu.Bwe;

/// <summary>
/// What was sent, by transport-wide number, until its fate is known. It begins small and doubles, up to <see cref="MaxLength"/>, when
/// what is less than two seconds old would be forgotten; at the bound the oldest is forgotten.
/// </summary>
internal sealed class TransmissionHistory
{
    public const int MinLength = 128;
    public const int MaxLength = 8192;

    private static readonly TimeSpan _keep = TimeSpan.FromSeconds(2);

    private Transmission[] _entries = new Transmission[MinLength];
    private SequenceUnwrapper _unwrapper;
    private long _oldest;

    /// <summary>How many it holds before it grows or forgets.</summary>
    public int Length => _entries.Length;

    public bool IsEmpty => !_unwrapper.HasStarted;

    /// <summary>The last number sent.</summary>
    public long Newest => _unwrapper.Newest.Value;

    /// <summary>The first number that is still known.</summary>
    public long Oldest => _oldest;

    public long Add(SequenceNumber transportSequence, int bytes, int probeCluster, Instant now)
    {
        bool isFirst = IsEmpty;
        long previous = isFirst ? 0 : Newest;
        long sequence = _unwrapper.Unwrap(transportSequence).Value;
        if (isFirst)
        {
            _oldest = sequence;
        }
        else if (sequence <= previous)
        {
            // Numbers are counted up by the sender itself: another is no packet of its.
            return sequence;
        }

        if (sequence - _oldest >= _entries.Length)
        {
            MakeRoom(sequence, now);
        }

        for (long skipped = Math.Max(previous + 1, _oldest); !isFirst && skipped < sequence; skipped++)
        {
            this[skipped] = default;
        }

        this[sequence] = new Transmission
        {
            SentAt = now,
            Bytes = (ushort)Math.Clamp(bytes, 0, ushort.MaxValue),
            ProbeCluster = probeCluster,
        };
        return sequence;
    }

    /// <summary>Reads a wire's number as the one nearest to the newest that was sent.</summary>
    public long Unwrap(SequenceNumber transportSequence) => _unwrapper.Peek(transportSequence).Value;

    public bool Knows(long sequence) => !IsEmpty && sequence >= _oldest && sequence <= Newest && this[sequence].Bytes > 0;

    public ref Transmission this[long sequence] => ref _entries[sequence & (_entries.Length - 1)];

    private void MakeRoom(long sequence, Instant now)
    {
        ref Transmission oldest = ref this[_oldest];
        bool isWorthMore = oldest.Bytes > 0 && now - oldest.SentAt < _keep && _entries.Length < MaxLength;
        if (isWorthMore && sequence - _oldest < 2 * _entries.Length)
        {
            var larger = new Transmission[2 * _entries.Length];
            for (long kept = _oldest; kept < sequence; kept++)
            {
                larger[kept & (larger.Length - 1)] = this[kept];
            }

            _entries = larger;
            return;
        }

        _oldest = sequence - _entries.Length + 1;
    }
}
