namespace V100.Server.Control;

/// <summary><c>/v1/rooms</c> and the participants of a room.</summary>
internal sealed class RoomEndpoints(ControlPlane plane)
{
    private const int MaxMetadataLength = 32 * 1024;

    public IEnumerable<ApiRoute> Routes =>
    [
        new("GET", "/v1/rooms", ListAsync),
        new("POST", "/v1/rooms", CreateAsync) { Accepts = "application/json" },
        new("GET", "/v1/rooms/{room}", GetAsync),
        new("DELETE", "/v1/rooms/{room}", DeleteAsync),
        new("GET", "/v1/rooms/{room}/participants", ListParticipantsAsync),
        new("GET", "/v1/rooms/{room}/participants/{identity}", GetParticipantAsync),
        new("DELETE", "/v1/rooms/{room}/participants/{identity}", RemoveParticipantAsync),
    ];

    private async Task ListAsync(HttpContext context)
    {
        if (await plane.AuthenticateAsync(context, video => video.RoomList, "roomList").ConfigureAwait(false) is null)
        {
            return;
        }

        IReadOnlyList<RoomView> rooms = await plane.Conference.ListRoomsAsync(context.RequestAborted).ConfigureAwait(false);
        await Answer.JsonAsync(context, StatusCodes.Status200OK, new RoomListView(rooms), ControlJson.Default.RoomListView).ConfigureAwait(false);
    }

    private async Task CreateAsync(HttpContext context)
    {
        if (await plane.AuthenticateAsync(context, video => video.RoomCreate, "roomCreate").ConfigureAwait(false) is not Caller caller
            || await plane.RefusedWhileDrainingAsync(context).ConfigureAwait(false))
        {
            return;
        }

        using JsonFields? fields = await RequestBody.ReadJsonAsync(context).ConfigureAwait(false);
        if (fields is null)
        {
            return;
        }

        RoomRequest request = new(
            fields.Name("name", required: true) ?? "",
            fields.Whole("maxParticipants", 1, plane.Options.MaxParticipantsPerRoom),
            fields.Whole("emptyTimeoutSeconds", 0, 31_536_000),
            fields.String("metadata", 0, MaxMetadataLength));
        fields.RefuseUnknown();
        if (fields.Error is not null)
        {
            await Problem.WriteAsync(context, fields.Error).ConfigureAwait(false);
        }
        else if (caller.Video.Room is string only && only != request.Name)
        {
            await Problem.ForbiddenAsync(context, $"roomCreate for room \"{request.Name}\"").ConfigureAwait(false);
        }
        else
        {
            await CreateAsync(context, request).ConfigureAwait(false);
        }
    }

    private async Task CreateAsync(HttpContext context, RoomRequest request)
    {
        RoomCreation creation = await plane.Conference.CreateRoomAsync(request, context.RequestAborted).ConfigureAwait(false);
        if (creation.Room is null)
        {
            await Problem.BusyAsync(context, "too-many-rooms", $"This server holds {plane.Options.MaxRooms} rooms, which is its limit (V100:Rooms:MaxRooms).").ConfigureAwait(false);
            return;
        }

        context.Response.Headers.Location = "/v1/rooms/" + Uri.EscapeDataString(request.Name);
        int status = creation.Created ? StatusCodes.Status201Created : StatusCodes.Status200OK;
        await Answer.JsonAsync(context, status, creation.Room, ControlJson.Default.RoomView).ConfigureAwait(false);
    }

    private async Task GetAsync(HttpContext context)
    {
        string? room = await ReadableRoomAsync(context).ConfigureAwait(false);
        if (room is null)
        {
            return;
        }

        RoomView? view = await plane.Conference.GetRoomAsync(room, context.RequestAborted).ConfigureAwait(false);
        await (view is null
            ? Problem.RoomNotFoundAsync(context, room)
            : Answer.JsonAsync(context, StatusCodes.Status200OK, view, ControlJson.Default.RoomView)).ConfigureAwait(false);
    }

