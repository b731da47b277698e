namespace V100.Sfu.Rooms;

public sealed partial class RoomTick
{
    /// <summary>Puts what changed into the log, and a snapshot where somebody waits for one. False where there was neither.</summary>
    /// <param name="json">Scratch.</param>
    internal bool Run(TickJson json)
    {
        bool tells = EncodeChanges(json);
        if (tells)
        {
            Log.Append(json.Written);
        }

        if (!Log.WantsSnapshot)
        {
            return tells;
        }

        EncodeSnapshot(json);
        Log.SetSnapshot(json.Written.ToArray());
        return true;
    }

    private bool EncodeChanges(TickJson json)
    {
        json.Length = 0;
        json.Add("{\"changes\":["u8);
        bool isFirst = true;
        foreach (TickEntry entry in _changed)
        {
            switch (entry)
            {
                case TickParticipant participant:
                    Encode(json, participant, ref isFirst);
                    break;
                case TickTrack { Owner.IsGone: false } track:
                    Encode(json, track, ref isFirst);
                    break;
                case TickSubscription { Owner.IsGone: false } subscription:
                    Encode(json, subscription, ref isFirst);
                    break;
            }

            entry.IsTold = true;
            entry.Changes &= TickChanges.Level;
        }

        _changed.Clear();
        EncodeLevels(json, ref isFirst);
        EncodeSpeakers(json, ref isFirst);
        json.Add("]}"u8);
        return !isFirst;
    }

    private static void Encode(TickJson json, TickParticipant participant, ref bool isFirst)
    {
        if (participant.IsGone)
        {
            if (participant.IsTold)
            {
                json.AddSeparator(ref isFirst);
                json.Add("{\"type\":\"participant_left\",\"identity\":"u8);
                json.Add(participant.Quoted);
                json.Add("}"u8);
            }

            return;
        }

        if ((participant.Changes & TickChanges.Itself) != 0)
        {
            json.AddSeparator(ref isFirst);
            json.Add(participant.IsTold ? "{\"type\":\"participant_updated\","u8 : "{\"type\":\"participant_joined\","u8);
            json.Add(participant.Fields);
            AddScore(json, participant);
            json.Add("}"u8);
        }
        else if ((participant.Changes & TickChanges.Score) != 0)
        {
            json.AddSeparator(ref isFirst);
            json.Add("{\"type\":\"quality\",\"identity\":"u8);
            json.Add(participant.Quoted);
            AddScore(json, participant);
            json.Add("}"u8);
        }
    }

    private static void Encode(TickJson json, TickTrack track, ref bool isFirst)
    {
        if (track.IsGone)
        {
            if (track.IsTold)
            {
                EncodeOf(json, "{\"type\":\"track_unpublished\",\"identity\":"u8, track, ref isFirst);
                json.Add("}"u8);
            }
        }
        else if ((track.Changes & TickChanges.Itself) != 0)
        {
            json.AddSeparator(ref isFirst);
            json.Add("{\"type\":\"track_published\",\"identity\":"u8);
            json.Add(track.Owner.Quoted);
            json.Add(","u8);
            AddTrack(json, track);
            json.Add("}"u8);
            track.Changes &= ~TickChanges.Level;
        }
        else
        {
            EncodeChangesOf(json, track, ref isFirst);
        }
    }

    private static void EncodeChangesOf(TickJson json, TickTrack track, ref bool isFirst)
    {
        if ((track.Changes & TickChanges.Muted) != 0)
        {
            EncodeOf(json, track.IsMuted ? "{\"type\":\"track_muted\",\"identity\":"u8 : "{\"type\":\"track_unmuted\",\"identity\":"u8, track, ref isFirst);
            json.Add("}"u8);
        }

        if ((track.Changes & TickChanges.Wanted) != 0)
        {
            EncodeOf(json, "{\"type\":\"layers_wanted\",\"identity\":"u8, track, ref isFirst);
            json.Add(","u8);
            AddWanted(json, track);
            json.Add("}"u8);
        }

        if ((track.Changes & TickChanges.Score) != 0)
        {
            EncodeOf(json, "{\"type\":\"quality\",\"identity\":"u8, track, ref isFirst);
            AddScore(json, track);
            json.Add("}"u8);
        }
    }

    private static void EncodeOf(TickJson json, ReadOnlySpan<byte> begin, TickTrack track, ref bool isFirst)
    {
        json.AddSeparator(ref isFirst);
        json.Add(begin);
        json.Add(track.Owner.Quoted);
        json.Add(",\"trackId\":"u8);
        json.Add(track.Quoted);
    }

    private static void Encode(TickJson json, TickSubscription subscription, ref bool isFirst)
    {
        if (subscription.IsGone)
        {
            if (subscription.IsTold)
            {
                EncodeOf(json, "{\"type\":\"subscription_ended\",\"identity\":"u8, subscription, ref isFirst);
                json.Add("}"u8);
            }

            return;
        }

        if ((subscription.Changes & TickChanges.Paused) != 0)
        {
            EncodeOf(json, subscription.IsPaused ? "{\"type\":\"subscription_paused\",\"identity\":"u8 : "{\"type\":\"subscription_resumed\",\"identity\":"u8, subscription, ref isFirst);
            AddPause(json, subscription);
            json.Add("}"u8);
        }

        if ((subscription.Changes & TickChanges.Score) != 0)
        {
            EncodeOf(json, "{\"type\":\"quality\",\"identity\":"u8, subscription, ref isFirst);
            AddScore(json, subscription);
            json.Add("}"u8);
        }
    }

