using V100.Net;
using V100.Sfu.Forwarding;
using V100.Sfu.Sdp;

namespace V100.Sfu.Rooms;

/// <summary>What is heard in one room: who speaks, and which of its audio tracks go to its subscribers.</summary>
/// <remarks>
/// While it is awake, <see cref="Update"/> is called at the intervals that <see cref="ActiveSpeakers"/> and <see cref="LoudestSelector"/> want. After
/// <see cref="SleepAfter"/> in which nobody spoke it sleeps: nothing has to be called until one of its tracks is louder than that track's noise, which the
/// shard that receives it tells by <see cref="SoundingTracks"/>, or until tracks come or go.
/// </remarks>
/// <param name="room">Whose.</param>
/// <param name="slots">See <see cref="RoomLimits.LoudestSpeakers"/>.</param>
internal sealed class RoomAudio(Room room, int slots)
{
    /// <summary>Longer than what speakers are judged by: the loudness of who spoke has gone.</summary>
    public static readonly TimeSpan SleepAfter = TimeSpan.FromSeconds(5);

    /// <summary>More tracks than these are not heard, and go to the subscribers always.</summary>
    private const int MaxSpeakers = 4096;
    private const int ListLength = 8;

    private readonly List<Voice> _voices = [];
    private readonly ActiveSpeakers _speakers = new(MaxSpeakers, ListLength);
    private readonly string[] _loudest = new string[ListLength];
    private readonly LoudestSelector? _selector = slots > 0 ? new LoudestSelector(slots) : null;
    private Instant _awakeSince;

    private readonly record struct Voice(Participant Participant, PublishedTrack Track, Speaker Speaker);

    public Room Room { get; } = room;
    public bool IsAwake { get; private set; }

    /// <summary>Null until somebody has spoken, and when who spoke last has gone.</summary>
    public Participant? Dominant { get; private set; }

    public void Add(Participant participant, IReadOnlyList<PublishedTrack> tracks, Instant now)
    {
        foreach (PublishedTrack track in tracks)
        {
            if (track.Kind == MediaKind.Audio && _speakers.TryAdd(track.Id, track.Levels, now) is { } speaker)
            {
                _voices.Add(new Voice(participant, track, speaker));
            }
        }
    }

    public void Remove(IReadOnlyList<PublishedTrack> tracks)
    {
        foreach (PublishedTrack track in tracks)
        {
            int index = _voices.FindIndex(voice => voice.Track == track);
            if (index >= 0)
            {
                _speakers.Remove(_voices[index].Speaker);
                _voices.RemoveAt(index);
            }
        }

        Dominant = ParticipantOf(_speakers.Dominant);
    }

    public void Wake(Instant now)
    {
        IsAwake = true;
        _awakeSince = now;
        foreach (Voice voice in _voices)
        {
            voice.Speaker.Wake(now);
            voice.Track.WakeLevel = PublishedTrack.NeverWakes;
        }
    }

    /// <summary>Hears what came since. True when another participant has become the dominant speaker.</summary>
    public bool Update(Instant now)
    {
        SpeakerChanges changes = _speakers.Update(now);
        bool isAnother = (changes & SpeakerChanges.Dominant) != 0 && Follow();
        if (_selector?.Update(_speakers, now) == true)
        {
            ApplySelection();
        }

        TellLevels(Room.Tick);
        if (changes != SpeakerChanges.None)
        {
            TellSpeakers(Room.Tick);
        }

        if (now - LastSound() >= SleepAfter)
        {
            Sleep();
        }

        return isAnother;
    }

    /// <param name="tick">Null where nobody wants to know.</param>
    public void TellSpeakers(RoomTick? tick)
    {
        if (tick is null)
        {
            return;
        }

        int count = 0;
        foreach (Speaker speaker in _speakers.Loudest)
        {
            if (ParticipantOf(speaker) is { } participant)
            {
                _loudest[count++] = participant.Identity;
            }
        }

        tick.Speakers(Dominant?.Identity, _loudest.AsSpan(0, count));
    }

    private void TellLevels(RoomTick? tick)
    {
        if (tick is null)
        {
            return;
        }

        foreach (Voice voice in _voices)
        {
            tick.Level(voice.Track.Id, voice.Speaker.SpeechLevel);
        }
    }

    private Instant LastSound()
    {
        Instant last = _awakeSince;
        foreach (Voice voice in _voices)
        {
            last = voice.Speaker.LastSpokeAt > last ? voice.Speaker.LastSpokeAt : last;
        }

        return last;
    }

    /// <summary>The loudest of the participants that has something to play and is not <paramref name="listener"/>; null where nobody is loud.</summary>
    public Participant? LoudestBut(Participant listener)
    {
        foreach (Speaker speaker in _speakers.Loudest)
        {
            if (ParticipantOf(speaker) is { Tracks.Count: > 0 } participant && participant != listener)
            {
                return participant;
            }
        }

        return null;
    }

    private bool Follow()
    {
        Participant? former = Dominant;
        Dominant = ParticipantOf(_speakers.Dominant);
        if (former == Dominant)
        {
            return false;
        }

        Mark(former, speaks: false);
        Mark(Dominant, speaks: true);
        return true;
    }

    private static void Mark(Participant? participant, bool speaks)
    {
        foreach (PublishedTrack track in participant?.Tracks ?? [])
        {
            track.IsOfActiveSpeaker = speaks;
        }
    }

    private void ApplySelection()
    {
        foreach (Voice voice in _voices)
        {
            voice.Track.IsAmongLoudest = voice.Speaker.IsSelected;
        }
    }

    private void Sleep()
    {
        IsAwake = false;
        foreach (Voice voice in _voices)
        {
            voice.Track.WakeLevel = voice.Speaker.LeastSpeechLevel;
        }
    }

    private Participant? ParticipantOf(Speaker? speaker)
    {
        foreach (Voice voice in _voices)
        {
            if (voice.Speaker == speaker)
            {
                return voice.Participant;
            }
        }

        return null;
    }
}
