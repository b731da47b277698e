namespace V100.Server.Control;

/// <summary>The participants of a room, and their tracks.</summary>
internal sealed class ParticipantEndpoints(ControlPlane plane)
{
    /// <summary>In characters; as that of a token.</summary>
    private const int MaxNameLength = 128;

    private const string Json = "application/json";

    public IEnumerable<ApiRoute> Routes =>
    [
        new("GET", "/v1/rooms/{room}/participants", ListAsync),
        new("GET", "/v1/rooms/{room}/participants/{identity}", GetAsync),
        new("PATCH", "/v1/rooms/{room}/participants/{identity}", ChangeAsync) { Accepts = Json },
        new("DELETE", "/v1/rooms/{room}/participants/{identity}", RemoveAsync),
        new("POST", "/v1/rooms/{room}/participants/{identity}/tracks/{trackId}/mute", MuteAsync) { Accepts = Json },
        // The id of a track is unique: whoever has it from a session needs not know whose it is.
        new("POST", "/v1/rooms/{room}/tracks/{trackId}/mute", MuteAsync) { Accepts = Json },
    ];

    private async Task ListAsync(HttpContext context)
    {
        if (await plane.ReadableRoomAsync(context).ConfigureAwait(false) is not string room || await Page.ReadAsync(context).ConfigureAwait(false) is not Page page)
        {
            return;
        }

        Listing<ParticipantView>? participants = await plane.Conference.ListParticipantsAsync(room, page, context.RequestAborted).ConfigureAwait(false);
        if (participants is null)
        {
            await Problem.RoomNotFoundAsync(context, room).ConfigureAwait(false);
            return;
        }

        if (participants.HasMore)
        {
            page.LinkNext(context, participants.Items[^1].Identity);
        }

        await Answer.JsonAsync(context, StatusCodes.Status200OK, new ParticipantListView(participants.Items), ControlJson.Default.ParticipantListView)
            .ConfigureAwait(false);
    }

    private async Task GetAsync(HttpContext context)
    {
        string? room = await plane.ReadableRoomAsync(context).ConfigureAwait(false);
        string? identity = room is null ? null : await ControlPlane.PathNameAsync(context, "identity").ConfigureAwait(false);
        if (room is null || identity is null)
        {
            return;
        }

        ParticipantView? view = await plane.Conference.GetParticipantAsync(room, identity, context.RequestAborted).ConfigureAwait(false);
        await (view is null ? NotFoundAsync(context, room, identity) : AnswerAsync(context, view)).ConfigureAwait(false);
    }

    private async Task ChangeAsync(HttpContext context)
    {
        if (await AdministeredAsync(context).ConfigureAwait(false) is not (string room, string identity)
            || await Precondition.ReadAsync(context).ConfigureAwait(false) is not Precondition precondition)
        {
            return;
        }

        using JsonFields? fields = await RequestBody.ReadJsonAsync(context).ConfigureAwait(false);
        if (fields is null)
        {
            return;
        }

        ParticipantWish wish = ReadWish(fields);
        fields.RefuseUnknown();
        if (fields.Error is not null)
        {
            await Problem.WriteAsync(context, fields.Error).ConfigureAwait(false);
            return;
        }

        Changed<ParticipantView> changed = await plane.Conference.ChangeParticipantAsync(room, identity, precondition, wish, context.RequestAborted)
            .ConfigureAwait(false);
        await (changed.Outcome switch
        {
            ChangeOutcome.Done => AnswerAsync(context, changed.View!),
            ChangeOutcome.StaleEntityTag => Problem.StaleAsync(context),
            _ => NotFoundAsync(context, room, identity),
        }).ConfigureAwait(false);
    }

    private static ParticipantWish ReadWish(JsonFields fields)
    {
        PermissionWish? permissions = null;
        if (fields.TryGet("permissions", out System.Text.Json.JsonElement element))
        {
            JsonFields nested = fields.Nested("permissions", element);
            permissions = new PermissionWish
            {
                CanPublish = new(nested.Has("canPublish"), nested.Flag("canPublish")),
                CanSubscribe = new(nested.Has("canSubscribe"), nested.Flag("canSubscribe")),
                CanPublishData = new(nested.Has("canPublishData"), nested.Flag("canPublishData")),
                SourcesAreGiven = nested.Has("canPublishSources"),
                Sources = nested.Strings("canPublishSources", VideoGrant.Sources.Length, VideoGrant.Sources),
            };
            nested.RefuseUnknown();
            fields.TakeError(nested);
        }

        return new ParticipantWish(
            new(fields.Has("name"), fields.String("name", 0, MaxNameLength)),
            new(fields.Has("metadata"), fields.String("metadata", 0, RoomEndpoints.MaxMetadataLength)),
            fields.Has("permissions"),
            permissions);
    }

