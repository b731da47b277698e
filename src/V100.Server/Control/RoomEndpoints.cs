namespace V100.Server.Control;

/// <summary><c>/v1/rooms</c>.</summary>
internal sealed class RoomEndpoints(ControlPlane plane)
{
    /// <summary>Of a room and of a participant, in characters.</summary>
    public const int MaxMetadataLength = 32 * 1024;

    private const int MaxEmptyTimeoutSeconds = 31_536_000;

    public IEnumerable<ApiRoute> Routes =>
    [
        new("GET", "/v1/rooms", ListAsync),
        new("POST", "/v1/rooms", CreateAsync) { Accepts = "application/json" },
        new("GET", "/v1/rooms/{room}", GetAsync),
        new("PATCH", "/v1/rooms/{room}", ChangeAsync) { Accepts = "application/json" },
        new("DELETE", "/v1/rooms/{room}", DeleteAsync),
    ];

    private async Task ListAsync(HttpContext context)
    {
        if (await plane.AuthenticateAsync(context, video => video.RoomList, "roomList").ConfigureAwait(false) is not Caller caller
            || await Page.ReadAsync(context).ConfigureAwait(false) is not Page page)
        {
            return;
        }

        // A token for one room does not tell of the others.
        Listing<RoomView> rooms = caller.Video.Room is string only
            ? await OnlyAsync(only, context.RequestAborted).ConfigureAwait(false)
            : await plane.Conference.ListRoomsAsync(page, context.RequestAborted).ConfigureAwait(false);
        if (rooms.HasMore)
        {
            page.LinkNext(context, rooms.Items[^1].Name);
        }

        await Answer.JsonAsync(context, StatusCodes.Status200OK, new RoomListView(rooms.Items), ControlJson.Default.RoomListView).ConfigureAwait(false);
    }

    private async ValueTask<Listing<RoomView>> OnlyAsync(string room, CancellationToken cancellation) =>
        new(await plane.Conference.GetRoomAsync(room, cancellation).ConfigureAwait(false) is RoomView view ? [view] : [], HasMore: false);

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
            fields.Whole("emptyTimeoutSeconds", 0, MaxEmptyTimeoutSeconds),
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
            await Problem.TooManyRoomsAsync(context, plane.Options.MaxRooms).ConfigureAwait(false);
            return;
        }

        context.Response.Headers.Location = "/v1/rooms/" + Uri.EscapeDataString(request.Name);
        await AnswerAsync(context, creation.Created ? StatusCodes.Status201Created : StatusCodes.Status200OK, creation.Room).ConfigureAwait(false);
    }

    private async Task GetAsync(HttpContext context)
    {
        string? room = await plane.ReadableRoomAsync(context).ConfigureAwait(false);
        if (room is null)
        {
            return;
        }

        RoomView? view = await plane.Conference.GetRoomAsync(room, context.RequestAborted).ConfigureAwait(false);
        await (view is null ? Problem.RoomNotFoundAsync(context, room) : AnswerAsync(context, StatusCodes.Status200OK, view)).ConfigureAwait(false);
    }

    private async Task ChangeAsync(HttpContext context)
    {
        if (await plane.OwnRoomAsync(context).ConfigureAwait(false) is not string room
            || await Precondition.ReadAsync(context).ConfigureAwait(false) is not Precondition precondition)
        {
            return;
        }

        using JsonFields? fields = await RequestBody.ReadJsonAsync(context).ConfigureAwait(false);
        if (fields is null)
        {
            return;
        }

        RoomWish wish = new(
            new(fields.Has("maxParticipants"), fields.Whole("maxParticipants", 1, plane.Options.MaxParticipantsPerRoom)),
            new(fields.Has("emptyTimeoutSeconds"), fields.Whole("emptyTimeoutSeconds", 0, MaxEmptyTimeoutSeconds)),
            new(fields.Has("metadata"), fields.String("metadata", 0, MaxMetadataLength)));
        fields.RefuseUnknown();
        if (fields.Error is not null)
        {
            await Problem.WriteAsync(context, fields.Error).ConfigureAwait(false);
            return;
        }

        Changed<RoomView> changed = await plane.Conference.ChangeRoomAsync(room, precondition, wish, context.RequestAborted).ConfigureAwait(false);
        await (changed.Outcome switch
        {
            ChangeOutcome.Done => AnswerAsync(context, StatusCodes.Status200OK, changed.View!),
            ChangeOutcome.StaleEntityTag => Problem.StaleAsync(context),
            _ => Problem.RoomNotFoundAsync(context, room),
        }).ConfigureAwait(false);
    }

    private async Task DeleteAsync(HttpContext context)
    {
        if (await plane.OwnRoomAsync(context).ConfigureAwait(false) is not string room
            || await Precondition.ReadAsync(context).ConfigureAwait(false) is not Precondition precondition)
        {
            return;
        }

        ChangeOutcome outcome = await plane.Conference.DeleteRoomAsync(room, precondition, context.RequestAborted).ConfigureAwait(false);
        await (outcome switch
        {
            ChangeOutcome.Done => Answer.EmptyAsync(context, StatusCodes.Status204NoContent),
            ChangeOutcome.StaleEntityTag => Problem.StaleAsync(context),
            _ => Problem.RoomNotFoundAsync(context, room),
        }).ConfigureAwait(false);
    }

    private static Task AnswerAsync(HttpContext context, int status, RoomView room)
    {
        context.Response.Headers.ETag = room.EntityTag;
        return Answer.JsonAsync(context, status, room, ControlJson.Default.RoomView);
    }
}
