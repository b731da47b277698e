using V100.Net;
using V100.Sfu.Forwarding;

namespace V100.Sfu.Rooms;

/// <summary>
/// One audio track as <see cref="ActiveSpeakers"/> hears it: its loudness in steps of 20 ms over the last second, and how much of that is speech
/// at three lengths of time (Volfin and Cohen, "Dominant speaker identification for multipoint videoconferencing", Computer
/// Speech and Language 27, 2013). The weights are those of Jitsi's <c>DominantSpeakerIdentification</c>.
/// </summary>
public sealed class Speaker
{
    /// <summary>The length of the shortest piece of time.</summary>
    public static readonly TimeSpan Step = TimeSpan.FromMilliseconds(20);

    /// <summary>Without a packet for as long as this the source is silent: a sender that detects silence may send nothing (DTX). Until then the last level stands.</summary>
    public static readonly TimeSpan IdleTimeout = TimeSpan.FromMilliseconds(100);

    private const int LevelsPerBand = 13;
    private const int StepsPerMedium = 5;
    private const int MediumsPerLong = 10;
    private const int StepCount = StepsPerMedium * MediumsPerLong;

    // Jitsi asks for 8 bands, −23 dBov, which a quiet microphone does not reach, and for all steps of a medium, which one packet that is late spoils.
    private const int SpeechBands = 5;
    private const int SpeechSteps = 4;
    private const int FloorWindowSteps = 15_000 / 20;

    /// <summary>Of a step's loudness in the mean: about a second.</summary>
    private const float LoudnessWeight = 0.02f;

    private static readonly double[] _immediateScores = SpeechScore.Table(LevelsPerBand, 0.78);
    private static readonly double[] _mediumScores = SpeechScore.Table(StepsPerMedium, 24);
    private static readonly double[] _longScores = SpeechScore.Table(MediumsPerLong, 47);

    private readonly AudioLevels _source;

    // The newest first; what is no speech is 0.
    private readonly byte[] _levels = new byte[StepCount];
    private ushort _read;
    private Instant _heardTo;
    private Instant _lastPacketAt;
    private byte _lastLevel;
    private bool _flagsVoice;
    private byte _floor;
    private byte _nextFloor;
    private int _floorSteps;

    internal Speaker(TrackId track, AudioLevels source, Instant now)
    {
        Track = track;
        _source = source;
        _heardTo = _lastPacketAt = LastSpokeAt = now;
    }

    public TrackId Track { get; }

    /// <summary>A level has come: not every client sends them.</summary>
    public bool HasLevels { get; private set; }

    /// <summary>The level of the last step, 0 to 127; noise counts as silence.</summary>
    public int SpeechLevel => Bands(_levels[0]) > 0 ? _levels[0] : 0;

    /// <summary>Mean level of speech over about a second, 0 to 127; noise counts as silence.</summary>
    public float Loudness { get; private set; }

    /// <summary>Two of the last three steps were louder than the noise.</summary>
    public bool IsSpeaking { get; private set; }

    /// <summary>The end of the last step with speech.</summary>
    public Instant LastSpokeAt { get; private set; }

    /// <summary>Goes to the subscribers, by <see cref="LoudestSelector"/>.</summary>
    public bool IsSelected { get; internal set; }

    /// <summary>One of the selector's places is taken by it.</summary>
    internal bool HoldsSlot { get; set; }

    internal bool IsRemoved { get; set; }
    internal double ImmediateScore { get; private set; } = SpeechScore.Least;
    internal double MediumScore { get; private set; } = SpeechScore.Least;
    internal double LongScore { get; private set; } = SpeechScore.Least;

    /// <summary>The least level that can be speech, 0 before any level has come.</summary>
    internal int LeastSpeechLevel => HasLevels ? Threshold : 0;

    /// <summary>After a time in which nobody called <see cref="Update"/> and nothing was said.</summary>
    internal void Wake(Instant now)
    {
        Instant recent = now - Step * AudioLevels.Depth;
        _heardTo = _heardTo > recent ? _heardTo : recent;
    }

