using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using V100.Sfu.Rooms;

namespace V100.Server.Control;

/// <summary><c>/v1/rooms/{room}/events</c>: what happens in a room, as it happens.</summary>
internal sealed class EventEndpoints(ControlPlane plane, EventStreams streams)
{
    public IEnumerable<ApiRoute> Routes => [new("GET", "/v1/rooms/{room}/events", StreamAsync)];

    private async Task StreamAsync(HttpContext context)
    {
        string? room = await ControlPlane.PathNameAsync(context, "room").ConfigureAwait(false);
        if (room is null
            || await plane.AuthenticateAsync(context, video => video.MayRead(room), VideoGrant.ReadingGrants).ConfigureAwait(false) is not Caller caller)
        {
            return;
        }

        DateTimeOffset expiresAt = caller.Token is { } token
            ? DateTimeOffset.FromUnixTimeSeconds(Math.Min(token.ExpiresUnixSeconds, DateTimeOffset.MaxValue.ToUnixTimeSeconds() - AccessToken.LeewaySeconds) + AccessToken.LeewaySeconds)
            : DateTimeOffset.MaxValue;
        EventStream stream = new(context, streams, expiresAt);
        if (!streams.TryAdd(stream))
        {
            await RefuseAsync(context, "this server", plane.Options.MaxEventStreams, "V100:Events:MaxStreams").ConfigureAwait(false);
            return;
        }

        try
        {
            // WHATWG HTML, 9.2.4: what the client heard last. One that names no state known here gets a snapshot, as does one that names none.
            TickId? last = TickId.TryParse(context.Request.Headers["Last-Event-ID"], out TickId id) ? id : null;
            await StreamAsync(context, room, stream, last).ConfigureAwait(false);
        }
        finally
        {
            streams.Remove(stream);
            plane.Conference.RemoveListener(stream);
        }
    }

    private async Task StreamAsync(HttpContext context, string room, EventStream stream, TickId? last)
    {
        switch (plane.Conference.AddListener(room, stream, last))
        {
            case ListenOutcome.NoSuchRoom:
                await Problem.RoomNotFoundAsync(context, room).ConfigureAwait(false);
                return;
            case ListenOutcome.TooManyListeners:
                await RefuseAsync(context, "this room", plane.Options.MaxEventStreamsPerRoom, "V100:Events:MaxStreamsPerRoom").ConfigureAwait(false);
                return;
        }

        context.Response.ContentType = EventStream.MediaType;

        // What a widespread proxy understands: it must not gather what is written.
        context.Response.Headers["X-Accel-Buffering"] = "no";
        if (HttpMethods.IsHead(context.Request.Method))
        {
            return;
        }

        // A client that reads too slowly is this stream's own concern: it gets snapshots, or ends.
        if (context.Features.Get<IHttpMinResponseDataRateFeature>() is { } rate)
        {
            rate.MinDataRate = null;
        }

        await stream.RunAsync().ConfigureAwait(false);
    }

    private Task RefuseAsync(HttpContext context, string where, int limit, string key)
    {
        streams.Count(EventCounter.Refused);
        context.Response.Headers.RetryAfter = "5";
        return Problem.WriteAsync(
            context, StatusCodes.Status429TooManyRequests, "too-many-streams", $"There are {limit} event streams of {where}, which is the limit ({key}).");
    }
}
