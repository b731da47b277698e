using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using V100.Net;
using V100.Sfu.Peers;
using V100.Sfu.Rooms;
using V100.Sfu.Sdp;
using V100.Turn;

namespace V100.Server.Usage;

/// <summary>
/// Turns what workers count (<see cref="PeerTraffic"/>, <see cref="AllocationRecord"/>) and when sessions come and go into amounts by hour, room and
/// participant: always what was added since the last time.
/// </summary>
/// <remarks>
/// The control plane tells of sessions under its lock, by <see cref="Tell"/> and <see cref="TellClosed"/>, which only queue. One thread calls <see cref="Collect"/>.
/// A session is counted until the room layer has closed it and its worker has reported its peer closed, since only then are its figures final. What is
/// counted in one call belongs to the hour in which the call is made.
/// </remarks>
internal sealed class UsageMeter
{
    private readonly ConcurrentQueue<Change> _changes = new();
    private readonly Dictionary<PeerId, Metered> _sessions = [];
    private readonly Dictionary<(string Room, string Identity), Presence> _present = [];
    private readonly Dictionary<AllocationId, long> _relayed = [];
    private Dictionary<UsageKey, UsageAmount> _amounts = [];
    private TurnDirectory? _turn;
    private long _hour;

    /// <summary>There was nothing at the last call that could use anything.</summary>
    public bool IsIdle => _sessions.Count == 0 && _turn is null or { Count: 0 };

    /// <summary>Counts what these allocations relay, from now on.</summary>
    public void Begin(TurnDirectory turn)
    {
        turn.KeepsEnded = true;
        _turn = turn;
    }

    /// <summary>Something became of a session.</summary>
    public void Tell(RoomEventKind kind, Session session, Instant now)
    {
        if (kind is RoomEventKind.SessionOpened or RoomEventKind.SessionConnected or RoomEventKind.SessionClosed)
        {
            _changes.Enqueue(new Change(kind, session, session.Peer, now));
        }
    }

    /// <summary>The peer's worker has closed it: its figures are final.</summary>
    public void TellClosed(PeerDescriptor peer) => _changes.Enqueue(new Change(null, null, peer, default));

    /// <summary>Adds what was used since the last call.</summary>
    /// <param name="amounts">What it is added to.</param>
    /// <param name="now">Now.</param>
    /// <param name="clock">The same moment, of the wall clock: it says which hour this is.</param>
    /// <param name="withTimes">Also the time of sessions that go on. Without it they wait for a later call; bytes never wait.</param>
    public void Collect(Dictionary<UsageKey, UsageAmount> amounts, Instant now, DateTimeOffset clock, bool withTimes)
    {
        _amounts = amounts;
        _hour = clock.ToUnixTimeSeconds() / 3600 * 3600;
        while (_changes.TryDequeue(out Change change))
        {
            Apply(in change);
        }

        foreach (Metered metered in _sessions.Values)
        {
            CountBytes(metered);
            if (withTimes && metered.ConnectedSince is { } since)
            {
                metered.ConnectedSince = CountTrackTime(metered, since, now);
            }
        }

        if (withTimes)
        {
            foreach (((string room, string identity), Presence presence) in _present)
            {
                presence.Since = CountPresence(room, identity, presence.Since, now);
            }
        }

        CountRelays();
    }

    private void Apply(in Change change)
    {
        if (change.Kind == RoomEventKind.SessionOpened)
        {
            _sessions.Add(change.Peer.Id, new Metered(change.Session!));
            return;
        }

        if (!_sessions.TryGetValue(change.Peer.Id, out Metered? metered))
        {
            return;
        }

        if (change.Kind == RoomEventKind.SessionConnected)
        {
            metered.ConnectedSince = change.At;
            Enter(metered.Key, change.At);
            return;
        }

        if (change.Kind == RoomEventKind.SessionClosed)
        {
            metered.IsClosed = true;
            metered.IsFinal |= change.Peer.OwnerShard < 0; // No worker ever had it, and none can have it any more.
            if (metered.ConnectedSince is { } since)
            {
                CountTrackTime(metered, since, change.At);
                Leave(metered.Key, change.At);
                metered.ConnectedSince = null;
            }
        }
        else
        {
            metered.IsFinal = true;
        }

        if (metered is { IsClosed: true, IsFinal: true })
        {
            CountBytes(metered);
            _sessions.Remove(change.Peer.Id);
        }
    }

