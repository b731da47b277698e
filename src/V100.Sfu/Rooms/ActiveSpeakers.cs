using V100.Net;
using V100.Sfu.Forwarding;

namespace V100.Sfu.Rooms;

/// <summary>What an update of <see cref="ActiveSpeakers"/> changed.</summary>
[Flags]
public enum SpeakerChanges
{
    None = 0,
    Dominant = 1,
    Loudest = 2,
}

/// <summary>
/// Who speaks in a room: the dominant speaker, by the comparison of speech at three lengths of time that <see cref="Speaker"/> names, and
/// the loudest, in order.
/// </summary>
/// <remarks>
/// One thread calls it, <see cref="Update"/> at least every 100 ms; the levels come from others by <see cref="AudioLevels"/>. A coughing fit, a
/// door or a short yes changes no dominant speaker: another one must have spoken more in the last second, and the present one be silent.
/// The order of the loudest changes when one is louder than who stands before it by <see cref="Margin"/>.
/// </remarks>
/// <param name="maxSpeakers">More tracks than this are not heard.</param>
/// <param name="listLength">How many the list of the loudest has.</param>
public sealed class ActiveSpeakers(int maxSpeakers, int listLength)
{
    public static readonly TimeSpan DecisionInterval = TimeSpan.FromMilliseconds(300);

    /// <summary>In decibels.</summary>
    public const float Margin = 6;

    /// <summary>The mean of who speaks a little; below it nobody is called loud.</summary>
    private const float LeastLoudness = 5;

    // In the logarithm of the ratio of two scores; the paper's c1, c2, c3 with Jitsi's values.
    private const double ImmediateRatio = 3;
    private const double MediumRatio = 2;
    private const double LongRatio = 0;

    private readonly List<Speaker> _speakers = [];
    private readonly Speaker?[] _listed = new Speaker?[listLength];
    private Instant _nextDecision;

    /// <summary>Null until somebody has spoken, and when the dominant speaker's track ended.</summary>
    public Speaker? Dominant { get; private set; }

    /// <summary>Loudest first, without the silent; valid until the next call.</summary>
    public ReadOnlySpan<Speaker> Loudest
    {
        get
        {
            int count = 0;
            while (count < _listed.Length && _listed[count] is not null)
            {
                count++;
            }

            return _listed.AsSpan(0, count)!;
        }
    }

    /// <summary>All, by loudness as far as <see cref="Margin"/> goes.</summary>
    internal List<Speaker> Speakers => _speakers;

    /// <summary>Null at the bound.</summary>
    public Speaker? TryAdd(TrackId track, AudioLevels levels, Instant now)
    {
        if (_speakers.Count >= maxSpeakers)
        {
            return null;
        }

        var speaker = new Speaker(track, levels, now);
        _speakers.Add(speaker);
        return speaker;
    }

    public void Remove(Speaker speaker)
    {
        speaker.IsRemoved = true;
        speaker.IsSelected = false;
        _speakers.Remove(speaker);
        Dominant = Dominant == speaker ? null : Dominant;
        UpdateListed();
    }

    public SpeakerChanges Update(Instant now)
    {
        foreach (Speaker speaker in _speakers)
        {
            speaker.Update(now);
        }

        Sort();
        SpeakerChanges changes = UpdateListed() ? SpeakerChanges.Loudest : SpeakerChanges.None;
        if (now < _nextDecision)
        {
            return changes;
        }

        _nextDecision = now + DecisionInterval;
        return DecideDominant() ? changes | SpeakerChanges.Dominant : changes;
    }

    // By insertion: the order is nearly right already, and one pass ends although the margin makes "louder" no order.
    private void Sort()
    {
        for (int index = 1; index < _speakers.Count; index++)
        {
            Speaker speaker = _speakers[index];
            int at = index;
            for (; at > 0 && speaker.Loudness > _speakers[at - 1].Loudness + Margin; at--)
            {
                _speakers[at] = _speakers[at - 1];
            }

            _speakers[at] = speaker;
        }
    }

    private bool UpdateListed()
    {
        bool changed = false;
        int next = 0;
        for (int place = 0; place < _listed.Length; place++)
        {
            while (next < _speakers.Count && _speakers[next].Loudness < LeastLoudness)
            {
                next++;
            }

            Speaker? speaker = next < _speakers.Count ? _speakers[next++] : null;
            changed |= speaker != _listed[place];
            _listed[place] = speaker;
        }

        return changed;
    }

    private bool DecideDominant()
    {
        Speaker? found = null;
        double best = MediumRatio;
        foreach (Speaker speaker in _speakers)
        {
            double medium = Math.Log(speaker.MediumScore / (Dominant?.MediumScore ?? SpeechScore.Least));
            if (speaker != Dominant && medium > best
                && Math.Log(speaker.ImmediateScore / (Dominant?.ImmediateScore ?? SpeechScore.Least)) > ImmediateRatio
                && Math.Log(speaker.LongScore / (Dominant?.LongScore ?? SpeechScore.Least)) > LongRatio)
            {
                best = medium;
                found = speaker;
            }
        }

        Dominant = found ?? Dominant;
        return found is not null;
    }
}
