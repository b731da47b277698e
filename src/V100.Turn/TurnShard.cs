using V100.Net;
using V100.Stun;

namespace V100.Turn;

/// <summary>
/// All TURN allocations of one worker (RFC 8656, 6062, 8016), without locks: every call comes from the worker's thread.
/// </summary>
/// <remarks>
/// <para>The calling contract.</para>
/// <para>
/// In: <see cref="HandleClientMessage"/> gets one STUN or ChannelData message of a client: a datagram, a DTLS record's content, or what
/// <see cref="StunFraming"/> cut out of a stream. (<see cref="HandleStun"/> and <see cref="HandleChannelData"/> are its two halves, for
/// a caller that has parsed already.) <see cref="HandlePeerDatagram"/> gets what arrives at a UDP relay socket, and
/// <see cref="HandlePeerError"/> the ICMP errors of one. Nothing but the returned <see cref="TurnRoute"/> says where the bytes go; a
/// relayed payload is never copied.
/// </para>
/// <para>
/// Out: relay sockets are opened and closed through <see cref="IRelaySockets"/> in the middle of a call. Everything about TCP relays,
/// and answers that come later than their request, is drained with <see cref="TryPollOutput"/> after every call, behind the call's
/// route.
/// </para>
/// <para>
/// Time: <see cref="NextDeadline"/> after each turn; when it is reached, <see cref="HandleDeadline"/>. <c>now</c> never goes back.
/// </para>
/// <para>
/// Which shard: a UDP flow is served by the shard whose socket the kernel chose, and an allocation stays on the shard that made it.
/// Where a flow is another shard's (after a move by RFC 8016, or a ConnectionBind on another worker), the route is
/// <see cref="TurnRouteKind.HandOver"/>; the other shard gets the same bytes and flow and answers from its own socket. What was handed
/// over once and would be again (an allocation came or went meanwhile) is dropped. Streams and DTLS sessions may be served by any shard,
/// always by the same.
/// </para>
/// <para>
/// Streams: a control connection that ends is reported with <see cref="HandleClientClosed"/>, as is a spliced one. A route or output may
/// be about a stream that another worker serves: the connection in the client's address finds it. The driver bounds what it queues for a
/// stream, and drops whole messages beyond it.
/// </para>
/// <para>
/// IP header fields (RFC 8656, 14): what the driver knows of a datagram's comes in with it, and what it shall send with comes out in
/// <see cref="TurnRoute.Fields"/>.
/// </para>
/// </remarks>
public sealed partial class TurnShard
{
    /// <summary>Room that is enough for every answer.</summary>
    public const int MaxResponseLength = 1280;

    /// <summary>Room that is enough for every header of data to a client.</summary>
    public const int MaxHeaderLength = 64;

    private readonly IRelaySockets _sockets;
    private readonly IEntropy _entropy;
    private readonly TimerWheel _wheel;
    private readonly UnauthenticatedLimiter _limiter;
    private readonly CredentialCache _credentials = new();
    private readonly Queue<TurnOutput> _outputs = new();
    private readonly Dictionary<ClientFlow, Allocation> _byFlow = [];
    private readonly Dictionary<AllocationId, Allocation> _byId = [];
    private readonly RelayTable _relays = new();
    private ulong _allocationNumber;

    // Transaction ids of indications need to differ, and nothing else.
    private ulong _indications;

