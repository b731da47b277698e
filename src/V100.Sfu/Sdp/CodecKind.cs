namespace V100.Sfu.Sdp;

/// <summary>
/// The codecs that are forwarded. Retransmission (RFC 4588) is not a codec here: see <see cref="NegotiatedCodec.RtxPayloadType"/>.
/// </summary>
public enum CodecKind : byte
{
    /// <summary>Offered, but not forwarded: dropped from the answer.</summary>
    Unknown,

    /// <summary>RFC 7587.</summary>
    Opus,

    /// <summary>Redundant audio of Opus (RFC 2198), passed through.</summary>
    Red,

    /// <summary>RFC 7741.</summary>
    Vp8,

    /// <summary>RFC 9628.</summary>
    Vp9,

    /// <summary>RFC 6184.</summary>
    H264,

    /// <summary>The AV1 RTP specification.</summary>
    Av1,
}
