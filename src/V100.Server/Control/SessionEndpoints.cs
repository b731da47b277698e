using Microsoft.Net.Http.Headers;

namespace V100.Server.Control;

/// <summary><c>/v1/sessions/{id}</c>: what a WHIP or WHEP client does with its session.</summary>
internal sealed class SessionEndpoints(ControlPlane plane)
{
    public const string Fragment = "application/trickle-ice-sdpfrag";

    /// <summary>RFC 8852, 3.1 gives a rid no bound; none that a client sends is longer.</summary>
    private const int MaxRidLength = 255;

    /// <summary>Encodings of one track, counted from 0.</summary>
    private const int MaxPlace = 7;

    private const int MaxBitrateBps = 1_000_000_000;
    private const int MaxPixels = 16_384;

    public IEnumerable<ApiRoute> Routes =>
    [
        new("GET", "/v1/sessions/{id}", GetAsync),
        new("PATCH", "/v1/sessions/{id}", PatchAsync) { Accepts = Fragment },
        new("DELETE", "/v1/sessions/{id}", DeleteAsync),
        new("PATCH", "/v1/sessions/{id}/layer", LimitAsync) { Accepts = "application/json" },
    ];

    private async Task GetAsync(HttpContext context)
    {
        if (await OwnAsync(context).ConfigureAwait(false) is not string id)
        {
            return;
        }

        SessionView? view = await plane.Conference.GetSessionAsync(id, context.RequestAborted).ConfigureAwait(false);
        await (view is null ? NotFoundAsync(context) : Answer.JsonAsync(context, StatusCodes.Status200OK, view, ControlJson.Default.SessionView)).ConfigureAwait(false);
    }

    private async Task DeleteAsync(HttpContext context)
    {
        // RFC 9725, 4.3.1: an entity tag that comes along is ignored here.
        if (await OwnAsync(context).ConfigureAwait(false) is string id)
        {
            bool closed = await plane.Conference.CloseSessionAsync(id, context.RequestAborted).ConfigureAwait(false);
            await (closed ? Answer.EmptyAsync(context, StatusCodes.Status200OK) : NotFoundAsync(context)).ConfigureAwait(false);
        }
    }

    private async Task PatchAsync(HttpContext context)
    {
        if (await OwnAsync(context).ConfigureAwait(false) is not string id
            || await RequestBody.ReadTextAsync(context, Fragment).ConfigureAwait(false) is not string fragment)
        {
            return;
        }

        // RFC 9725, 4.3.1 and RFC 6585, 3: without If-Match nobody knows which ICE session is meant.
        if (!EntityTagHeaderValue.TryParseList(context.Request.Headers.IfMatch, out IList<EntityTagHeaderValue>? tags) || tags.Count == 0)
        {
            await Problem.WriteAsync(context, StatusCodes.Status428PreconditionRequired, "precondition-required", "The request carries no If-Match.", "If-Match",
                "the ETag of the last answer, or * for an ICE restart").ConfigureAwait(false);
            return;
        }

        // RFC 9110, 13.1.1: any of the tags may match, by the strong comparison.
        IEnumerable<string?> candidates = tags.Contains(EntityTagHeaderValue.Any)
            ? [null]
            : tags.Where(tag => !tag.IsWeak).Select(string? (tag) => tag.Tag.ToString()).Take(8);
        SessionPatch patch = new(PatchOutcome.StaleEntityTag);
        foreach (string? tag in candidates)
        {
            patch = await plane.Conference.PatchSessionAsync(id, tag, fragment, context.RequestAborted).ConfigureAwait(false);
            if (patch.Outcome != PatchOutcome.StaleEntityTag)
            {
                break;
            }
        }

        await AnswerAsync(context, patch).ConfigureAwait(false);
    }

    private static Task AnswerAsync(HttpContext context, SessionPatch patch)
    {
        switch (patch.Outcome)
        {
            case PatchOutcome.Trickled:
                return Answer.EmptyAsync(context, StatusCodes.Status204NoContent);
            case PatchOutcome.Restarted:
                context.Response.Headers.ETag = patch.EntityTag;
                return Answer.TextAsync(context, StatusCodes.Status200OK, patch.Fragment, Fragment);
            case PatchOutcome.StaleEntityTag:
                return Problem.WriteAsync(context, StatusCodes.Status412PreconditionFailed, "stale-ice-session",
                    "If-Match names an earlier ICE session.", "If-Match", "the ETag of the last answer, or * for an ICE restart");
            case PatchOutcome.Malformed:
                return Problem.WriteAsync(context, StatusCodes.Status400BadRequest, "malformed-fragment", patch.Detail, "body", "an SDP fragment (RFC 8840, 9)");
            case PatchOutcome.Unacceptable:
                return Problem.WriteAsync(context, StatusCodes.Status422UnprocessableEntity, "unacceptable-fragment", patch.Detail, "body");
            case PatchOutcome.Overloaded:
                return Problem.BusyAsync(context, "overloaded", "This server is at a limit now.");
            default:
                return NotFoundAsync(context);
        }
    }

