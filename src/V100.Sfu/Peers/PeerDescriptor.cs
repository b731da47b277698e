using V100.Sfu.Bwe;
using V100.Sfu.Forwarding;
using V100.Sfu.Ice;
using V100.Sfu.Sdp;

namespace V100.Sfu.Peers;

/// <summary>
/// One client's transport as negotiated, and what is wanted of it. It is the only thing that the control plane and
/// the shard that owns the peer share.
/// </summary>
/// <remarks>
/// The control plane writes what it wants (<see cref="SetSource"/>, <see cref="RequestClose"/>, <see cref="RequestIceRestart"/>)
/// and, where these return true, posts a <see cref="ShardCommandKind.Synchronize"/> to <see cref="OwnerShard"/>.
/// A shard claims the descriptor with its first valid ICE check (<see cref="TryClaim"/>) and then reads what is wanted;
/// each side writes before it looks at the other's mark, so no wish is lost.
/// </remarks>
public sealed class PeerDescriptor
{
    private const int Unclaimed = -1;
    private const int Unclaimable = -2;

    private readonly PublishedTrack?[] _sources;
    private readonly ConstraintsBox?[] _constraints;
    private readonly int[] _pauses;
    private int _isAdapted;
    private int _ownerShard = Unclaimed;
    private int _wishes;
    private int _closeReason;
    private IceRestart? _iceRestart;
    private string? _traceName;

    public PeerDescriptor(PeerId id, NegotiatedSession negotiated, IceCredentials localIce, IceCredentials remoteIce, PublishedTrack?[] published, ulong tieBreaker)
    {
        Id = id;
        Negotiated = negotiated;
        LocalIce = localIce;
        RemoteIce = remoteIce;
        Published = published;
        TieBreaker = tieBreaker;
        _sources = new PublishedTrack?[negotiated.Sections.Length];
        _constraints = new ConstraintsBox?[negotiated.Sections.Length];
        _pauses = new int[negotiated.Sections.Length];
    }

    private sealed record ConstraintsBox(LayerConstraints Value);

    public PeerId Id { get; }
    public NegotiatedSession Negotiated { get; }
    public IceCredentials LocalIce { get; }
    public IceCredentials RemoteIce { get; }
    public ulong TieBreaker { get; }

    /// <summary>By media section: the track that the client publishes there, or null.</summary>
    public PublishedTrack?[] Published { get; }

    /// <summary>The shard that owns the peer, or a negative number while (or for ever) none does.</summary>
    public int OwnerShard => Volatile.Read(ref _ownerShard);

    /// <summary>Written by the owning shard; final before it reports that the peer is closed.</summary>
    public PeerTraffic Traffic { get; } = new();

    /// <summary>Under which name its decisions are traced; null for not at all. Written by the control plane.</summary>
    public string? TraceName
    {
        get => Volatile.Read(ref _traceName);
        set => Volatile.Write(ref _traceName, value);
    }

    /// <summary>The living peer, for the owning shard alone.</summary>
    internal Peer? Peer { get; set; }

    /// <summary>Counts the wishes, so that the owner sees with one read whether there is a new one.</summary>
    public int Wishes => Volatile.Read(ref _wishes);

    public PeerCloseReason CloseReason => (PeerCloseReason)Volatile.Read(ref _closeReason);

    public IceRestart? WantedIceRestart => Volatile.Read(ref _iceRestart);

    /// <summary>The shard's side: true for the one shard that owns the peer from now on.</summary>
    public bool TryClaim(int shard) => Interlocked.CompareExchange(ref _ownerShard, shard, Unclaimed) == Unclaimed;

    /// <summary>The track that media section <paramref name="section"/> should play, or null.</summary>
    public PublishedTrack? GetSource(int section) => Volatile.Read(ref _sources[section]);

    /// <summary>What section <paramref name="section"/> should play. True when the owner must be told.</summary>
    public bool SetSource(int section, PublishedTrack? source)
    {
        if (GetSource(section) == source)
        {
            return false;
        }

        Volatile.Write(ref _sources[section], source);
        return Wish();
    }

    /// <summary>To what the subscriber limits section <paramref name="section"/>.</summary>
    public LayerConstraints GetConstraints(int section) => Volatile.Read(ref _constraints[section])?.Value ?? new LayerConstraints();

    /// <summary>Limits what is sent on section <paramref name="section"/>. True when the owner must be told.</summary>
    public bool SetConstraints(int section, in LayerConstraints constraints)
    {
        Volatile.Write(ref _constraints[section], new ConstraintsBox(constraints));
        return Wish();
    }

    /// <summary>Why the video of section <paramref name="section"/> rests; null where it does not.</summary>
    public AllocationReason? GetPause(int section) => Volatile.Read(ref _pauses[section]) is var pause and > 0 ? (AllocationReason)(pause - 1) : null;

    /// <summary>The owning shard's side. True for another value.</summary>
    internal bool SetPause(int section, AllocationReason? reason)
    {
        int pause = reason is { } why ? (int)why + 1 : 0;
        bool differs = Volatile.Read(ref _pauses[section]) != pause;
        Volatile.Write(ref _pauses[section], pause);
        return differs;
    }

    /// <summary>The owning shard's side: something that <see cref="PeerEventKind.Adapted"/> tells has changed. True where it must be told.</summary>
    internal bool NoteAdapted() => Interlocked.Exchange(ref _isAdapted, 1) == 0;

    /// <summary>The control plane's side, before it looks.</summary>
    internal void TakeAdapted() => Interlocked.Exchange(ref _isAdapted, 0);

    /// <summary>Ends the peer; one that no shard owns can never be claimed any more. True when the owner must be told.</summary>
    public bool RequestClose(PeerCloseReason reason)
    {
        Interlocked.CompareExchange(ref _closeReason, (int)reason, (int)PeerCloseReason.None);
        return Interlocked.CompareExchange(ref _ownerShard, Unclaimable, Unclaimed) >= 0 && Wish();
    }

    /// <summary>New credentials on both sides (RFC 8445, 9). True when the owner must be told.</summary>
    public bool RequestIceRestart(IceRestart restart)
    {
        Volatile.Write(ref _iceRestart, restart);
        return Wish();
    }

    private bool Wish()
    {
        Interlocked.Increment(ref _wishes);
        return OwnerShard >= 0;
    }
}

/// <summary>The credentials of one ICE restart.</summary>
public sealed record IceRestart(IceCredentials Local, IceCredentials Remote);
