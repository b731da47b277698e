using V100.Net;
using V100.Sfu.Bwe;
using V100.Sfu.Forwarding;
using V100.Sfu.Sdp;

namespace V100.Sfu.Rooms;

/// <summary>
/// What the listeners of a room are told: it gathers what changes, and up to 20 times a second makes one event of it, the same for all.
/// </summary>
/// <remarks>
/// It exists while a room has listeners, and a little longer. Several changes of one thing between two ticks become its last state, and what came
/// and went in between is not told at all. A listener that applies each tick's changes, in their order, to a snapshot has what a newer snapshot says.
/// <para>
/// Not thread-safe: belongs to the <see cref="RoomDirectory"/>, which calls what happened. Of participants, tracks and subscriptions that it does not know
/// it takes no notice. <see cref="Run"/> allocates nothing.
/// </para>
/// </remarks>
public sealed partial class RoomTick
{
    /// <summary>In decibels: smaller changes are not told.</summary>
    private const int LevelStep = 3;

    private const double MinScore = 1;
    private const double MaxScore = 5;

    private readonly byte[] _quotedRoom;
    private readonly TickSchedule _schedule;
    private readonly Dictionary<string, TickParticipant> _participants = new(StringComparer.Ordinal);
    private readonly Dictionary<TrackId, TickTrack> _tracks = [];
    private readonly Dictionary<string, TickSubscription> _subscriptions = new(StringComparer.Ordinal);
    private readonly List<TickEntry> _changed = [];
    private readonly List<TickTrack> _changedLevels = [];
    private readonly List<TickParticipant> _loudest = [];
    private TickParticipant? _dominant;
    private bool _speakersChanged;

    internal RoomTick(string room, TickSchedule schedule, ulong logName)
    {
        _quotedRoom = TickJson.Quote(room);
        _schedule = schedule;
        Log = new TickLog(logName);
    }

    /// <summary>Where the listeners take it.</summary>
    public TickLog Log { get; }

    /// <summary>It has something to tell, or somebody waits for a snapshot.</summary>
    internal bool IsDue { get; set; }

    /// <summary>Its last tick was less than an interval ago; until then what changes is gathered.</summary>
    internal bool IsResting { get; set; }
    internal Instant RestsUntil { get; set; }

    /// <summary>The last listener went; when this comes and no other one has come, so does the end.</summary>
    internal Instant LingersUntil { get; set; } = Instant.Never;

    /// <summary>It stands among those that may have to end.</summary>
    internal bool IsLingering { get; set; }

    public void Joined(string identity, string? name, string? metadata, DateTimeOffset joinedAt)
    {
        var participant = new TickParticipant(identity, joinedAt);
        participant.Describe(name, metadata);
        if (_participants.TryAdd(identity, participant))
        {
            Change(participant, TickChanges.Itself);
        }
    }

    /// <summary>Another name, or other metadata.</summary>
    public void Updated(string identity, string? name, string? metadata)
    {
        if (_participants.TryGetValue(identity, out TickParticipant? participant))
        {
            participant.Describe(name, metadata);
            Change(participant, TickChanges.Itself);
        }
    }

    /// <summary>With its tracks and subscriptions.</summary>
    public void Left(string identity)
    {
        if (!_participants.Remove(identity, out TickParticipant? participant))
        {
            return;
        }

        Remove(participant);
        foreach (TickTrack track in participant.Tracks)
        {
            track.IsGone = true;
            _tracks.Remove(track.Id);
        }

        foreach (TickSubscription subscription in participant.Subscriptions)
        {
            subscription.IsGone = true;
            _subscriptions.Remove(subscription.Id);
        }

        if (_dominant == participant || _loudest.Contains(participant))
        {
            _dominant = _dominant == participant ? null : _dominant;
            _loudest.Remove(participant);
            SpeakersChanged();
        }
    }

    /// <param name="identity">Who publishes it.</param>
    /// <param name="track">The track.</param>
    /// <param name="kind">Sound or picture.</param>
    /// <param name="source">As the API names it: <c>camera</c>.</param>
    /// <param name="rids">Of its encodings, smallest first; an empty one where the only encoding has none.</param>
    /// <param name="isMuted">It begins so.</param>
    public void Published(string identity, TrackId track, MediaKind kind, string source, ReadOnlySpan<string> rids, bool isMuted)
    {
        if (!_participants.TryGetValue(identity, out TickParticipant? owner) || _tracks.ContainsKey(track))
        {
            return;
        }

        var entry = new TickTrack(owner, track, kind, source, rids) { IsMuted = isMuted };
        _tracks.Add(track, entry);
        owner.Tracks.Add(entry);
        Change(entry, TickChanges.Itself);
    }

    public void Unpublished(TrackId track)
    {
        if (_tracks.Remove(track, out TickTrack? entry))
        {
            entry.Owner.Tracks.Remove(entry);
            Remove(entry);
        }
    }

    /// <summary>Silenced by its publisher or by the server, or not any more.</summary>
    public void Muted(TrackId track, bool isMuted)
    {
        if (_tracks.TryGetValue(track, out TickTrack? entry) && entry.IsMuted != isMuted)
        {
            entry.IsMuted = isMuted;
            Change(entry, TickChanges.Muted);
        }
    }

    /// <summary>Which encodings of a track anybody takes: a publisher may rest the others.</summary>
    /// <param name="track">The track.</param>
    /// <param name="encodings">One bit for each encoding, the first lowest.</param>
    public void Wanted(TrackId track, uint encodings)
    {
        if (_tracks.TryGetValue(track, out TickTrack? entry) && entry.Wanted != (encodings &= (1u << entry.Rids.Length) - 1))
        {
            entry.Wanted = encodings;
            Change(entry, TickChanges.Wanted);
        }
    }