    /// <summary>A participant with several sessions is there once.</summary>
    private void Enter((string Room, string Identity) key, Instant now)
    {
        if (!_present.TryGetValue(key, out Presence? presence))
        {
            _present.Add(key, presence = new Presence { Since = now });
        }

        presence.Sessions++;
    }

    private void Leave((string Room, string Identity) key, Instant now)
    {
        if (_present.TryGetValue(key, out Presence? presence) && --presence.Sessions == 0)
        {
            CountPresence(key.Room, key.Identity, presence.Since, now);
            _present.Remove(key);
        }
    }

    private void CountBytes(Metered metered)
    {
        PeerTraffic traffic = metered.Session.Peer.Traffic;
        long received = traffic.ReceivedBytes;
        long sent = traffic.SentBytes;
        if (received == metered.ReceivedBytes && sent == metered.SentBytes)
        {
            return;
        }

        // Feedback, which goes against the media, is nobody's to pay.
        SessionRole role = metered.Session.Role;
        Add(metered.Key, new UsageAmount(
            PublishedBytes: role.HasFlag(SessionRole.Publish) ? received - metered.ReceivedBytes : 0,
            DeliveredBytes: role.HasFlag(SessionRole.Subscribe) ? sent - metered.SentBytes : 0));
        metered.ReceivedBytes = received;
        metered.SentBytes = sent;
    }

    private Instant CountTrackTime(Metered metered, Instant since, Instant now)
    {
        long elapsedUs = Elapsed(since, now);
        Add(metered.Key, new UsageAmount(TrackUs: elapsedUs * metered.Session.Tracks.Count));
        return new Instant(since.Nanoseconds + 1000 * elapsedUs);
    }

    private Instant CountPresence(string room, string identity, Instant since, Instant now)
    {
        long elapsedUs = Elapsed(since, now);
        Add((room, identity), new UsageAmount(ParticipantUs: elapsedUs));
        return new Instant(since.Nanoseconds + 1000 * elapsedUs);
    }

    /// <summary>What is left of a microsecond is counted the next time.</summary>
    private static long Elapsed(Instant since, Instant now) => Math.Max(0, (now.Nanoseconds - since.Nanoseconds) / 1000);

    private void CountRelays()
    {
        if (_turn is not { } turn)
        {
            return;
        }

        while (turn.TryTakeEnded(out AllocationRecord ended))
        {
            CountRelay(ended);
            _relayed.Remove(ended.Id);
        }

        foreach (AllocationRecord allocation in turn.Allocations)
        {
            CountRelay(allocation);
        }
    }

    private void CountRelay(AllocationRecord allocation)
    {
        long bytes = allocation.BytesToPeer + allocation.BytesToClient;
        long counted = _relayed.GetValueOrDefault(allocation.Id);
        if (bytes > counted)
        {
            Add(("", allocation.User), new UsageAmount(RelayedBytes: bytes - counted));
            _relayed[allocation.Id] = bytes;
        }
    }

    private void Add((string Room, string Identity) key, UsageAmount amount)
    {
        if (amount != default)
        {
            var usage = new UsageKey(_hour, key.Room, key.Identity);
            ref UsageAmount sum = ref CollectionsMarshal.GetValueRefOrAddDefault(_amounts, usage, out _);
            sum += amount;
        }
    }

    private readonly record struct Change(RoomEventKind? Kind, Session? Session, PeerDescriptor Peer, Instant At);

    private sealed class Metered(Session session)
    {
        public Session Session { get; } = session;
        public (string Room, string Identity) Key { get; } = (session.Participant.Room.Name, session.Participant.Identity);
        public long ReceivedBytes { get; set; }
        public long SentBytes { get; set; }
        public Instant? ConnectedSince { get; set; }
        public bool IsClosed { get; set; }
        public bool IsFinal { get; set; }
    }

    private sealed class Presence
    {
        public int Sessions { get; set; }
        public Instant Since { get; set; }
    }
}
