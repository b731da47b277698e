using System.Globalization;
using V100.Server.Configuration;

namespace V100.Server.Control;

/// <summary>What all endpoints share, and the questions that most of them ask first.</summary>
internal sealed class ControlPlane(IConference conference, IRelays relays, ApiKeyRing keys, ServerOptions options, IceServers iceServers, TimeProvider time)
{
    public IConference Conference => conference;
    public IRelays Relays => relays;
    public ApiKeyRing Keys => keys;
    public ServerOptions Options => options;
    public IceServers IceServers => iceServers;
    public TimeProvider Time => time;
    public DrainState Drain { get; } = new();
    public RequestLimits Limits { get; } = new(options);

    public long NowUnixSeconds => time.GetUtcNow().ToUnixTimeSeconds();

    /// <summary>Null where the request has been answered with 401, or with 429.</summary>
    public async ValueTask<Caller?> AuthenticateAsync(HttpContext context)
    {
        string? authorization = context.Request.Headers.Authorization.Count == 1 ? context.Request.Headers.Authorization[0] : null;
        string? refusal = Caller.Authenticate(authorization, keys, NowUnixSeconds, out Caller? caller);
        if (refusal is not null)
        {
            await Problem.UnauthorizedAsync(context, refusal).ConfigureAwait(false);
            return null;
        }

        context.Features.Set(caller); // For the audit, which sees the answer.
        return await Limits.RefusedByKeyAsync(context, caller!.Key).ConfigureAwait(false) ? null : caller;
    }

    /// <summary>Like <see cref="AuthenticateAsync(HttpContext)"/>, and answers 403 where the caller may not.</summary>
    public async ValueTask<Caller?> AuthenticateAsync(HttpContext context, Func<VideoGrant, bool> may, string grant)
    {
        Caller? caller = await AuthenticateAsync(context).ConfigureAwait(false);
        if (caller is null || may(caller.Video))
        {
            return caller;
        }

        await Problem.ForbiddenAsync(context, grant).ConfigureAwait(false);
        return null;
    }

    /// <summary>For what belongs to no room, which a token that administers one does not reach. Null where the request has been answered.</summary>
    public ValueTask<Caller?> AuthenticateForServerAsync(HttpContext context) =>
        AuthenticateAsync(context, video => video.RoomAdmin && video.Room is null, "roomAdmin for every room");

    /// <summary>The room of the path, where the caller may read it; null where the request has been answered.</summary>
    public ValueTask<string?> ReadableRoomAsync(HttpContext context) =>
        RoomAsync(context, static (video, room) => video.MayRead(room), VideoGrant.ReadingGrants);

    /// <summary>The room of the path, where the caller administers it; null where the request has been answered.</summary>
    public ValueTask<string?> AdministeredRoomAsync(HttpContext context) =>
        RoomAsync(context, static (video, room) => video.MayAdminister(room), "roomAdmin for this room");

    /// <summary>The room of the path, where the caller may make or end it; null where the request has been answered.</summary>
    public ValueTask<string?> OwnRoomAsync(HttpContext context) => RoomAsync(
        context,
        static (video, room) => video.MayAdminister(room) || video.RoomCreate && (video.Room is null || video.Room == room),
        "roomAdmin or roomCreate for this room");

    private async ValueTask<string?> RoomAsync(HttpContext context, Func<VideoGrant, string, bool> may, string grant)
    {
        string? room = await PathNameAsync(context, "room").ConfigureAwait(false);
        return room is not null && await AuthenticateAsync(context, video => may(video, room), grant).ConfigureAwait(false) is not null ? room : null;
    }

    /// <summary>A name from the path, decoded once; null where the request has been answered with 400.</summary>
    public static async ValueTask<string?> PathNameAsync(HttpContext context, string parameter)
    {
        string? name = PathSegment.Read(context, parameter);
        if (ResourceName.IsValid(name))
        {
            return name;
        }

        await Problem.WriteAsync(context, new FieldError(parameter, $"This is no name for a {parameter}.", ResourceName.Allowed)).ConfigureAwait(false);
        return null;
    }

    /// <summary>True where the request has been answered with 503.</summary>
    public async ValueTask<bool> RefusedWhileDrainingAsync(HttpContext context)
    {
        if (!Drain.IsDraining)
        {
            return false;
        }

        context.Response.Headers.RetryAfter = Math.Clamp(options.DrainTimeoutSeconds, 1, 60).ToString(CultureInfo.InvariantCulture);
        await Problem.WriteAsync(context, StatusCodes.Status503ServiceUnavailable, "draining",
            "This server is about to stop and takes no new sessions.").ConfigureAwait(false);
        return true;
    }
}
