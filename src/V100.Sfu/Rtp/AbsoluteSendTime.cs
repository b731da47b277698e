using V100.Net;

namespace V100.Sfu.Rtp;

/// <summary>
/// The value of the abs-send-time header extension (webrtc.org/experiments/rtp-hdrext/abs-send-time): seconds in 6.18 fixed point, wrapping
/// every 64 s, by the clock of whoever sends, so that it is written anew by each hop.
/// </summary>
public static class AbsoluteSendTime
{
    /// <summary>24 bits.</summary>
    public static uint Of(Instant now) => (uint)((UInt128)(ulong)now.Nanoseconds * (1 << 18) / 1_000_000_000) & 0xFF_FFFF;
}
