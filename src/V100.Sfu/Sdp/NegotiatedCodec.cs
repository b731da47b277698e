namespace V100.Sfu.Sdp;

/// <summary>One payload type that both sides keep, with the numbers of the offer. Immutable.</summary>
public sealed class NegotiatedCodec
{
    public required CodecKind Kind { get; init; }

    /// <summary>The encoding name as offered, such as <c>opus</c> or <c>OPUS</c>: some clients compare it with case.</summary>
    public required string Name { get; init; }

    public required byte PayloadType { get; init; }

    public required int ClockRateHz { get; init; }

    /// <summary>1 for video.</summary>
    public int Channels { get; init; } = 1;

    /// <summary>The parameters of the offer.</summary>
    public FormatParameters Parameters { get; init; }

    /// <summary>What the answer says in <c>a=fmtp</c>; null for no line.</summary>
    public string? AnsweredParameters { get; init; }

    /// <summary>The payload type of its retransmissions (RFC 4588), -1 for none.</summary>
    public int RtxPayloadType { get; init; } = -1;

    public CodecFeedback Feedback { get; init; }

    /// <summary>H.264 alone.</summary>
    public H264ProfileLevel H264Level { get; init; }

    /// <summary>H.264 alone: whether the offer says a profile at all.</summary>
    public bool HasH264Level { get; init; }

    /// <summary>H.264 alone: 0 or 1 (RFC 6184, 6.2); 0 where the offer is silent.</summary>
    public int PacketizationMode { get; init; }

    /// <summary>VP9: <c>profile-id</c>. AV1: <c>profile</c>. Both 0 where the offer is silent.</summary>
    public int Profile { get; init; }

    /// <summary>RED alone: the payload type of the Opus within (RFC 2198), -1 for other codecs.</summary>
    public int RedPayloadType { get; init; } = -1;

    /// <summary>As <c>a=rtpmap</c> says it, such as <c>opus/48000/2</c>.</summary>
    public override string ToString() => Channels > 1 ? $"{Name}/{ClockRateHz}/{Channels}" : $"{Name}/{ClockRateHz}";
}