    private async Task DeleteAsync(HttpContext context)
    {
        string? room = await ControlPlane.PathNameAsync(context, "room").ConfigureAwait(false);
        if (room is null || await plane.AuthenticateAsync(
                context,
                video => video.MayAdminister(room) || video.RoomCreate && (video.Room is null || video.Room == room),
                "roomAdmin or roomCreate for this room").ConfigureAwait(false) is null)
        {
            return;
        }

        bool deleted = await plane.Conference.DeleteRoomAsync(room, context.RequestAborted).ConfigureAwait(false);
        await (deleted ? Answer.EmptyAsync(context, StatusCodes.Status204NoContent) : Problem.RoomNotFoundAsync(context, room)).ConfigureAwait(false);
    }

    private async Task ListParticipantsAsync(HttpContext context)
    {
        string? room = await ReadableRoomAsync(context).ConfigureAwait(false);
        if (room is null)
        {
            return;
        }

        IReadOnlyList<ParticipantView>? participants = await plane.Conference.ListParticipantsAsync(room, context.RequestAborted).ConfigureAwait(false);
        await (participants is null
            ? Problem.RoomNotFoundAsync(context, room)
            : Answer.JsonAsync(context, StatusCodes.Status200OK, new ParticipantListView(participants), ControlJson.Default.ParticipantListView)).ConfigureAwait(false);
    }

    private async Task GetParticipantAsync(HttpContext context)
    {
        string? room = await ReadableRoomAsync(context).ConfigureAwait(false);
        string? identity = room is null ? null : await ControlPlane.PathNameAsync(context, "identity").ConfigureAwait(false);
        if (room is null || identity is null)
        {
            return;
        }

        IReadOnlyList<ParticipantView>? participants = await plane.Conference.ListParticipantsAsync(room, context.RequestAborted).ConfigureAwait(false);
        ParticipantView? participant = participants?.FirstOrDefault(candidate => candidate.Identity == identity);
        await (participants is null ? Problem.RoomNotFoundAsync(context, room)
            : participant is null ? ParticipantNotFoundAsync(context, room, identity)
            : Answer.JsonAsync(context, StatusCodes.Status200OK, participant, ControlJson.Default.ParticipantView)).ConfigureAwait(false);
    }

    private async Task RemoveParticipantAsync(HttpContext context)
    {
        string? room = await ControlPlane.PathNameAsync(context, "room").ConfigureAwait(false);
        string? identity = room is null ? null : await ControlPlane.PathNameAsync(context, "identity").ConfigureAwait(false);
        if (room is null || identity is null
            || await plane.AuthenticateAsync(context, video => video.MayAdminister(room), "roomAdmin for this room").ConfigureAwait(false) is null)
        {
            return;
        }

        string ban = context.Request.Query["ban"].ToString();
        if (ban is not ("" or "true" or "false"))
        {
            await Problem.WriteAsync(context, new FieldError("ban", $"The value \"{ban}\" of \"ban\" is not allowed.", "true or false")).ConfigureAwait(false);
            return;
        }

        bool removed = await plane.Conference.RemoveParticipantAsync(room, identity, ban == "true", context.RequestAborted).ConfigureAwait(false);
        await (removed ? Answer.EmptyAsync(context, StatusCodes.Status204NoContent) : ParticipantNotFoundAsync(context, room, identity)).ConfigureAwait(false);
    }

    /// <summary>The room of the path, where the caller may read it; null where the request has been answered.</summary>
    private async ValueTask<string?> ReadableRoomAsync(HttpContext context)
    {
        string? room = await ControlPlane.PathNameAsync(context, "room").ConfigureAwait(false);
        bool may = room is not null
            && await plane.AuthenticateAsync(context, video => video.MayRead(room), VideoGrant.ReadingGrants).ConfigureAwait(false) is not null;
        return may ? room : null;
    }

    private static Task ParticipantNotFoundAsync(HttpContext context, string room, string identity) => Problem.WriteAsync(
        context, StatusCodes.Status404NotFound, "participant-not-found", $"There is no participant \"{identity}\" in room \"{room}\".", "identity");
}
