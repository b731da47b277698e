using System.Diagnostics;
using V100.Net;
using V100.Sfu.Bwe;
using V100.Sfu.Forwarding;
using V100.Sfu.Ice;
using V100.Sfu.Peers;
using V100.Sfu.Sdp;

namespace V100.Sfu.Rooms;

public sealed partial class RoomDirectory
{
    private readonly Dictionary<SessionId, Session> _sessions = [];
    private readonly Dictionary<PeerId, Session> _byPeer = [];

    /// <summary>Sessions without a valid ICE check yet, oldest first, all with the same patience. One that is closed leaves at once.</summary>
    private readonly LinkedList<Session> _connecting = [];
    private long _lastPeerId;
    private long _lastTrackId;

    public IReadOnlyCollection<Session> Sessions => _sessions.Values;

    public int SessionCount => _sessions.Count;

    public bool TryGetSession(SessionId id, out Session session) => _sessions.TryGetValue(id, out session!);

    /// <summary>
    /// Answers an offer. A participant publishes over one session: publishing again (a client that restarted) ends
    /// the session before.
    /// </summary>
    /// <param name="request">Who, with which offer.</param>
    /// <param name="now">Now.</param>
    /// <param name="clock">The same moment for people.</param>
    /// <param name="session">The session, where the outcome is <see cref="JoinOutcome.Joined"/>.</param>
    /// <param name="error">What is wrong with the offer, where the outcome says so.</param>
    public JoinOutcome Join(JoinRequest request, Instant now, DateTimeOffset clock, out Session session, out SdpError error)
    {
        session = null!;
        error = default!;
        if (!_rooms.TryGetValue(request.Room, out Room? room) && !_limits.AutoCreate)
        {
            return JoinOutcome.NoSuchRoom;
        }

        if (CheckBounds(room, request) is var refused && refused != JoinOutcome.Joined)
        {
            return refused;
        }

        IceCredentials ice = CreateIceCredentials(out IceUfrag ufrag);
        if (!OfferAnswer.TryAnswer(request.Offer, AnswerParametersFor(request, ice), out NegotiatedSession? negotiated, out error))
        {
            return error.Kind == SdpErrorKind.Malformed ? JoinOutcome.OfferMalformed : JoinOutcome.OfferNotAcceptable;
        }

        if (room is null)
        {
            Create(request.Room, new RoomSettings(), now, clock, out room);
        }

        session = Admit(request, room, ufrag, ice, negotiated, now, clock);
        AssignSources(room);
        return JoinOutcome.Joined;
    }

    private JoinOutcome CheckBounds(Room? room, JoinRequest request)
    {
        if (room is null && _rooms.Count >= _limits.MaxRooms)
        {
            return JoinOutcome.TooManyRooms;
        }

        if (_sessions.Count >= _limits.MaxSessions)
        {
            return JoinOutcome.TooManySessions;
        }

        if (room is null)
        {
            return JoinOutcome.Joined;
        }

        bool isThere = room.TryGetParticipant(request.Identity, out Participant participant);
        if (isThere ? participant.Sessions.Count >= _limits.MaxSessionsPerParticipant : room.Participants.Count >= room.MaxParticipants)
        {
            return isThere ? JoinOutcome.TooManySessions : JoinOutcome.RoomFull;
        }

        bool publishes = request.Role.HasFlag(SessionRole.Publish) && !(isThere && participant.Publishing is not null);
        return isThere && !MayBegin(participant, request.Role) ? JoinOutcome.NotPermitted
            : publishes && room.Participants.Count >= _limits.MaxPublishersPerRoom && room.CountPublishers() >= _limits.MaxPublishersPerRoom ? JoinOutcome.TooManyPublishers
            : JoinOutcome.Joined;
    }

    private AnswerParameters AnswerParametersFor(JoinRequest request, IceCredentials ice)
    {
        string cname = _entropy.NextUInt64().ToString("x16");
        return new AnswerParameters
        {
            SessionId = _entropy.NextUInt64(),
            IceUfrag = ice.Ufrag,
            IcePassword = ice.Password,
            Candidates = _transport.Candidates,
            Fingerprint = _transport.Fingerprint,
            Role = request.Role,
            AllocateSender = _ => new SenderStream(NextSsrc(), NextSsrc(), cname, cname, new TrackId(++_lastTrackId).ToString()),
        };
    }

