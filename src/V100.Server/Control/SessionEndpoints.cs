using Microsoft.Net.Http.Headers;

namespace V100.Server.Control;

/// <summary><c>/v1/sessions/{id}</c>: what a WHIP or WHEP client does with its session.</summary>
internal sealed class SessionEndpoints(ControlPlane plane)
{
    public const string Fragment = "application/trickle-ice-sdpfrag";

    public IEnumerable<ApiRoute> Routes =>
    [
        new("GET", "/v1/sessions/{id}", GetAsync),
        new("PATCH", "/v1/sessions/{id}", PatchAsync) { Accepts = Fragment },
        new("DELETE", "/v1/sessions/{id}", DeleteAsync),
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

        if (caller.Video.MayAdminister(owner.Room) || caller.Video.MayJoin(owner.Room) && caller.Identity == owner.Identity)
        {
            return id;
        }

        await Problem.ForbiddenAsync(context, "to be the session's participant, or roomAdmin for its room").ConfigureAwait(false);
        return null;
    }

    private static Task NotFoundAsync(HttpContext context) =>
        Problem.WriteAsync(context, StatusCodes.Status404NotFound, "session-not-found", "There is no such session; it may have ended.", "id");
}
