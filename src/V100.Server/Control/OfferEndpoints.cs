namespace V100.Server.Control;

/// <summary>WHIP (RFC 9725) and WHEP: an offer comes in, a session and its answer go out.</summary>
internal sealed class OfferEndpoints(ControlPlane plane)
{
    private const string Sdp = "application/sdp";

    public IEnumerable<ApiRoute> Routes =>
    [
        new("POST", "/v1/rooms/{room}/whip", PublishAsync) { Accepts = Sdp },
        // RFC 9725, 4.1: a GET gets a 2xx answer without content.
        new("GET", "/v1/rooms/{room}/whip", static context => Answer.EmptyAsync(context, StatusCodes.Status204NoContent)),
        new("POST", "/v1/rooms/{room}/whep", PlayAsync) { Accepts = Sdp },
        new("GET", "/v1/rooms/{room}/whep", static context => Answer.EmptyAsync(context, StatusCodes.Status204NoContent)),
    ];

    private async Task PublishAsync(HttpContext context)
    {
        string? room = await ControlPlane.PathNameAsync(context, "room").ConfigureAwait(false);
        if (room is null || await plane.AuthenticateAsync(context, video => video.MayPublish(room) || video.MayAdminister(room), "roomJoin and canPublish for this room")
                .ConfigureAwait(false) is not Caller caller)
        {
            return;
        }

        (bool good, string? participant) = await ParticipantAsync(context).ConfigureAwait(false);
        if (!good)
        {
            return;
        }

        if (participant is not null && !caller.Video.MayAdminister(room))
        {
            await Problem.ForbiddenAsync(context, "roomAdmin for this room, to publish as ?participant=").ConfigureAwait(false);
            return;
        }

        await OfferAsync(context, caller, room, participant ?? caller.Identity, null, plane.Conference.PublishAsync).ConfigureAwait(false);
    }

    private async Task PlayAsync(HttpContext context)
    {
        string? room = await ControlPlane.PathNameAsync(context, "room").ConfigureAwait(false);
        if (room is null || await plane.AuthenticateAsync(context, video => video.MaySubscribe(room) || video.MayAdminister(room), "roomJoin and canSubscribe for this room")
                .ConfigureAwait(false) is not Caller caller)
        {
            return;
        }

        (bool good, string? participant) = await ParticipantAsync(context).ConfigureAwait(false);
        if (good)
        {
            // An administrator without an identity watches as the API key.
            string identity = caller.Identity.Length > 0 ? caller.Identity : "key:" + caller.Key;
            await OfferAsync(context, caller, room, identity, participant, plane.Conference.PlayAsync).ConfigureAwait(false);
        }
    }

    private async Task OfferAsync(
        HttpContext context,
        Caller caller,
        string room,
        string identity,
        string? participant,
        Func<SessionRequest, CancellationToken, ValueTask<SessionCreation>> answer)
    {
        if (!ResourceName.IsValid(identity))
        {
            await Problem.WriteAsync(context, new FieldError("participant", "Neither the token's sub nor ?participant= names a participant.", ResourceName.Allowed))
                .ConfigureAwait(false);
            return;
        }

        if (await plane.RefusedWhileDrainingAsync(context).ConfigureAwait(false)
            || await RequestBody.ReadTextAsync(context, Sdp).ConfigureAwait(false) is not string offer)
        {
            return;
        }

        SessionRequest request = new(room, identity, caller.Token?.Name, caller.Token?.Metadata, caller.Video, participant, offer);
        SessionCreation creation = await answer(request, context.RequestAborted).ConfigureAwait(false);
        await (creation.Outcome == SessionOutcome.Created ? CreatedAsync(context, creation, identity) : RefusedAsync(context, creation, request)).ConfigureAwait(false);
    }

    private Task CreatedAsync(HttpContext context, SessionCreation creation, string identity)
    {
        context.Response.Headers.Location = "/v1/sessions/" + creation.Id;
        context.Response.Headers.ETag = creation.EntityTag;
        context.Response.Headers.Link = plane.IceServers.LinksFor(identity, plane.NowUnixSeconds);
        context.Response.Headers["Accept-Patch"] = SessionEndpoints.Fragment;
        return Answer.TextAsync(context, StatusCodes.Status201Created, creation.Answer, Sdp);
    }

    private Task RefusedAsync(HttpContext context, SessionCreation creation, SessionRequest request) => creation.Outcome switch
    {
        SessionOutcome.RoomNotFound => Problem.RoomNotFoundAsync(context, request.Room),
        SessionOutcome.OfferMalformed => Problem.WriteAsync(context, StatusCodes.Status400BadRequest, "malformed-sdp", creation.Detail, "body", "an SDP offer (RFC 8866)"),
        SessionOutcome.OfferUnacceptable => Problem.WriteAsync(context, StatusCodes.Status422UnprocessableEntity, "unacceptable-offer", creation.Detail, "body",
            "BUNDLE, rtcp-mux, DTLS-SRTP, and Opus, VP8, VP9, H264 or AV1"),
        SessionOutcome.Banned => Problem.WriteAsync(context, StatusCodes.Status403Forbidden, "banned",
            $"The participant \"{request.Identity}\" was removed from this room for good.", "participant"),
        SessionOutcome.SourceForbidden => Problem.WriteAsync(context, StatusCodes.Status403Forbidden, "source-forbidden", creation.Detail, "canPublishSources"),
        SessionOutcome.NotPermitted => Problem.WriteAsync(context, StatusCodes.Status403Forbidden, "not-permitted",
            $"An administrator has taken this permission from the participant \"{request.Identity}\" for as long as it is in the room.", "permissions"),
        SessionOutcome.RoomFull => Problem.WriteAsync(context, StatusCodes.Status409Conflict, "room-full", creation.Detail, "room"),
        SessionOutcome.TooManyPublishers => Problem.WriteAsync(context, StatusCodes.Status409Conflict, "too-many-publishers", creation.Detail, "room"),
        SessionOutcome.Conflict => Problem.WriteAsync(context, StatusCodes.Status409Conflict, "conflict", creation.Detail),
        SessionOutcome.TooManyRooms => Problem.TooManyRoomsAsync(context, plane.Options.MaxRooms),
        _ => Problem.BusyAsync(context, "overloaded", "This server is at a limit now."),
    };

    private static async ValueTask<(bool Good, string? Participant)> ParticipantAsync(HttpContext context)
    {
        if (!context.Request.Query.TryGetValue("participant", out var values))
        {
            return (true, null);
        }

        string? participant = values.Count == 1 ? values[0] : null;
        if (ResourceName.IsValid(participant))
        {
            return (true, participant);
        }

        await Problem.WriteAsync(context, new FieldError("participant", "This is no name for a participant.", ResourceName.Allowed)).ConfigureAwait(false);
        return (false, null);
    }
}
