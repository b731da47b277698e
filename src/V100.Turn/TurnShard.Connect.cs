using V100.Net;
using V100.Stun;

namespace V100.Turn;

/// <summary>TCP between relayed addresses and peers (RFC 6062): Connect, ConnectionBind, ConnectionAttempt.</summary>
public sealed partial class TurnShard
{
    private const int MaxAttemptLength = 64;

    private readonly Dictionary<PeerConnectionId, PeerConnection> _connections = [];
    private readonly Dictionary<ClientFlow, PeerConnection> _dataConnections = [];

    private TurnRoute Connect(in StunReader message, in Request request, Allocation allocation)
    {
        // RFC 6062, 5.2.
        if (allocation.Transport != RelayTransport.Tcp
            || !message.TryGetXorAddress(StunAttributeType.XorPeerAddress, out TransportAddress peer)
            || peer.Port == 0)
        {
            return RespondError(message, request, StunErrorCode.BadRequest);
        }

        TurnSettings settings = Server.Settings;
        PeerVerdict verdict = settings.Peers.Check(peer);
        // A stream is not handed over in the process, and a connection to one's own listener is what a client must not get.
        verdict = verdict == PeerVerdict.OwnMedia ? PeerVerdict.DeniedOwnAddress : verdict;
        StunErrorCode error = CheckPeer(allocation, peer, PeerUse.Connect, verdict, request.Now);
        if (error == 0 && HasConnection(allocation, peer))
        {
            error = StunErrorCode.ConnectionAlreadyExists;
        }

        if (error == 0 && (allocation.Connections?.Count ?? 0) >= settings.MaxConnectionsPerAllocation)
        {
            error = StunErrorCode.InsufficientCapacity;
        }

        if (error != 0)
        {
            return RespondError(message, request, error);
        }

        PeerConnection connection = NewConnection(allocation, peer, PeerConnectionState.Connecting, request.Now);
        connection.Transaction = TransactionId.Of(message);
        connection.Key = request.Proof.Key;
        connection.SealsWithSha256 = request.Proof.SealsWithSha256;
        _outputs.Enqueue(new TurnOutput(TurnOutputKind.ConnectPeer, default, connection.Id, allocation.RelayFor(peer)!.Id, peer));
        return Drop(TurnCounter.ConnectStarted);
    }

    private TurnRoute ConnectionBind(in StunReader message, in Request request)
    {
        // RFC 6062, 5.4: over a stream of its own, with the number of a connection that waits.
        bool hasId = message.TryGetUInt32(StunAttributeType.ConnectionId, out uint value);
        var id = new PeerConnectionId(value);
        if (!hasId || !request.Flow.IsStream || request.Allocation is not null || _dataConnections.ContainsKey(request.Flow))
        {
            return RespondError(message, request, StunErrorCode.BadRequest);
        }

        if (id.Shard != Index && id.Shard < Server.ShardCount)
        {
            return HandOver(id.Shard);
        }

        if (!_connections.TryGetValue(id, out PeerConnection? connection)
            || connection.State != PeerConnectionState.Unbound)
        {
            return RespondError(message, request, StunErrorCode.BadRequest);
        }

        // RFC 6062, 5.4: the same credentials as of the control connection.
        if (!IsOwner(connection.Allocation, request))
        {
            return RespondError(message, request, StunErrorCode.WrongCredentials);
        }

        connection.State = PeerConnectionState.Spliced;
        connection.DataFlow = request.Flow;
        _wheel.Cancel(connection.Timer);
        _dataConnections.Add(request.Flow, connection);
        Server.Directory.AddFlow(request.Flow, Index);
        _outputs.Enqueue(new TurnOutput(TurnOutputKind.Splice, request.Flow, id, Rate: new UserRate(connection.Allocation.Account, Server)));
        Counters.Increment(TurnCounter.ConnectionBindSucceeded);
        StunWriter writer = StunWriter.Answer(request.Response, message, StunClass.Success);
        return Finish(ref writer, message, request);
    }

    public partial void HandlePeerConnected(PeerConnectionId connection, Instant now)
    {
        if (!_connections.TryGetValue(connection, out PeerConnection? found) || found.State != PeerConnectionState.Connecting)
        {
            return;
        }

        Counters.Increment(TurnCounter.PeerConnected);
        found.State = PeerConnectionState.Unbound;
        _wheel.Schedule(found.Timer, now + PeerConnection.Timeout);
        AnswerConnect(found, 0);
    }

    public partial void HandlePeerClosed(PeerConnectionId connection, Instant now)
    {
        if (_connections.TryGetValue(connection, out PeerConnection? found))
        {
            EndByPeer(found);
        }
    }

    public partial bool HandlePeerAccepted(RelayId relay, in TransportAddress peer, Instant now, out PeerConnectionId connection)
    {
        connection = default;
        // RFC 6062, 5.3: without a permission it is closed at once.
        if (!_relays.TryFind(relay, out Relay? open)
            || open.Allocation is not { IsDetached: false } allocation
            || allocation.Transport != RelayTransport.Tcp
            || !allocation.TryFindPermission(peer, now, out Permission permission)
            || VerdictOf(permission, peer, Server.Settings.Peers).IsDenied()
            || (allocation.Connections?.Count ?? 0) >= Server.Settings.MaxConnectionsPerAllocation)
        {
            Counters.Increment(TurnCounter.PeerRefused);
            return false;
        }

        Counters.Increment(TurnCounter.PeerAccepted);
        PeerConnection accepted = NewConnection(allocation, peer, PeerConnectionState.Unbound, now);
        connection = accepted.Id;
        var message = new byte[MaxAttemptLength];
        Span<byte> transaction = stackalloc byte[StunHeader.TransactionIdLength];
        NextIndication().Write(transaction);
        var writer = new StunWriter(message, new StunMessageType(StunMethod.ConnectionAttempt, StunClass.Indication), transaction);
        writer.WriteXorAddress(StunAttributeType.XorPeerAddress, peer);
        writer.WriteUInt32(StunAttributeType.ConnectionId, accepted.Id.Value);
        SendToClient(allocation.Flow, message, writer.Finish());
        return true;
    }

