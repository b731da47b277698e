using V100.Net;

namespace V100.Turn;

/// <summary>Where the bytes go that the shard was just given, or the answer to them.</summary>
public enum TurnRouteKind : byte
{
    /// <summary>Nowhere: dropped, and counted by reason.</summary>
    Nothing,

    /// <summary>An answer stands in the caller's response span: <see cref="TurnRoute.HeaderLength"/> bytes to <see cref="TurnRoute.Flow"/>.</summary>
    Respond,

    /// <summary>The payload, from the relay socket <see cref="TurnRoute.Relay"/> to <see cref="TurnRoute.Peer"/>.</summary>
    ToPeer,

    /// <summary>
    /// The payload to this server's own media at <see cref="TurnRoute.Peer"/>, as if it had come there from
    /// <see cref="TurnRoute.RelayedAddress"/>; it is handed over in the process, to the media machine only and never to TURN again.
    /// </summary>
    ToOwnMedia,

    /// <summary>
    /// Header, payload and padding as one message to <see cref="TurnRoute.Flow"/>; an ICMP error has a header alone.
    /// </summary>
    ToClient,

    /// <summary>The flow belongs to the shard <see cref="TurnRoute.Shard"/>: give it the same message, with the same flow.</summary>
    HandOver,
}

/// <summary>
/// What to do with a message or datagram. The payload is never copied: <see cref="PayloadOffset"/> and <see cref="PayloadLength"/>
/// lie in the bytes that the caller gave, and the driver gathers header, payload and padding.
/// </summary>
public readonly struct TurnRoute
{
    private readonly ClientFlow _flow;

    private TurnRoute(
        TurnRouteKind kind, in ClientFlow flow, RelayId relay, int headerLength, int payloadOffset, int payloadLength, int paddingLength, bool dontFragment,
        IpFields fields = default)
    {
        Kind = kind;
        _flow = flow;
        Relay = relay;
        HeaderLength = headerLength;
        PayloadOffset = payloadOffset;
        PayloadLength = payloadLength;
        PaddingLength = (byte)paddingLength;
        DontFragment = dontFragment;
        Fields = fields;
    }

    public TurnRouteKind Kind { get; }

    /// <summary>RFC 8656, 14: send with the DF bit. Only <see cref="TurnRouteKind.ToPeer"/>.</summary>
    public bool DontFragment { get; }

    /// <summary>
    /// RFC 8656, 14: what the payload's IP header shall have. Only <see cref="TurnRouteKind.ToPeer"/> and <see cref="TurnRouteKind.ToClient"/>;
    /// default where it comes from or goes to a stream.
    /// </summary>
    public IpFields Fields { get; }

    /// <summary>Zero bytes, 0 to 3, behind the payload. Only <see cref="TurnRouteKind.ToClient"/>.</summary>
    public byte PaddingLength { get; }

    /// <summary>The socket to send from. Only <see cref="TurnRouteKind.ToPeer"/> and <see cref="TurnRouteKind.ToOwnMedia"/>.</summary>
    public RelayId Relay { get; }

    /// <summary>Bytes that the shard wrote into the caller's header or response span.</summary>
    public int HeaderLength { get; }

    public int PayloadOffset { get; }
    public int PayloadLength { get; }

    /// <summary>Only <see cref="TurnRouteKind.HandOver"/>.</summary>
    public int Shard => HeaderLength;

    /// <summary>Whom it goes to, and from which address of the server. Only <see cref="TurnRouteKind.Respond"/> and <see cref="TurnRouteKind.ToClient"/>.</summary>
    public ClientFlow Flow => _flow;

    /// <summary>Only <see cref="TurnRouteKind.ToPeer"/> and <see cref="TurnRouteKind.ToOwnMedia"/>.</summary>
    public TransportAddress Peer => _flow.Client;

    /// <summary>The relayed address, as peers see it. Only <see cref="TurnRouteKind.ToPeer"/> and <see cref="TurnRouteKind.ToOwnMedia"/>.</summary>
    public TransportAddress RelayedAddress => _flow.Server;

    internal static TurnRoute Respond(in ClientFlow flow, int length) => new(TurnRouteKind.Respond, flow, default, length, 0, 0, 0, false);

    internal static TurnRoute HandOver(int shard) => new(TurnRouteKind.HandOver, default, default, shard, 0, 0, 0, false);

    internal static TurnRoute ToPeer(
        TurnRouteKind kind, RelayId relay, in TransportAddress relayed, in TransportAddress peer, int payloadOffset, int payloadLength, bool dontFragment,
        IpFields fields) =>
        new(kind, new ClientFlow(peer, relayed), relay, 0, payloadOffset, payloadLength, 0, dontFragment, fields);

    internal static TurnRoute ToClient(in ClientFlow flow, int headerLength, int payloadLength, int paddingLength, IpFields fields) =>
        new(TurnRouteKind.ToClient, flow, default, headerLength, 0, payloadLength, paddingLength, false, fields);
}
