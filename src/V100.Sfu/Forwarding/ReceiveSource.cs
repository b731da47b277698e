using V100.Sfu.Rtcp;
using V100.Sfu.Rtp;

namespace V100.Sfu.Forwarding;

/// <summary>One SSRC that a publisher sends: the media of a track, or its retransmissions.</summary>
internal sealed class ReceiveSource(ReceivedTrack track, Ssrc ssrc, int clockRateHz, bool isRetransmission)
{
    public ReceivedTrack Track { get; } = track;
    public Ssrc Ssrc { get; } = ssrc;
    public bool IsRetransmission { get; } = isRetransmission;

    /// <summary>Which of the track's encodings it is or repairs; -1 for retransmissions while nothing has told.</summary>
    public int Encoding { get; set; } = -1;

    /// <summary>Of retransmissions: the source whose packets they are; null while nothing has told.</summary>
    public Ssrc? Repairs { get; set; }

    public ReceiveStatistics Statistics { get; } = new(ssrc, clockRateHz);
}
