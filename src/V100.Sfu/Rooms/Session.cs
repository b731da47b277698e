using V100.Net;
using V100.Sfu.Forwarding;
using V100.Sfu.Ice;
using V100.Sfu.Peers;
using V100.Sfu.Quality;
using V100.Sfu.Sdp;

namespace V100.Sfu.Rooms;

public enum SessionState
{
    /// <summary>Answered; no valid ICE check yet, or DTLS under way.</summary>
    Connecting,
    Connected,
    Closed,
}

/// <summary>One signalling session (a WHIP or WHEP resource) and its transport.</summary>
public sealed class Session
{
    internal Session(SessionId id, Participant participant, SessionRole role, PeerDescriptor peer, IReadOnlyList<PublishedTrack> tracks, string? target)
    {
        Id = id;
        Participant = participant;
        Role = role;
        Peer = peer;
        Tracks = PermittedTracks = tracks;
        Target = target;
    }

    public SessionId Id { get; }
    public Participant Participant { get; }
    public SessionRole Role { get; }
    public PeerDescriptor Peer { get; }
    public SessionState State { get; internal set; }
    public PeerCloseReason CloseReason { get; internal set; }
    public DateTimeOffset CreatedAt { get; internal init; }
    internal Instant ConnectDeadline { get; init; }

    /// <summary>Its place among the sessions that wait for their client; null when it does not.</summary>
    internal LinkedListNode<Session>? Connecting { get; set; }

    /// <summary>How what it publishes and plays comes through; null until it is connected.</summary>
    public SessionQuality? Quality { get; internal set; }

    /// <summary>What the client publishes over it.</summary>
    public IReadOnlyList<PublishedTrack> Tracks { get; }

    /// <summary>Of these, what its participant may publish now.</summary>
    internal IReadOnlyList<PublishedTrack> PermittedTracks { get; set; }

    /// <summary>The identity that it plays; null follows the room's only, or loudest, publisher.</summary>
    public string? Target { get; }

    /// <summary>Where <see cref="Target"/> is null: whom it plays now.</summary>
    internal Participant? Followed { get; set; }

    /// <summary>The answer to the client's offer; empty once it has connected.</summary>
    public string AnswerText => Peer.Negotiated.AnswerText;

    /// <summary>The ICE session as an entity tag's value: changes with every ICE restart (RFC 9725, 4.3.1).</summary>
    public string IceTag => LocalIce.Ufrag;

    /// <summary>The credentials now in force.</summary>
    public IceCredentials LocalIce { get; internal set; } = null!;

    /// <summary>The ufrags by which shards find the peer: the current one and, during a restart, the one before.</summary>
    internal IceUfrag Ufrag { get; set; }
    internal IceUfrag? FormerUfrag { get; set; }
}
