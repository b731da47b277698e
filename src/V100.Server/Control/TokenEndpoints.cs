namespace V100.Server.Control;

/// <summary><c>POST /v1/tokens</c>, and <c>GET /v1/ice-servers</c> for what a token's bearer connects through.</summary>
internal sealed class TokenEndpoints(ControlPlane plane)
{
    private const int DefaultTtlSeconds = 6 * 3600;
    private const int MaxTtlSeconds = 7 * 24 * 3600;

    public IEnumerable<ApiRoute> Routes =>
    [
        new("POST", "/v1/tokens", CreateAsync) { Accepts = "application/json" },
        new("GET", "/v1/ice-servers", IceServersAsync),
    ];

    private async Task CreateAsync(HttpContext context)
    {
        if (await plane.AuthenticateAsync(context, video => video.RoomAdmin, "roomAdmin").ConfigureAwait(false) is not Caller caller)
        {
            return;
        }

        using JsonFields? fields = await RequestBody.ReadJsonAsync(context).ConfigureAwait(false);
        if (fields is null)
        {
            return;
        }

        int ttlSeconds = fields.Whole("ttlSeconds", 1, MaxTtlSeconds) ?? DefaultTtlSeconds;
        AccessToken token = Read(fields, caller.Key, plane.NowUnixSeconds + ttlSeconds);
        fields.RefuseUnknown();
        string? missing = Missing(caller, token.Video);
        if (fields.Error is not null)
        {
            await Problem.WriteAsync(context, fields.Error).ConfigureAwait(false);
        }
        else if (missing is not null)
        {
            await Problem.ForbiddenAsync(context, missing).ConfigureAwait(false);
        }
        else if (!plane.Keys.TryGetSecret(caller.Key, out byte[] secret))
        {
            await Problem.UnauthorizedAsync(context, "The API key was withdrawn.").ConfigureAwait(false);
        }
        else
        {
            // What a token gives, it cannot give for longer than it lives itself.
            long expires = Math.Min(token.ExpiresUnixSeconds, caller.Token?.ExpiresUnixSeconds ?? long.MaxValue);
            TokenView view = new((token with { ExpiresUnixSeconds = expires }).Sign(secret), DateTimeOffset.FromUnixTimeSeconds(expires));
            await Answer.JsonAsync(context, StatusCodes.Status200OK, view, ControlJson.Default.TokenView).ConfigureAwait(false);
        }
    }

    private static AccessToken Read(JsonFields fields, string issuer, long expiresUnixSeconds)
    {
        string? room = fields.Name("room", required: false);
        string? identity = fields.Name("identity", required: false);
        bool join = fields.Flag("roomJoin") ?? (room is not null && identity is not null);
        VideoGrant video = new()
        {
            RoomJoin = join,
            Room = room,
            CanPublish = fields.Flag("canPublish"),
            CanSubscribe = fields.Flag("canSubscribe"),
            CanPublishData = fields.Flag("canPublishData"),
            CanPublishSources = fields.Strings("canPublishSources", VideoGrant.Sources.Length, VideoGrant.Sources),
            RoomCreate = fields.Flag("roomCreate") ?? false,
            RoomList = fields.Flag("roomList") ?? false,
            RoomAdmin = fields.Flag("roomAdmin") ?? false,
            RoomRecord = fields.Flag("roomRecord") ?? false,
        };
        if (join || !(video.RoomAdmin || video.RoomCreate || video.RoomList || video.RoomRecord))
        {
            // Whoever joins has a name, and a place.
            fields.Name("room", required: true);
            fields.Name("identity", required: true);
        }

        return new AccessToken
        {
            Issuer = issuer,
            Subject = identity ?? "",
            ExpiresUnixSeconds = expiresUnixSeconds,
            Name = fields.String("name", 0, 128),
            Metadata = fields.String("metadata", 0, 2048),
            Video = video,
        };
    }

    /// <summary>The first grant that the caller would give and does not have; null where there is none.</summary>
    private static string? Missing(Caller caller, VideoGrant wanted)
    {
        VideoGrant own = caller.Video;
        return own.Room is not null && own.Room != wanted.Room ? $"roomAdmin for room \"{wanted.Room}\""
            : wanted.RoomCreate && !own.RoomCreate ? "roomCreate"
            : wanted.RoomList && !own.RoomList ? "roomList"
            : wanted.RoomRecord && !own.RoomRecord ? "roomRecord"
            : null;
    }

    private async Task IceServersAsync(HttpContext context)
    {
        if (await plane.AuthenticateAsync(context).ConfigureAwait(false) is Caller caller)
        {
            await Answer.JsonAsync(context, StatusCodes.Status200OK, plane.IceServers.For(caller.Identity, plane.NowUnixSeconds), ControlJson.Default.IceServerListView)
                .ConfigureAwait(false);
        }
    }
}
