using System.Diagnostics.CodeAnalysis;

namespace V100.Sfu.Sdp;

/// <summary>An SSRC that the client announced, with its retransmission stream (<c>a=ssrc</c>, <c>a=ssrc-group:FID</c>, RFC 5576).</summary>
/// <param name="Ssrc">The media stream.</param>
/// <param name="RtxSsrc">0 for none.</param>
public readonly record struct RemoteStream(uint Ssrc, uint RtxSsrc);

/// <summary>One encoding of a track, as far as the offer tells which packets are its.</summary>
/// <param name="Rid">Of packets with that identification (RFC 8852); empty where the offer has none.</param>
/// <param name="Ssrc">0 where the packets tell by their rid, or where it is the section's only encoding and was not announced.</param>
/// <param name="RtxSsrc">0 for none, or where the packets tell.</param>
public readonly record struct OfferedEncoding(string Rid, uint Ssrc, uint RtxSsrc);

/// <summary>What this server announces for the stream that it sends on a section.</summary>
/// <param name="Ssrc">Unique within the session.</param>
/// <param name="RtxSsrc">Written only where retransmission was agreed on.</param>
/// <param name="Cname">One for all streams of one source, so that they are played in sync (RFC 3550, 6.5.1).</param>
/// <param name="StreamId">The MediaStream (RFC 8830), a token of at most 64 characters.</param>
/// <param name="TrackId">The track, likewise.</param>
public readonly record struct SenderStream(uint Ssrc, uint RtxSsrc, string Cname, string StreamId, string TrackId);

/// <summary>Called once for each section on which this server will send, after everything else of the offer was accepted.</summary>
public delegate SenderStream AllocateSenderStream(MediaSection section);

/// <summary>One section of the offer with what was agreed on it. Read-only once the answer is made.</summary>
public sealed class MediaSection
{
    private readonly sbyte[] _codecByPayloadType = CreatePayloadTypeTable();

    /// <summary>The place of the section in the offer and in the answer.</summary>
    public required int Index { get; init; }

    /// <summary>The <c>m=</c> line of the offer, counted from 1.</summary>
    public required int OfferLine { get; init; }

    /// <summary>Empty where the offer has none, which is possible without BUNDLE alone.</summary>
    public required string Mid { get; init; }

    /// <summary>The mid as it stands in RTP header extensions (RFC 9143, 15).</summary>
    public required byte[] MidUtf8 { get; init; }

    public required MediaKind Kind { get; init; }

    /// <summary>Answered with port 0 and outside the BUNDLE group.</summary>
    public bool IsRejected => RejectReason is not null;

    /// <summary>Why the section is rejected, as half a sentence; null when it is not.</summary>
    public string? RejectReason { get; internal set; }

    /// <summary>Accepted, but unused: the answer says port 9 and <c>a=inactive</c>, inside the group.</summary>
    public bool IsInactive => !IsRejected && Direction == MediaDirection.Inactive;

    /// <summary>What this server does on the section.</summary>
    public MediaDirection Direction { get; internal set; }

    public bool IsReceived => (Direction & MediaDirection.Receive) != 0;
    public bool IsSent => (Direction & MediaDirection.Send) != 0;

    /// <summary>In the order of preference of the answer. Empty for a rejected section.</summary>
    public NegotiatedCodec[] Codecs { get; internal set; } = [];

    /// <summary>What the client may put into its packets.</summary>
    public NegotiatedExtensions ReceivedExtensions { get; } = new();

    /// <summary>What this server may put into its packets.</summary>
    public NegotiatedExtensions SentExtensions { get; } = new();

    /// <summary>RFC 8285, 6: one stream may mix one-byte and two-byte header extensions.</summary>
    public bool AllowsMixedExtensions { get; internal set; }

    /// <summary>RFC 5506: RTCP packets need not begin with a report.</summary>
    public bool HasReducedSizeRtcp { get; internal set; }

    /// <summary>The client's streams, as far as it announced them; at most <see cref="SdpLimits.MaxSsrcsPerSection"/>.</summary>
    public RemoteStream[] RemoteStreams { get; internal set; } = [];

    /// <summary>
    /// What the client sends on the section: one encoding, or its simulcast encodings, at most <see cref="SdpLimits.MaxEncodingsPerSection"/>,
    /// the smallest first as far as can be guessed (<see cref="SimulcastOrder"/>). Empty where nothing is received.
    /// </summary>
    public OfferedEncoding[] Encodings { get; internal set; } = [];

    /// <summary>The client's MediaStream and track (RFC 8830), null where it says none.</summary>
    public string? RemoteStreamId { get; internal set; }
    public string? RemoteTrackId { get; internal set; }

    /// <summary>What the client wants to receive at most, 0 for no bound.</summary>
    public long MaxBitrateBps { get; internal set; }

    /// <summary>What is announced for the stream that this server sends; <c>default</c> where it sends none.</summary>
    public SenderStream Sender { get; internal set; }

    /// <summary>Whether some codec has retransmissions.</summary>
    public bool HasRtx { get; private set; }

    /// <summary>Constant time. A retransmission's payload type gives the codec that it repairs.</summary>
    public bool TryFindCodec(byte payloadType, [NotNullWhen(true)] out NegotiatedCodec? codec, out bool isRtx)
    {
        int index = payloadType < _codecByPayloadType.Length ? _codecByPayloadType[payloadType] : -1;
        codec = index < 0 ? null : Codecs[index];
        isRtx = codec is not null && codec.PayloadType != payloadType;
        return codec is not null;
    }

    internal void SetCodecs(NegotiatedCodec[] codecs)
    {
        Codecs = codecs;
        for (int i = 0; i < codecs.Length; i++)
        {
            _codecByPayloadType[codecs[i].PayloadType] = (sbyte)i;
            if (codecs[i].RtxPayloadType >= 0)
            {
                _codecByPayloadType[codecs[i].RtxPayloadType] = (sbyte)i;
                HasRtx = true;
            }
        }
    }

    private static sbyte[] CreatePayloadTypeTable()
    {
        var table = new sbyte[128];
        table.AsSpan().Fill(-1);
        return table;
    }
}
