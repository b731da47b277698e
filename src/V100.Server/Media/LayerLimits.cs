using V100.Server.Control;
using V100.Sfu.Bwe;
using V100.Sfu.Forwarding;
using V100.Sfu.Rooms;
using V100.Sfu.Sdp;

namespace V100.Server.Media;

/// <summary>What a subscriber limits its video to, from the API's words to the shard's and back.</summary>
internal static class LayerLimits
{
    /// <summary>Changes the limits of the session's video, or of the one stream that plays <see cref="LayerWish.TrackId"/>. All or nothing.</summary>
    public static LayerPatch Apply(RoomDirectory rooms, Session session, LayerWish wish)
    {
        MediaSection[] videos = [.. session.Peer.Negotiated.Sections.Where(section => section is { IsSent: true, Kind: MediaKind.Video })];
        if (videos.Length == 0)
        {
            return new LayerPatch(LayerOutcome.PlaysNothing);
        }

        MediaSection[] chosen = wish.TrackId is null ? videos : [.. videos.Where(section => SourceOf(session, section)?.Id.ToString() == wish.TrackId)];
        if (chosen.Length == 0)
        {
            return new LayerPatch(LayerOutcome.NotPlayed, Allowed: Names(videos.Select(section => SourceOf(session, section)?.Id.ToString())));
        }

        foreach (MediaSection section in chosen)
        {
            // A name is judged where there is something to judge it by: who begins before its publisher may well name a layer.
            if (wish.MaxLayer.Value?.Rid is { } rid && SourceOf(session, section) is { } track && EncodingOrder.IndexOf(track.Encodings, rid) < 0)
            {
                return new LayerPatch(LayerOutcome.NoSuchLayer, Allowed: Names(track.Encodings.Select(encoding => encoding.Rid)));
            }
        }

        foreach (MediaSection section in chosen)
        {
            rooms.Constrain(session, section.Index, Change(session.Peer.GetConstraints(section.Index), wish));
        }

        return new LayerPatch(LayerOutcome.Limited, new LayerLimitListView(
            [.. videos.Select(section => ViewOf(SourceOf(session, section), session.Peer.GetConstraints(section.Index)))]));
    }

    private static LayerConstraints Change(LayerConstraints present, LayerWish wish)
    {
        if (wish.MaxLayer.IsGiven)
        {
            LayerBound? bound = wish.MaxLayer.Value;
            present = present with { MaxRid = bound?.Rid, MaxPlace = bound is { Rid: null } ? bound.Value.Place : int.MaxValue };
        }

        if (wish.Size.IsGiven)
        {
            present = present with { Width = wish.Size.Value?.Width ?? 0, Height = wish.Size.Value?.Height ?? 0 };
        }

        return present with
        {
            MaxBitrateBps = wish.MaxBitrateBps.IsGiven ? wish.MaxBitrateBps.Value ?? long.MaxValue : present.MaxBitrateBps,
            IsPaused = wish.Paused.Over(present.IsPaused) ?? false,
        };
    }

    public static LayerLimitView ViewOf(PublishedTrack? track, LayerConstraints limits) => new(
        track?.Id.ToString(),
        limits.MaxRid,
        limits.MaxPlace == int.MaxValue ? null : limits.MaxPlace,
        limits.MaxBitrateBps == long.MaxValue ? null : limits.MaxBitrateBps,
        limits.Width == 0 ? null : limits.Width,
        limits.Height == 0 ? null : limits.Height,
        limits.IsPaused);

    private static PublishedTrack? SourceOf(Session session, MediaSection section) => session.Peer.GetSource(section.Index);

    private static string Names(IEnumerable<string?> names)
    {
        string[] known = [.. names.OfType<string>().Where(name => name.Length > 0)];
        return known.Length == 0 ? "none: there is nothing of the kind now" : string.Join(", ", known);
    }
}
