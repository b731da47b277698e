using V100.Net;
using V100.Sfu.Forwarding;

namespace V100.Sfu.Rooms;

/// <summary>Who speaks: rooms are listened to while something is heard in them.</summary>
public sealed partial class RoomDirectory
{
    /// <summary>As long as <see cref="ActiveSpeakers"/> may wait; a track remembers the levels of 120 ms.</summary>
    private static readonly TimeSpan ListenInterval = TimeSpan.FromMilliseconds(100);

    /// <summary>So much of a first word is lost to who waits for one of <see cref="LoudestSelector"/>'s places.</summary>
    private static readonly TimeSpan SelectInterval = TimeSpan.FromMilliseconds(40);

    private readonly SoundingTracks _sounding = new();
    private readonly Dictionary<TrackId, RoomAudio> _audible = [];
    private readonly List<RoomAudio> _awake = [];
    private Instant _nextListening = Instant.Never;

    /// <summary>Rooms in which somebody spoke in the last seconds: those that are listened to.</summary>
    public int AwakeRoomCount => _awake.Count;

    /// <summary>The session publishes from now on.</summary>
    private void BeginListening(Session session, Instant now)
    {
        Room room = session.Participant.Room;
        RoomAudio? audio = null;
        foreach (PublishedTrack track in session.Tracks)
        {
            if (track.Kind == Sdp.MediaKind.Audio)
            {
                audio = room.Audio ??= new RoomAudio(room, _limits.LoudestSpeakers);
                _audible.Add(track.Id, audio);
            }
        }

        if (audio is not null)
        {
            audio.Add(session.Participant, session.Tracks, now);
            Wake(audio, now);
        }
    }

    private void EndListening(Session session, Instant now)
    {
        foreach (PublishedTrack track in session.Tracks)
        {
            _audible.Remove(track.Id);
        }

        if (session.Participant.Room.Audio is { } audio)
        {
            audio.Remove(session.Tracks);
            audio.TellSpeakers(session.Participant.Room.Tick);
            Wake(audio, now); // Its place is free.
        }
    }

    private void Wake(RoomAudio audio, Instant now)
    {
        if (!audio.IsAwake)
        {
            _awake.Add(audio);
        }

        audio.Wake(now);
        ListenAt(now + Interval);
    }

    private TimeSpan Interval => _limits.LoudestSpeakers > 0 ? SelectInterval : ListenInterval;

    private void ListenAt(Instant deadline) => _nextListening = Instant.Earlier(_nextListening, deadline);

    private void Listen(Instant now)
    {
        _nextListening = _audible.Count > 0 || _awake.Count > 0 ? now + Interval : Instant.Never;
        for (PublishedTrack? track = _sounding.TakeAll(); track is not null; track = track.TakeNextSounding())
        {
            if (_audible.TryGetValue(track.Id, out RoomAudio? audio) && !audio.IsAwake)
            {
                Wake(audio, now);
            }
        }

        for (int index = _awake.Count - 1; index >= 0; index--)
        {
            RoomAudio audio = _awake[index];
            if (audio.Update(now))
            {
                AssignSources(audio.Room);
            }

            if (!audio.IsAwake)
            {
                _awake[index] = _awake[^1];
                _awake.RemoveAt(_awake.Count - 1);
            }
        }
    }
}