    private IceCredentials CreateIceCredentials(out IceUfrag ufrag)
    {
        Span<byte> random = stackalloc byte[IceCredentials.RandomLength];
        _entropy.Fill(random);
        ufrag = IceUfrag.FromRandom(random);
        return IceCredentials.FromRandom(random);
    }

    /// <summary>Zero is left out: some receivers take it for "unknown".</summary>
    private uint NextSsrc()
    {
        uint ssrc = _entropy.NextUInt32();
        return ssrc == 0 ? 1 : ssrc;
    }

    private Session Admit(JoinRequest request, Room room, IceUfrag ufrag, IceCredentials ice, NegotiatedSession negotiated, Instant now, DateTimeOffset clock)
    {
        if (!room.TryGetParticipant(request.Identity, out Participant participant))
        {
            participant = new Participant(room, request.Identity, request.Name, request.Metadata, request.Permissions, clock) { Version = NextVersion() };
            room.Add(participant);
            Tell(RoomEventKind.ParticipantJoined, participant);
            TellJoined(room.Tick, participant);
        }
        else
        {
            participant.Granted = participant.Granted.Or(request.Permissions);
        }

        // The offer's credentials have passed the same grammar in the SDP reader.
        bool good = IceCredentials.TryCreate(negotiated.RemoteIceUfrag, negotiated.RemoteIcePassword, out IceCredentials remoteIce);
        Debug.Assert(good);
        PublishedTrack?[] published = CreateTracks(request, negotiated);
        PublishedTrack[] tracks = Array.FindAll(published, track => track is not null)!;
        var peer = new PeerDescriptor(new PeerId(++_lastPeerId), negotiated, ice, remoteIce, published, tieBreaker: 0);
        var session = new Session(SessionId.Create(_entropy), participant, request.Role, peer, tracks, request.Target)
        {
            CreatedAt = clock,
            ConnectDeadline = now + _limits.ConnectTimeout,
            LocalIce = ice,
            Ufrag = ufrag,
        };
        if (request.Role.HasFlag(SessionRole.Publish) && participant.Publishing is { } former)
        {
            participant.Add(session); // First, so that the participant does not leave in between.
            Close(former, PeerCloseReason.Replaced, now);
        }
        else
        {
            participant.Add(session);
        }

        WithdrawTracks(session);
        _sessions.Add(session.Id, session);
        _byPeer.Add(peer.Id, session);
        session.Connecting = _connecting.AddLast(session);
        _peers.TryAdd(ufrag, peer);
        SweepAt(session.ConnectDeadline);
        Tell(RoomEventKind.SessionOpened, session);
        return session;
    }

    /// <summary>By media section: the track that is published there, or null.</summary>
    private PublishedTrack?[] CreateTracks(JoinRequest request, NegotiatedSession negotiated)
    {
        var published = new PublishedTrack?[negotiated.Sections.Length];
        int sounds = 0;
        int pictures = 0;
        foreach (MediaSection section in negotiated.Sections)
        {
            if (section.IsReceived)
            {
                int place = section.Kind == MediaKind.Audio ? sounds++ : pictures++;
                published[section.Index] = new PublishedTrack(
                    new TrackId(++_lastTrackId), section, section.RemoteStreamId ?? request.Identity, _transport.ShardCount, _sounding)
                {
                    Source = TrackSourceOrder.SourceOf(section.Kind, place, request.Permissions.Sources),
                };
            }
        }

        return published;
    }

