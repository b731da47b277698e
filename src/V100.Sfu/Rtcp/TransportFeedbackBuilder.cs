using V100.Net;
using V100.Sfu.Rtp;

namespace V100.Sfu.Rtcp;

/// <summary>
/// Collects when the packets of one transport came, over all of its streams (media, retransmissions, padding, audio), by their
/// transport-wide number, and makes the feedback from which the publisher's browser estimates its bandwidth.
/// </summary>
/// <remarks>
/// Call <see cref="OnPacket"/> for each packet that has the extension; at <see cref="NextDeadline"/> call <see cref="WriteFeedback"/>
/// until it says no. A packet that comes after it was reported missing is reported again, with what stands behind it. The window has
/// <see cref="WindowLength"/> packets; what was not reported within it is not reported.
/// </remarks>
public sealed class TransportFeedbackBuilder(TimeSpan interval)
{
    public const int WindowLength = 2048;

    private const int MaxStatusesPerPacket = 512;

    /// <summary>As libwebrtc reports at usual rates: often enough for delay gradients, about 10 kbit/s.</summary>
    public static readonly TimeSpan DefaultInterval = TimeSpan.FromMilliseconds(100);

    private readonly long[] _arrivalTicks = NewWindow();
    private SequenceUnwrapper _unwrapper;
    private long _next;
    private byte _feedbackCount;

    public TransportFeedbackBuilder()
        : this(DefaultInterval)
    {
    }

    /// <summary>When feedback is due; never while nothing came since the last.</summary>
    public Instant NextDeadline { get; private set; } = Instant.Never;

    public void OnPacket(SequenceNumber transportSequence, Instant now)
    {
        long previous = _unwrapper.HasStarted ? _unwrapper.Newest.Value : long.MinValue;
        long sequence = _unwrapper.Unwrap(transportSequence).Value;
        if (previous == long.MinValue)
        {
            _next = sequence;
        }
        else if (sequence > previous)
        {
            Advance(previous, sequence);
        }
        else if (previous - sequence >= WindowLength || Slot(sequence) != TransportFeedbackWriter.NotReceived)
        {
            return;
        }

        Slot(sequence) = now.Nanoseconds / 250_000;
        _next = Math.Min(_next, sequence);
        NextDeadline = Instant.Earlier(NextDeadline, now + interval);
        if (_unwrapper.Newest.Value - _next >= WindowLength / 2)
        {
            NextDeadline = now;
        }
    }

    /// <summary>Writes one feedback packet about what is not yet reported. False, with nothing written, when there is nothing or no room.</summary>
    /// <param name="writer">Where the packet goes.</param>
    /// <param name="sender">The SSRC that V100 reports with.</param>
    /// <param name="media">Any stream of the transport.</param>
    public bool WriteFeedback(ref SpanWriter writer, Ssrc sender, Ssrc media)
    {
        if (NextDeadline == Instant.Never)
        {
            return false;
        }

        Span<long> ticks = stackalloc long[MaxStatusesPerPacket];
        int count = (int)Math.Min(_unwrapper.Newest.Value - _next + 1, ticks.Length);
        for (int index = 0; index < count; index++)
        {
            ticks[index] = Slot(_next + index);
        }

        ticks = ticks[..count];
        var fields = new TransportFeedbackWriter.Fields(sender, media, new ExtendedSequence(_next).Wire, _feedbackCount);
        int written = TransportFeedbackWriter.Write(ref writer, fields, ticks);
        if (written == 0 && ticks.ContainsAnyExcept(TransportFeedbackWriter.NotReceived))
        {
            return false;
        }

        // A stretch of nothing but loss, longer than a packet of feedback is about, has no time to refer to: it is left out.
        _next += written == 0 ? count : written;
        _feedbackCount += (byte)(written == 0 ? 0 : 1);
        if (_next > _unwrapper.Newest.Value)
        {
            NextDeadline = Instant.Never;
        }

        return written > 0 || WriteFeedback(ref writer, sender, media);
    }

    private ref long Slot(long sequence) => ref _arrivalTicks[sequence & (WindowLength - 1)];

    private void Advance(long previous, long sequence)
    {
        long first = Math.Max(previous + 1, sequence - WindowLength + 1);
        for (long skipped = first; skipped < sequence; skipped++)
        {
            Slot(skipped) = TransportFeedbackWriter.NotReceived;
        }

        _next = Math.Max(_next, sequence - WindowLength + 1);
    }

    private static long[] NewWindow()
    {
        var window = new long[WindowLength];
        Array.Fill(window, TransportFeedbackWriter.NotReceived);
        return window;
    }
}
