using System.Globalization;
using Microsoft.AspNetCore.WebUtilities;

namespace V100.Server.Control;

/// <summary>Error answers: RFC 9457 problem documents.</summary>
internal static class Problem
{
    /// <summary>For who finds the server at a bound to come again.</summary>
    private const int BusySeconds = 5;

    /// <param name="context">The request to answer.</param>
    /// <param name="status">The HTTP status.</param>
    /// <param name="code">A stable word for programs.</param>
    /// <param name="detail">A sentence for people: what is wrong and the way out.</param>
    /// <param name="field">The field, header or parameter that is wrong.</param>
    /// <param name="allowed">What it may be.</param>
    public static Task WriteAsync(HttpContext context, int status, string code, string detail, string? field = null, string? allowed = null)
    {
        // RFC 9457, 4.2.1: about:blank, whose title is the status phrase.
        ProblemView problem = new("about:blank", ReasonPhrases.GetReasonPhrase(status), status, detail, code, field, allowed);
        return Answer.JsonAsync(context, status, problem, ControlJson.Default.ProblemView, "application/problem+json");
    }

    public static Task WriteAsync(HttpContext context, FieldError error) =>
        WriteAsync(context, StatusCodes.Status400BadRequest, "invalid-field", error.Detail, error.Field, error.Allowed);

    public static Task UnauthorizedAsync(HttpContext context, string detail)
    {
        // RFC 9110, 11.6.1; RFC 6750, 3: no error code where no credentials came.
        bool attempted = context.Request.Headers.Authorization.Count > 0;
        context.Response.Headers.WWWAuthenticate = new([
            attempted ? "Bearer realm=\"v100\", error=\"invalid_token\"" : "Bearer realm=\"v100\"",
            "Basic realm=\"v100\", charset=\"UTF-8\"",
        ]);
        return WriteAsync(context, StatusCodes.Status401Unauthorized, "unauthorized", detail, "Authorization", "Bearer and a token, or Basic with API key and secret");
    }

    public static Task ForbiddenAsync(HttpContext context, string grant) =>
        WriteAsync(context, StatusCodes.Status403Forbidden, "forbidden", $"The token does not grant this: it needs {grant}.", "Authorization", grant);

    public static Task RoomNotFoundAsync(HttpContext context, string room) =>
        WriteAsync(context, StatusCodes.Status404NotFound, "room-not-found", $"There is no room \"{room}\".", "room");

    /// <summary>412 of a change whose If-Match is not of the present state (RFC 9110, 13.1.1).</summary>
    public static Task StaleAsync(HttpContext context) => WriteAsync(context, StatusCodes.Status412PreconditionFailed, "stale-entity-tag",
        "It has been changed since the answer that this If-Match is of.", "If-Match", "the ETag of a GET of now, or no If-Match");

    /// <summary>429: a bound that others' requests, or the caller's own, have reached.</summary>
    public static Task TooManyAsync(HttpContext context, string code, string detail, int retryAfterSeconds)
    {
        context.Response.Headers.RetryAfter = retryAfterSeconds.ToString(CultureInfo.InvariantCulture);
        return WriteAsync(context, StatusCodes.Status429TooManyRequests, code, detail);
    }

    public static Task TooManyRoomsAsync(HttpContext context, int limit) =>
        TooManyAsync(context, "too-many-rooms", $"This server holds {limit} rooms, which is its limit (V100:Rooms:MaxRooms).", BusySeconds);

    public static Task BusyAsync(HttpContext context, string code, string detail)
    {
        context.Response.Headers.RetryAfter = BusySeconds.ToString(CultureInfo.InvariantCulture);
        return WriteAsync(context, StatusCodes.Status503ServiceUnavailable, code, detail);
    }
}