    /// <summary>How loud it is; changes that nobody sees are not told.</summary>
    /// <param name="track">A track with sound.</param>
    /// <param name="loudness">0 (silent) to 127, as <see cref="AudioLevels"/> has it.</param>
    public void Level(TrackId track, int loudness)
    {
        loudness = Math.Clamp(loudness, 0, 127);
        if (!_tracks.TryGetValue(track, out TickTrack? entry) || entry.Kind != MediaKind.Audio
            || entry.Level == loudness || Math.Abs(entry.Level - loudness) < LevelStep && loudness > 0)
        {
            return;
        }

        entry.Level = loudness;
        if ((entry.Changes & TickChanges.Level) == 0)
        {
            entry.Changes |= TickChanges.Level;
            _changedLevels.Add(entry);
            _schedule.Mark(this);
        }
    }

    /// <summary>Who speaks.</summary>
    /// <param name="dominant">The identity of the dominant speaker; null for nobody.</param>
    /// <param name="loudest">Identities, the loudest first.</param>
    public void Speakers(string? dominant, ReadOnlySpan<string> loudest)
    {
        TickParticipant? former = _dominant;
        _dominant = dominant is null ? null : _participants.GetValueOrDefault(dominant);
        bool changed = former != _dominant;
        int count = 0;
        foreach (string identity in loudest)
        {
            if (!_participants.TryGetValue(identity, out TickParticipant? speaker) || _loudest.IndexOf(speaker, 0, count) >= 0)
            {
                continue;
            }

            if (count == _loudest.Count)
            {
                _loudest.Add(speaker);
                changed = true;
            }

            changed |= _loudest[count] != speaker;
            _loudest[count++] = speaker;
        }

        changed |= count < _loudest.Count;
        _loudest.RemoveRange(count, _loudest.Count - count);
        if (changed)
        {
            SpeakersChanged();
        }
    }

    /// <summary>The video of a subscription rests: its subscriber's path does not carry it, or the subscriber wants it so.</summary>
    /// <param name="identity">The subscriber.</param>
    /// <param name="subscription">The track id that the subscriber's answer gave the section.</param>
    /// <param name="track">What it plays; null for nothing.</param>
    /// <param name="reason">Why.</param>
    public void Paused(string identity, string subscription, TrackId? track, AllocationReason reason)
    {
        TickTrack? played = track is { } id ? _tracks.GetValueOrDefault(id) : null;
        if (FindOrAdd(identity, subscription) is { } entry && (!entry.IsPaused || entry.Reason != reason || entry.Track != played))
        {
            (entry.IsPaused, entry.Reason, entry.Track) = (true, reason, played);
            Change(entry, TickChanges.Paused);
        }
    }

    public void Resumed(string subscription)
    {
        if (_subscriptions.TryGetValue(subscription, out TickSubscription? entry) && entry.IsPaused)
        {
            entry.IsPaused = false;
            Change(entry, TickChanges.Paused);
        }
    }

    /// <summary>The subscription's session has ended.</summary>
    public void Unsubscribed(string subscription)
    {
        if (_subscriptions.Remove(subscription, out TickSubscription? entry))
        {
            entry.Owner.Subscriptions.Remove(entry);
            Remove(entry);
        }
    }

    /// <param name="identity">Whose quality as a whole it is.</param>
    /// <param name="score">1 to 5.</param>
    public void ParticipantQuality(string identity, double score) => Rate(_participants.GetValueOrDefault(identity), score);

    /// <param name="track">What is published.</param>
    /// <param name="score">1 to 5.</param>
    public void TrackQuality(TrackId track, double score) => Rate(_tracks.GetValueOrDefault(track), score);

    /// <param name="identity">The subscriber.</param>
    /// <param name="subscription">As in <see cref="Paused"/>.</param>
    /// <param name="score">1 to 5.</param>
    public void SubscriptionQuality(string identity, string subscription, double score) => Rate(FindOrAdd(identity, subscription), score);

    /// <summary>What was gathered is no news: the first listener begins with all of it.</summary>
    internal void Settle()
    {
        foreach (TickEntry entry in _changed)
        {
            Settle(entry);
        }

        foreach (TickTrack track in _changedLevels)
        {
            Settle(track);
        }

        _changed.Clear();
        _changedLevels.Clear();
        _speakersChanged = false;
    }

    private static void Settle(TickEntry entry)
    {
        entry.IsTold = true;
        entry.Changes = TickChanges.None;
    }

    private void Rate(TickEntry? entry, double score)
    {
        int hundredths = (int)Math.Round(Math.Clamp(score, MinScore, MaxScore) * 100);
        if (entry is not null && entry.Score != hundredths)
        {
            entry.Score = hundredths;
            Change(entry, TickChanges.Score);
        }
    }

    private TickSubscription? FindOrAdd(string identity, string subscription)
    {
        if (_subscriptions.TryGetValue(subscription, out TickSubscription? entry) || !_participants.TryGetValue(identity, out TickParticipant? owner))
        {
            return entry;
        }

        entry = new TickSubscription(owner, subscription);
        _subscriptions.Add(subscription, entry);
        owner.Subscriptions.Add(entry);
        return entry;
    }

    private void Remove(TickEntry entry)
    {
        entry.IsGone = true;
        Change(entry, TickChanges.Gone);
    }

    private void SpeakersChanged()
    {
        _speakersChanged = true;
        _schedule.Mark(this);
    }

    private void Change(TickEntry entry, TickChanges change)
    {
        if ((entry.Changes & ~TickChanges.Level) == 0)
        {
            _changed.Add(entry);
        }

        entry.Changes |= change;
        _schedule.Mark(this);
    }
}