    private async Task RemoveAsync(HttpContext context)
    {
        if (await AdministeredAsync(context).ConfigureAwait(false) is not (string room, string identity)
            || await Precondition.ReadAsync(context).ConfigureAwait(false) is not Precondition precondition)
        {
            return;
        }

        string ban = context.Request.Query["ban"].ToString();
        if (ban is not ("" or "true" or "false"))
        {
            await Problem.WriteAsync(context, new FieldError("ban", $"The value \"{ban}\" of \"ban\" is not allowed.", "true or false")).ConfigureAwait(false);
            return;
        }

        ChangeOutcome outcome = await plane.Conference.RemoveParticipantAsync(room, identity, ban == "true", precondition, context.RequestAborted)
            .ConfigureAwait(false);
        await (outcome switch
        {
            ChangeOutcome.Done => Answer.EmptyAsync(context, StatusCodes.Status204NoContent),
            ChangeOutcome.StaleEntityTag => Problem.StaleAsync(context),
            _ => NotFoundAsync(context, room, identity),
        }).ConfigureAwait(false);
    }

    private async Task MuteAsync(HttpContext context)
    {
        bool namesParticipant = PathSegment.Read(context, "identity") is not null;
        string? room = await plane.AdministeredRoomAsync(context).ConfigureAwait(false);
        string? identity = room is not null && namesParticipant ? await ControlPlane.PathNameAsync(context, "identity").ConfigureAwait(false) : null;
        if (room is null || namesParticipant && identity is null)
        {
            return;
        }

        using JsonFields? fields = await RequestBody.ReadJsonAsync(context).ConfigureAwait(false);
        if (fields is null)
        {
            return;
        }

        bool? muted = fields.Flag("muted");
        fields.RefuseUnknown();
        FieldError? error = fields.Error ?? (muted is null ? new FieldError("muted", "The field \"muted\" is missing.", "true or false") : null);
        if (error is not null)
        {
            await Problem.WriteAsync(context, error).ConfigureAwait(false);
            return;
        }

        string trackId = PathSegment.Read(context, "trackId") ?? "";
        TrackView? track = await plane.Conference.MuteAsync(room, identity, trackId, muted!.Value, context.RequestAborted).ConfigureAwait(false);
        await (track is null
            ? Problem.WriteAsync(context, StatusCodes.Status404NotFound, "track-not-found", "There is no such track there; its session may have ended.", "trackId")
            : Answer.JsonAsync(context, StatusCodes.Status200OK, track, ControlJson.Default.TrackView)).ConfigureAwait(false);
    }

    /// <summary>Room and participant of the path, where the caller administers the room; null where the request has been answered.</summary>
    private async ValueTask<(string Room, string Identity)?> AdministeredAsync(HttpContext context)
    {
        string? room = await plane.AdministeredRoomAsync(context).ConfigureAwait(false);
        string? identity = room is null ? null : await ControlPlane.PathNameAsync(context, "identity").ConfigureAwait(false);
        return room is null || identity is null ? null : (room, identity);
    }

    private static Task AnswerAsync(HttpContext context, ParticipantView participant)
    {
        context.Response.Headers.ETag = participant.EntityTag;
        return Answer.JsonAsync(context, StatusCodes.Status200OK, participant, ControlJson.Default.ParticipantView);
    }

    private async Task NotFoundAsync(HttpContext context, string room, string identity)
    {
        bool roomExists = await plane.Conference.GetRoomAsync(room, context.RequestAborted).ConfigureAwait(false) is not null;
        await (roomExists
            ? Problem.WriteAsync(context, StatusCodes.Status404NotFound, "participant-not-found", $"There is no participant \"{identity}\" in room \"{room}\".", "identity")
            : Problem.RoomNotFoundAsync(context, room)).ConfigureAwait(false);
    }
}