    private static void EncodeOf(TickJson json, ReadOnlySpan<byte> begin, TickSubscription subscription, ref bool isFirst)
    {
        json.AddSeparator(ref isFirst);
        json.Add(begin);
        json.Add(subscription.Owner.Quoted);
        json.Add(",\"subscription\":"u8);
        json.Add(subscription.Quoted);
    }

    private void EncodeLevels(TickJson json, ref bool isFirst)
    {
        bool isFirstLevel = true;
        foreach (TickTrack track in _changedLevels)
        {
            if ((track.Changes & TickChanges.Level) == 0 || track.IsGone)
            {
                continue;
            }

            track.Changes &= ~TickChanges.Level;
            if (isFirstLevel)
            {
                json.AddSeparator(ref isFirst);
                json.Add("{\"type\":\"levels\",\"levels\":{"u8);
            }

            json.AddSeparator(ref isFirstLevel);
            json.Add(track.Quoted);
            json.Add(":"u8);
            json.AddLevel(track.Level);
        }

        _changedLevels.Clear();
        if (!isFirstLevel)
        {
            json.Add("}}"u8);
        }
    }

    private void EncodeSpeakers(TickJson json, ref bool isFirst)
    {
        if (_speakersChanged)
        {
            json.AddSeparator(ref isFirst);
            json.Add("{\"type\":\"speakers\","u8);
            AddSpeakers(json);
            json.Add("}"u8);
            _speakersChanged = false;
        }
    }

    private void EncodeSnapshot(TickJson json)
    {
        json.Length = 0;
        json.Add("{\"room\":"u8);
        json.Add(_quotedRoom);
        json.Add(",\"participants\":["u8);
        bool isFirst = true;
        foreach (TickParticipant participant in _participants.Values)
        {
            json.AddSeparator(ref isFirst);
            json.Add("{"u8);
            json.Add(participant.Fields);
            AddScore(json, participant);
            json.Add(",\"tracks\":["u8);
            bool isFirstTrack = true;
            foreach (TickTrack track in participant.Tracks)
            {
                json.AddSeparator(ref isFirstTrack);
                json.Add("{"u8);
                AddTrack(json, track);
                json.Add("}"u8);
            }

            json.Add("],\"subscriptions\":["u8);
            AddSubscriptions(json, participant);
            json.Add("]}"u8);
        }

        json.Add("],\"speakers\":{"u8);
        AddSpeakers(json);
        json.Add("}}"u8);
    }

    private static void AddSubscriptions(TickJson json, TickParticipant participant)
    {
        bool isFirst = true;
        foreach (TickSubscription subscription in participant.Subscriptions)
        {
            json.AddSeparator(ref isFirst);
            json.Add("{\"subscription\":"u8);
            json.Add(subscription.Quoted);
            json.Add(",\"paused\":"u8);
            json.AddFlag(subscription.IsPaused);
            AddPause(json, subscription);
            AddScore(json, subscription);
            json.Add("}"u8);
        }
    }

    private static void AddTrack(TickJson json, TickTrack track)
    {
        json.Add(track.Fields);
        json.Add(",\"muted\":"u8);
        json.AddFlag(track.IsMuted);
        if (track.Kind == Sdp.MediaKind.Audio)
        {
            json.Add(",\"level\":"u8);
            json.AddLevel(track.Level);
        }

        json.Add(","u8);
        AddWanted(json, track);
        AddScore(json, track);
    }

    private static void AddWanted(TickJson json, TickTrack track)
    {
        json.Add("\"wanted\":["u8);
        bool isFirst = true;
        for (int index = 0; index < track.QuotedRids.Length; index++)
        {
            if ((track.Wanted >> index & 1) != 0)
            {
                json.AddSeparator(ref isFirst);
                json.Add(track.QuotedRids[index]);
            }
        }

        json.Add("]"u8);
    }

    private static void AddPause(TickJson json, TickSubscription subscription)
    {
        if (!subscription.IsPaused)
        {
            return;
        }

        json.Add(",\"reason\":"u8);
        json.Add(subscription.Reason switch
        {
            Bwe.AllocationReason.PausedByClient => "\"paused_by_client\""u8,
            Bwe.AllocationReason.HoldingBack => "\"holding_back\""u8,
            _ => "\"estimate_too_low\""u8,
        });
        if (subscription.Track is { } track)
        {
            json.Add(",\"trackId\":"u8);
            json.Add(track.Quoted);
        }
    }

    private static void AddScore(TickJson json, TickEntry entry)
    {
        if (entry.Score != TickEntry.NoScore)
        {
            json.Add(",\"score\":"u8);
            json.AddScore(entry.Score);
        }
    }

    private void AddSpeakers(TickJson json)
    {
        json.Add("\"dominant\":"u8);
        json.Add(_dominant is null ? "null"u8 : _dominant.Quoted);
        json.Add(",\"loudest\":["u8);
        bool isFirst = true;
        foreach (TickParticipant speaker in _loudest)
        {
            json.AddSeparator(ref isFirst);
            json.Add(speaker.Quoted);
        }

        json.Add("]"u8);
    }
}
