namespace V100.Sfu.Rtcp;

/// <summary>RTCP packet types (RFC 3550, 12.1; RFC 4585, 6.1; RFC 3611, 2).</summary>
public enum RtcpPacketType : byte
{
    SenderReport = 200,
    ReceiverReport = 201,
    SourceDescription = 202,
    Goodbye = 203,
    ApplicationDefined = 204,

    /// <summary>RTPFB: the count field is a <see cref="TransportFeedbackFormat"/>.</summary>
    TransportFeedback = 205,

    /// <summary>PSFB: the count field is a <see cref="PayloadFeedbackFormat"/>.</summary>
    PayloadFeedback = 206,
    ExtendedReport = 207,
}

/// <summary>FMT of RTPFB packets (RFC 4585, 6.2; RFC 8888, 3.1; transport-wide-cc-extensions-01, 3.1).</summary>
public enum TransportFeedbackFormat : byte
{
    GenericNack = 1,
    CongestionControl = 11,
    TransportWideCongestionControl = 15,
}

/// <summary>FMT of PSFB packets (RFC 4585, 6.3; RFC 5104, 4.3).</summary>
public enum PayloadFeedbackFormat : byte
{
    PictureLossIndication = 1,
    FullIntraRequest = 4,
    ApplicationLayer = 15,
}