    public partial void HandleSpliced(PeerConnectionId connection, int bytesToPeer, int bytesToClient, Instant now)
    {
        if (!_connections.TryGetValue(connection, out PeerConnection? found))
        {
            return;
        }

        AllocationRecord record = found.Allocation.Record;
        record.CountToPeer(0, bytesToPeer);
        record.CountToClient(0, bytesToClient);
        Counters.Add(TurnCounter.BytesToPeer, bytesToPeer);
        Counters.Add(TurnCounter.BytesToClient, bytesToClient);
    }

    // RFC 6062, 5.2: in work, waiting or spliced, there is one connection to a peer.
    private static bool HasConnection(Allocation allocation, in TransportAddress peer)
    {
        foreach (PeerConnection connection in allocation.Connections ?? [])
        {
            if (connection.Peer == peer)
            {
                return true;
            }
        }

        return false;
    }

    private PeerConnection NewConnection(Allocation allocation, in TransportAddress peer, PeerConnectionState state, Instant now)
    {
        PeerConnectionId id;
        do
        {
            id = new PeerConnectionId((uint)Index << 24 | _entropy.NextUInt32() & 0xFF_FFFF);
        }
        while (id == default || _connections.ContainsKey(id));

        var connection = new PeerConnection(id, allocation, peer, state);
        _connections.Add(id, connection);
        (allocation.Connections ??= []).Add(connection);
        allocation.Record.Connections = allocation.Connections.Count;
        _wheel.Schedule(connection.Timer, now + PeerConnection.Timeout);
        return connection;
    }

    /// <summary>After 30 s: a peer that does not answer is 447 (RFC 6062, 5.2), one that the client leaves is closed (5.4).</summary>
    private void EndUnfinished(PeerConnection connection)
    {
        if (connection.State == PeerConnectionState.Unbound)
        {
            Counters.Increment(TurnCounter.PeerConnectionsUnbound);
        }

        _outputs.Enqueue(new TurnOutput(TurnOutputKind.ClosePeer, default, connection.Id));
        EndByPeer(connection);
    }

    private void EndByPeer(PeerConnection connection)
    {
        Forget(connection);
        switch (connection.State)
        {
            case PeerConnectionState.Connecting:
                Counters.Increment(TurnCounter.PeerConnectFailed);
                AnswerConnect(connection, StunErrorCode.ConnectionTimeoutOrFailure);
                break;
            case PeerConnectionState.Spliced:
                // RFC 6062, 5.5: the end of one is the end of the other.
                _outputs.Enqueue(new TurnOutput(TurnOutputKind.CloseClient, connection.DataFlow));
                break;
        }
    }

    private void AnswerConnect(PeerConnection connection, StunErrorCode error)
    {
        var message = new byte[MaxResponseLength];
        Span<byte> transaction = stackalloc byte[StunHeader.TransactionIdLength];
        connection.Transaction.Write(transaction);
        StunClass @class = error == 0 ? StunClass.Success : StunClass.Error;
        var writer = new StunWriter(message, new StunMessageType(StunMethod.Connect, @class), transaction);
        if (error == 0)
        {
            writer.WriteUInt32(StunAttributeType.ConnectionId, connection.Id.Value);
        }
        else
        {
            writer.WriteErrorCode(error);
        }

        WriteIntegrity(ref writer, new Proof(connection.Key!, connection.SealsWithSha256));
        SendToClient(connection.Allocation.Flow, message, writer.Finish());
    }

    private void SendToClient(in ClientFlow flow, byte[] message, int length) =>
        _outputs.Enqueue(new TurnOutput(TurnOutputKind.SendToClient, flow, Message: message.AsMemory(0, length)));

    private void Forget(PeerConnection connection)
    {
        _wheel.Cancel(connection.Timer);
        _connections.Remove(connection.Id);
        if (connection.State == PeerConnectionState.Spliced)
        {
            _dataConnections.Remove(connection.DataFlow);
            Server.Directory.RemoveFlow(connection.DataFlow, Index);
        }

        Allocation allocation = connection.Allocation;
        allocation.Connections!.Remove(connection);
        allocation.Record.Connections = allocation.Connections.Count;
    }

    /// <summary>With an allocation go its connections, and no answer is sent any more.</summary>
    private void EndConnections(Allocation allocation)
    {
        while (allocation.Connections is [.., PeerConnection last])
        {
            Forget(last);
            _outputs.Enqueue(new TurnOutput(TurnOutputKind.ClosePeer, default, last.Id));
            if (last.State == PeerConnectionState.Spliced)
            {
                _outputs.Enqueue(new TurnOutput(TurnOutputKind.CloseClient, last.DataFlow));
            }
        }
    }
}
