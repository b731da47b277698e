using System.Globalization;
using Microsoft.Extensions.Primitives;
using V100.Sfu.Quality;

namespace V100.Server.Control;

/// <summary><c>/v1/rooms/{room}/qoe</c> and <c>/v1/beacons</c>: quality of experience, as the server measures it and as clients tell it.</summary>
internal sealed class QualityEndpoints(ControlPlane plane)
{
    /// <summary>Of one request: a page that plays many streams has one for each.</summary>
    private const int MaxBeacons = 256;

    private const int MaxSessionLength = 64;

    public IEnumerable<ApiRoute> Routes =>
    [
        new("GET", "/v1/rooms/{room}/qoe", ListAsync),
        new("POST", "/v1/beacons", TakeAsync) { Accepts = "application/json" },
    ];

    private async Task ListAsync(HttpContext context)
    {
        if (await plane.ReadableRoomAsync(context).ConfigureAwait(false) is not string room
            || await Page.ReadAsync(context).ConfigureAwait(false) is not Page page)
        {
            return;
        }

        DateTimeOffset? since = null;
        StringValues given = context.Request.Query["since"];
        if (given.Count > 0)
        {
            if (!DateTimeOffset.TryParse(given.ToString(), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset time))
            {
                await Problem.WriteAsync(context, new FieldError("since", $"The value \"{given}\" of \"since\" is not allowed.", JsonFields.TimeAllowed)).ConfigureAwait(false);
                return;
            }

            since = time;
        }

        Listing<ParticipantQualityView>? found = await plane.Conference.ListQualityAsync(room, page, since, context.RequestAborted).ConfigureAwait(false);
        if (found is null)
        {
            await Problem.RoomNotFoundAsync(context, room).ConfigureAwait(false);
            return;
        }

        if (found.HasMore)
        {
            page.LinkNext(context, found.Items[^1].Identity);
        }

        await Answer.JsonAsync(context, StatusCodes.Status200OK, new QualityListView(plane.Time.GetUtcNow(), found.Items), ControlJson.Default.QualityListView).ConfigureAwait(false);
    }

    private async Task TakeAsync(HttpContext context)
    {
        if (await plane.AuthenticateAsync(context).ConfigureAwait(false) is not Caller caller
            || await RequestBody.ReadJsonListAsync(context, MaxBeacons).ConfigureAwait(false) is not { } list)
        {
            return;
        }

        using JsonFields first = list[0];
        List<(string Session, ClientBeacon Beacon)> beacons = [];
        foreach (JsonFields fields in list)
        {
            beacons.Add(Read(fields));
        }

        if (list.FirstOrDefault(fields => fields.Error is not null)?.Error is { } error)
        {
            await Problem.WriteAsync(context, error).ConfigureAwait(false);
            return;
        }

        // Of several sessions one may have ended a moment ago: that is no fault of the rest.
        SessionOwner?[] owners = [.. beacons.ConvertAll(beacon => plane.Conference.FindSession(beacon.Session))];
        if (Array.TrueForAll(owners, owner => owner is null))
        {
            await SessionEndpoints.NotFoundAsync(context, "session").ConfigureAwait(false);
        }
        else if (!Array.TrueForAll(owners, owner => owner is null || SessionEndpoints.Owns(caller, owner)))
        {
            await SessionEndpoints.NotOwnAsync(context).ConfigureAwait(false);
        }
        else
        {
            foreach ((string session, ClientBeacon beacon) in beacons)
            {
                plane.Conference.TakeBeacon(session, in beacon);
            }

            await Answer.EmptyAsync(context, StatusCodes.Status202Accepted).ConfigureAwait(false);
        }
    }

    private static (string Session, ClientBeacon Beacon) Read(JsonFields fields)
    {
        string session = fields.RequiredString("session", MaxSessionLength) ?? "";
        double atMs = (fields.Time("at", required: true) ?? default).Subtract(DateTimeOffset.UnixEpoch).TotalMilliseconds;
        fields.Counter("framesPerSecond"); // Told, and not needed: pictures and time say it.
        var beacon = new ClientBeacon(
            atMs, fields.Counter("framesDecoded"), fields.Counter("freezeCount"), fields.Counter("totalFreezesDurationMs"), fields.Counter("frameWidth"), fields.Counter("frameHeight"),
            fields.Counter("packetsLost"), fields.Counter("packetsReceived"), fields.Counter("jitterMs"), fields.Counter("roundTripMs"), fields.Counter("concealedSamples"),
            fields.Counter("totalSamples"), fields.Counter("bytesReceived"));
        fields.RefuseUnknown();
        return (session, beacon);
    }
}
