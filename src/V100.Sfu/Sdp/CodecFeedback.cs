namespace V100.Sfu.Sdp;

/// <summary>RTCP feedback agreed for a payload type (RFC 4585, RFC 5104).</summary>
[Flags]
public enum CodecFeedback : byte
{
    None = 0,
    Nack = 1,
    Pli = 2,
    Fir = 4,
    TransportCc = 8,
    Remb = 16,

    /// <summary>RFC 8888, 6: <c>ack ccfb</c>, of all payload types of a section or none.</summary>
    CongestionControl = 32,
}
