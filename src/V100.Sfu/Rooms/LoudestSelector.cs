using V100.Net;

namespace V100.Sfu.Rooms;

/// <summary>
/// Which audio tracks of a room go to its subscribers, where there are more than places. The places are always taken, so that among
/// as many as there are places nobody is ever cut; who begins to speak gets the place of who has been silent the longest, at least for
/// <see cref="Hang"/>. Where all speak, somebody much louder gets the place of the least loud, at a gap between words.
/// </summary>
/// <remarks>
/// Call <see cref="Update"/> after each of <see cref="ActiveSpeakers"/>, on its thread; every 20 to 50 ms, since that much of a first word is lost to
/// who waits for a place. A track whose client sends no levels is let through always, without taking a place.
/// </remarks>
/// <param name="slots">How many; 0 lets all through.</param>
public sealed class LoudestSelector(int slots)
{
    /// <summary>Longer than the gaps between words and sentences.</summary>
    public static readonly TimeSpan Hang = TimeSpan.FromSeconds(1);

    /// <summary>Longer than the gaps within words.</summary>
    public static readonly TimeSpan WordGap = TimeSpan.FromMilliseconds(200);

    private readonly Speaker?[] _holders = new Speaker?[slots];

    public int Slots { get; } = slots;

    /// <summary>Sets <see cref="Speaker.IsSelected"/> of each; true when one changed.</summary>
    public bool Update(ActiveSpeakers speakers, Instant now)
    {
        foreach (ref Speaker? holder in _holders.AsSpan())
        {
            if (holder?.IsRemoved == true)
            {
                holder.HoldsSlot = false;
                holder = null;
            }
        }

        bool changed = false;
        foreach (Speaker speaker in speakers.Speakers)
        {
            if (!speaker.HoldsSlot && speaker.HasLevels && Slots > 0 && FindPlace(speaker, now) is int place and >= 0)
            {
                changed |= TakePlace(place, speaker);
            }

            bool isSelected = Slots == 0 || !speaker.HasLevels || speaker.HoldsSlot;
            changed |= isSelected != speaker.IsSelected;
            speaker.IsSelected = isSelected;
        }

        return changed;
    }

    /// <summary>A free place; for who speaks also one of the silent, or of the much less loud. -1 for none.</summary>
    private int FindPlace(Speaker speaker, Instant now)
    {
        int silent = -1;
        int quiet = -1;
        for (int place = 0; place < _holders.Length; place++)
        {
            if (_holders[place] is not { } holder)
            {
                return place;
            }

            TimeSpan pause = now - holder.LastSpokeAt;
            if (pause >= Hang && (silent < 0 || holder.LastSpokeAt < _holders[silent]!.LastSpokeAt))
            {
                silent = place;
            }

            if (pause >= WordGap && speaker.Loudness > holder.Loudness + ActiveSpeakers.Margin && (quiet < 0 || holder.Loudness < _holders[quiet]!.Loudness))
            {
                quiet = place;
            }
        }

        return !speaker.IsSpeaking ? -1 : silent >= 0 ? silent : quiet;
    }

    private bool TakePlace(int place, Speaker speaker)
    {
        if (_holders[place] is { } former)
        {
            former.HoldsSlot = former.IsSelected = false;
        }

        _holders[place] = speaker;
        speaker.HoldsSlot = true;
        return true;
    }
}