    private async Task LimitAsync(HttpContext context)
    {
        if (await OwnAsync(context).ConfigureAwait(false) is not string id)
        {
            return;
        }

        using JsonFields? fields = await RequestBody.ReadJsonAsync(context).ConfigureAwait(false);
        if (fields is null)
        {
            return;
        }

        LayerWish wish = ReadWish(fields);
        fields.RefuseUnknown();
        if (fields.Error is not null)
        {
            await Problem.WriteAsync(context, fields.Error).ConfigureAwait(false);
            return;
        }

        LayerPatch patch = await plane.Conference.LimitSessionAsync(id, wish, context.RequestAborted).ConfigureAwait(false);
        await AnswerAsync(context, patch).ConfigureAwait(false);
    }

    private static LayerWish ReadWish(JsonFields fields)
    {
        (string? rid, int? place) = fields.StringOrWhole("maxLayer", MaxRidLength, MaxPlace);
        int? width = fields.Whole("width", 1, MaxPixels);
        int? height = fields.Whole("height", 1, MaxPixels);
        if (width is null != height is null || fields.Has("width") != fields.Has("height"))
        {
            fields.Require(width is null ? "width" : "height", "a whole number from 1 to 16384 beside the other side of the picture, or null for both");
        }

        return new LayerWish
        {
            TrackId = fields.String("trackId", 1, MaxRidLength),
            MaxLayer = new(fields.Has("maxLayer"), rid is null && place is null ? null : new LayerBound(rid, place ?? 0)),
            MaxBitrateBps = new(fields.Has("maxBitrate"), fields.Whole("maxBitrate", 1, MaxBitrateBps)),
            Size = new(fields.Has("width"), width is null ? null : new LayerSize(width.Value, height ?? 0)),
            Paused = new(fields.Has("paused"), fields.Flag("paused")),
        };
    }

    private static Task AnswerAsync(HttpContext context, LayerPatch patch) => patch.Outcome switch
    {
        LayerOutcome.Limited => Answer.JsonAsync(context, StatusCodes.Status200OK, patch.Limits!, ControlJson.Default.LayerLimitListView),
        LayerOutcome.PlaysNothing => Problem.WriteAsync(context, StatusCodes.Status409Conflict, "plays-nothing",
            "The session is sent no video, so there is nothing to limit.", "id", "a session with a section that receives video"),
        LayerOutcome.NotPlayed => Problem.WriteAsync(context, StatusCodes.Status422UnprocessableEntity, "track-not-played",
            "The session does not play a video track of that id.", "trackId", patch.Allowed),
        LayerOutcome.NoSuchLayer => Problem.WriteAsync(context, StatusCodes.Status422UnprocessableEntity, "no-such-layer",
            "The publisher has no encoding of that name.", "maxLayer", patch.Allowed),
        _ => NotFoundAsync(context),
    };

    /// <summary>The session of the path, where it is the caller's or the caller administers its room; null where the request has been answered.</summary>
    private async ValueTask<string?> OwnAsync(HttpContext context)
    {
        if (await plane.AuthenticateAsync(context).ConfigureAwait(false) is not Caller caller)
        {
            return null;
        }

        string id = PathSegment.Read(context, "id") ?? "";
        SessionOwner? owner = plane.Conference.FindSession(id);
        if (owner is null)
        {
            await NotFoundAsync(context).ConfigureAwait(false);
            return null;
        }

        if (Owns(caller, owner))
        {
            return id;
        }

        await NotOwnAsync(context).ConfigureAwait(false);
        return null;
    }

    /// <summary>It is the caller's own, or the caller administers its room.</summary>
    public static bool Owns(Caller caller, SessionOwner owner) =>
        caller.Video.MayAdminister(owner.Room) || caller.Video.MayJoin(owner.Room) && caller.Identity == owner.Identity;

    public static Task NotOwnAsync(HttpContext context) => Problem.ForbiddenAsync(context, "to be the session's participant, or roomAdmin for its room");

    public static Task NotFoundAsync(HttpContext context, string field = "id") =>
        Problem.WriteAsync(context, StatusCodes.Status404NotFound, "session-not-found", "There is no such session; it may have ended.", field);
}
