using V100.Net;

namespace V100.Sfu.Rtcp;

/// <summary>
/// Asks one published source for key frames on behalf of all its subscribers (PLI, RFC 4585, 6.3.1, or FIR, RFC 5104, 4.3.1): any number of
/// wishes within an interval is one request, and a request is repeated until a key frame begins.
/// </summary>
/// <remarks>
/// Call <see cref="Request"/> for each wish, <see cref="OnKeyframe"/> when one begins, and <see cref="TryTake"/> after those and at
/// <see cref="NextDeadline"/>: true means send a request now. After <see cref="MaxRequests"/> without a key frame it waits for the next wish.
/// </remarks>
public sealed class KeyframeRequests
{
    /// <summary>
    /// A key frame takes a round trip, an encoding and, being several times as large as other frames, the pacer's time to come: asked
    /// again within half a second, the encoder makes a second one for nothing, at the cost of everyone's picture.
    /// </summary>
    public static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(500);

    public const int MaxRequests = 20;

    private Instant _lastSentAt;
    private int _sent;
    private bool _everSent;

    /// <summary>A key frame is wished for and has not begun.</summary>
    public bool IsPending { get; private set; }

    /// <summary>FIR's command number: a repetition keeps it (RFC 5104, 4.3.1.2).</summary>
    public byte CommandSequence { get; private set; }

    public Instant NextDeadline { get; private set; } = Instant.Never;

    public void Request(Instant now)
    {
        if (IsPending)
        {
            return;
        }

        IsPending = true;
        _sent = 0;
        CommandSequence++;
        Instant allowed = _everSent ? _lastSentAt + Interval : now;
        NextDeadline = allowed > now ? allowed : now;
    }

    /// <summary>Whether to send a request now.</summary>
    /// <param name="now">The present.</param>
    /// <param name="roundTrip">To the publisher; a repetition waits for at least two.</param>
    public bool TryTake(Instant now, TimeSpan roundTrip)
    {
        if (now < NextDeadline)
        {
            return false;
        }

        if (_sent == MaxRequests)
        {
            IsPending = false;
            NextDeadline = Instant.Never;
            return false;
        }

        _sent++;
        _everSent = true;
        _lastSentAt = now;
        NextDeadline = now + (roundTrip * 2 > Interval ? roundTrip * 2 : Interval);
        return true;
    }

    /// <summary>A key frame began: every wish so far is met.</summary>
    public void OnKeyframe()
    {
        IsPending = false;
        NextDeadline = Instant.Never;
    }
}