    /// <summary>Ends a session. Closing one that is closed does nothing.</summary>
    public void Close(Session session, PeerCloseReason reason, Instant now)
    {
        if (session.State == SessionState.Closed)
        {
            return;
        }

        if (session.State == SessionState.Connected)
        {
            EndListening(session, now);
            TellTracks(RoomEventKind.TrackUnpublished, session);
            TellClosed(session);
        }

        session.State = SessionState.Closed;
        session.CloseReason = reason;
        Tell(RoomEventKind.SessionClosed, session);
        _sessions.Remove(session.Id);
        _byPeer.Remove(session.Peer.Id);
        StopWaiting(session);
        _peers.Remove(session.Ufrag);
        if (session.FormerUfrag is { } former)
        {
            _peers.Remove(former);
        }

        if (session.Peer.RequestClose(reason))
        {
            _toSynchronize.Enqueue(session.Peer);
        }

        Participant participant = session.Participant;
        participant.Remove(session);
        if (participant.Sessions.Count == 0)
        {
            participant.Room.Remove(participant);
            Tell(RoomEventKind.ParticipantLeft, participant);
            participant.Room.Tick?.Left(participant.Identity);
            if (participant.Room.Participants.Count == 0)
            {
                participant.Room.EmptySince = now;
                SweepAt(now + participant.Room.EmptyTimeout);
            }
        }

        if (session.Tracks.Count > 0 || _limits.LoudestSpeakers > 0)
        {
            AssignSources(participant.Room);
        }
    }

    /// <summary>
    /// A trickle fragment (RFC 8840). New credentials in it restart ICE; candidates alone change nothing, since an
    /// ICE-lite server answers checks and sends none.
    /// </summary>
    /// <param name="session">The session.</param>
    /// <param name="fragmentText">The body as received.</param>
    /// <param name="answer">The fragment to answer a restart with.</param>
    /// <param name="error">What is wrong with the fragment, where the outcome is <see cref="IceRestartOutcome.Malformed"/>.</param>
    public IceRestartOutcome HandleFragment(Session session, string fragmentText, out string answer, out SdpError error)
    {
        answer = "";
        error = default!;
        if (session.State == SessionState.Closed)
        {
            return IceRestartOutcome.SessionClosed;
        }

        if (!SdpFragment.TryParse(fragmentText, out SdpFragment? fragment, out error))
        {
            return IceRestartOutcome.Malformed;
        }

        IceCredentials inForce = session.Peer.WantedIceRestart?.Remote ?? session.Peer.RemoteIce;
        if (fragment.IceUfrag is null || fragment.IcePassword is null
            || fragment.IceUfrag == inForce.Ufrag && fragment.IcePassword == inForce.Password
            || !IceCredentials.TryCreate(fragment.IceUfrag, fragment.IcePassword, out IceCredentials remote))
        {
            return IceRestartOutcome.NothingNew;
        }

        IceCredentials local = CreateIceCredentials(out IceUfrag ufrag);
        if (session.FormerUfrag is { } former)
        {
            _peers.Remove(former);
        }

        session.FormerUfrag = session.Ufrag;
        session.Ufrag = ufrag;
        session.LocalIce = local;
        var restart = new IceRestart(local, remote);
        bool ownerMustKnow = session.Peer.RequestIceRestart(restart);
        _peers.TryAdd(ufrag, session.Peer);
        if (ownerMustKnow)
        {
            _toSynchronize.Enqueue(session.Peer);
        }

        answer = SdpFragment.WriteRestart(session.Peer.Negotiated, local.Ufrag, local.Password, _transport.Candidates);
        return IceRestartOutcome.Restarted;
    }

    /// <summary>Limits what a session is sent on one of its media sections.</summary>
    public void Constrain(Session session, int section, in LayerConstraints constraints)
    {
        if (session.Peer.SetConstraints(section, in constraints))
        {
            _toSynchronize.Enqueue(session.Peer);
        }
    }

    private void SweepSessions(Instant now)
    {
        while (_connecting.First is { Value: Session session })
        {
            if (session.State != SessionState.Connecting || session.Peer.OwnerShard >= 0)
            {
                StopWaiting(session); // Connected or owned: then the shard's own deadlines (DTLS, consent) speak.
            }
            else if (session.ConnectDeadline <= now)
            {
                Close(session, PeerCloseReason.NeverConnected, now);
            }
            else
            {
                SweepAt(session.ConnectDeadline);
                return;
            }
        }
    }

    private void StopWaiting(Session session)
    {
        if (session.Connecting is { } node)
        {
            _connecting.Remove(node);
            session.Connecting = null;
        }
    }
}