    /// <summary>Hears what came since the last call: as many steps as time passed, filled with the levels that came in it.</summary>
    internal void Update(Instant now)
    {
        long steps = (now - _heardTo).Ticks / Step.Ticks;
        if (steps <= 0)
        {
            return;
        }

        Span<byte> fresh = stackalloc byte[AudioLevels.Depth];
        int count = _source.Read(ref _read, fresh);
        if (count > 0)
        {
            HasLevels = true;
            _lastPacketAt = now;
        }

        // More steps than are remembered say no more.
        _heardTo = steps > StepCount ? now : _heardTo + Step * steps;
        steps = Math.Min(steps, StepCount);
        bool isIdle = now - _lastPacketAt > IdleTimeout;
        for (int step = 0; step < steps; step++)
        {
            byte level = count > 0 ? Hear(fresh[(int)(step * count / steps)]) : isIdle ? (byte)0 : _lastLevel;
            Add(level, now - Step * (steps - 1 - step));
        }

        _lastLevel = _levels[0];
        Score();
    }

    private void Add(byte level, Instant at)
    {
        _levels.AsSpan(0, StepCount - 1).CopyTo(_levels.AsSpan(1));
        _levels[0] = level;
        Loudness += ((Bands(level) > 0 ? level : 0) - Loudness) * LoudnessWeight;
        int loud = 0;
        for (int step = 0; step < 3; step++)
        {
            loud += Bands(_levels[step]) > 0 ? 1 : 0;
        }

        IsSpeaking = loud >= 2;
        LastSpokeAt = Bands(level) > 0 && at > LastSpokeAt ? at : LastSpokeAt;
    }

    // A client whose detector has ever heard a voice has one: what it does not flag is noise.
    private byte Hear(byte flagged)
    {
        bool hasVoice = (flagged & AudioLevels.VoiceBit) != 0;
        _flagsVoice |= hasVoice;
        var level = (byte)(flagged & ~AudioLevels.VoiceBit);
        UpdateFloor(level);
        return _flagsVoice && !hasVoice ? (byte)0 : level;
    }

    private void Score()
    {
        int active = 0;
        for (int medium = 0; medium < MediumsPerLong; medium++)
        {
            active += CountSpeechSteps(medium) >= SpeechSteps ? 1 : 0;
        }

        ImmediateScore = _immediateScores[Bands(_levels[0])];
        MediumScore = _mediumScores[CountSpeechSteps(0)];
        LongScore = _longScores[active];
    }

    private int CountSpeechSteps(int medium)
    {
        int count = 0;
        foreach (byte level in _levels.AsSpan(medium * StepsPerMedium, StepsPerMedium))
        {
            count += Bands(level) >= SpeechBands ? 1 : 0;
        }

        return count;
    }

    private int Bands(byte level) => level < Threshold ? 0 : level / LevelsPerBand;

    // Whoever sends nothing between words seems to have a floor as loud as his voice: where the client hears a voice, that counts.
    private int Threshold => _flagsVoice ? Math.Min(_floor + LevelsPerBand, SpeechBands * LevelsPerBand) : _floor + LevelsPerBand;

    /// <summary>The noise: the least level, which rises over windows of 15 s towards what they hold.</summary>
    private void UpdateFloor(byte level)
    {
        if (level == 0)
        {
            return;
        }

        if (_floor == 0 || level < _floor)
        {
            (_floor, _nextFloor, _floorSteps) = (level, 0, 0);
            return;
        }

        _nextFloor = _nextFloor == 0 ? level : Math.Min(_nextFloor, level);
        if (++_floorSteps >= FloorWindowSteps)
        {
            _floor = (byte)Math.Sqrt(_floor * _nextFloor);
            (_nextFloor, _floorSteps) = (0, 0);
        }
    }
}