    /// <param name="index">Its number among the shards, from 0.</param>
    /// <param name="server">What all shards share.</param>
    /// <param name="sockets">Its relay sockets.</param>
    /// <param name="entropy">For ports, tickets and tokens.</param>
    /// <param name="now">The earliest time that it will be asked about.</param>
    public TurnShard(int index, TurnServer server, IRelaySockets sockets, IEntropy entropy, Instant now)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)server.ShardCount, nameof(index));
        Index = index;
        Server = server;
        _sockets = sockets;
        _entropy = entropy;
        _wheel = new TimerWheel(now);
        _limiter = new UnauthenticatedLimiter(entropy);
        _indications = entropy.NextUInt64();
    }

    public int Index { get; }

    public TurnServer Server { get; }

    /// <summary>Any thread may read.</summary>
    public CounterBlock<TurnCounter> Counters { get; } = new();

    /// <summary>The last peers that this shard refused; any thread may read.</summary>
    public DenialLog Denials { get; } = new();

    /// <summary>When <see cref="HandleDeadline"/> is wanted.</summary>
    public Instant NextDeadline => _wheel.NextDeadline;

    /// <summary>One message of a client.</summary>
    /// <param name="flow">Where it came from.</param>
    /// <param name="message">The whole message; of ChannelData with or without its padding.</param>
    /// <param name="response">At least <see cref="MaxResponseLength"/> bytes.</param>
    /// <param name="now">The time.</param>
    /// <param name="fields">Of the IP header that it came with; default where it came by a stream or a DTLS session.</param>
    public TurnRoute HandleClientMessage(in ClientFlow flow, ReadOnlySpan<byte> message, Span<byte> response, Instant now, IpFields fields = default)
    {
        // RFC 8656, 12.4: two bits tell it from STUN, over whatever transport.
        if (message.Length > 0 && message[0] >> 6 == 1)
        {
            return HandleChannelData(in flow, message, now, fields);
        }

        if (StunReader.TryParse(message, out StunReader request))
        {
            return HandleStun(in flow, in request, response, now, fields);
        }

        return Drop(TurnCounter.DroppedMalformed);
    }

    /// <summary>
    /// One STUN message of a client. Binding requests are answered too, RFC 5780 included; those that belong to an ICE agent (they
    /// have a USERNAME) are for the caller to keep away.
    /// </summary>
    public partial TurnRoute HandleStun(in ClientFlow flow, in StunReader message, Span<byte> response, Instant now, IpFields fields = default);

    /// <summary>One ChannelData message of a client.</summary>
    public partial TurnRoute HandleChannelData(in ClientFlow flow, ReadOnlySpan<byte> message, Instant now, IpFields fields = default);

    /// <summary>One datagram that came to a UDP relay socket.</summary>
    /// <param name="relay">The socket.</param>
    /// <param name="peer">Whom it came from.</param>
    /// <param name="payloadLength">Its length: the bytes themselves do not matter here.</param>
    /// <param name="header">At least <see cref="MaxHeaderLength"/> bytes: what goes in front of the payload.</param>
    /// <param name="now">The time.</param>
    /// <param name="fields">Of the IP header that it came with.</param>
    public partial TurnRoute HandlePeerDatagram(
        RelayId relay, in TransportAddress peer, int payloadLength, Span<byte> header, Instant now, IpFields fields = default);

    /// <summary>An ICMP error for a datagram that was sent from a UDP relay socket (RFC 8656, 11.5).</summary>
    /// <param name="relay">The socket.</param>
    /// <param name="peer">Whom that datagram was sent to.</param>
    /// <param name="type">ICMP or ICMPv6 type, as on the wire.</param>
    /// <param name="code">Its code.</param>
    /// <param name="data">The MTU where the type is about size; else 0.</param>
    /// <param name="header">At least <see cref="MaxHeaderLength"/> bytes: gets the whole indication.</param>
    /// <param name="now">The time.</param>
    public partial TurnRoute HandlePeerError(RelayId relay, in TransportAddress peer, byte type, byte code, uint data, Span<byte> header, Instant now);

    /// <summary>The connection of a <see cref="TurnOutputKind.ConnectPeer"/> stands.</summary>
    public partial void HandlePeerConnected(PeerConnectionId connection, Instant now);

    /// <summary>It could not be made, or it ended.</summary>
    public partial void HandlePeerClosed(PeerConnectionId connection, Instant now);

    /// <summary>
    /// A TCP relay accepted a peer. False: close it at once. Else it has this number, and is not read before
    /// <see cref="TurnOutputKind.Splice"/>.
    /// </summary>
    public partial bool HandlePeerAccepted(RelayId relay, in TransportAddress peer, Instant now, out PeerConnectionId connection);

    /// <summary>Bytes that were copied between a spliced pair, for the figures. The user's rate is the driver's affair (<see cref="UserRate"/>).</summary>
    public partial void HandleSpliced(PeerConnectionId connection, int bytesToPeer, int bytesToClient, Instant now);

    /// <summary>
    /// A stream or DTLS session of a client ended. Its allocation ends with it, unless the client holds a mobility ticket: then it waits
    /// for the client until it expires.
    /// </summary>
    /// <returns><see cref="TurnRouteKind.HandOver"/>: another shard must be told the same; else nothing.</returns>
    public partial TurnRoute HandleClientClosed(in ClientFlow flow, Instant now);

    /// <summary>Whether an allocation or a joined connection belongs to this flow, of whichever shard: its stream may be idle.</summary>
    public bool Serves(in ClientFlow flow) => Server.Directory.TryFindOwner(flow, out _);

    public partial void HandleDeadline(Instant now);

    /// <summary>Takes the next thing to do; drain it after every call.</summary>
    public bool TryPollOutput(out TurnOutput output) => _outputs.TryDequeue(out output);

    public partial void HandleCommand(in TurnCommand command, Instant now);

    /// <summary>Ends every allocation and reservation of its own, and closes every relay socket.</summary>
    public partial void Close(Instant now);
}
