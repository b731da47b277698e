using System.Buffers.Text;
using System.Globalization;
using System.Text;
using V100.Server.Storage;
using V100.Server.Usage;

namespace V100.Server.Control;

/// <summary><c>/v1/usage</c>: what participants used, by JSON or as a table for a spreadsheet.</summary>
internal sealed class UsageEndpoints(ControlPlane plane, Store store)
{
    private const string Csv = "text/csv";
    private const long SecondsPerHour = 3600;
    private static readonly TimeSpan LongestSpan = TimeSpan.FromDays(366);

    public IEnumerable<ApiRoute> Routes => [new("GET", "/v1/usage", GetAsync)];

    private async Task GetAsync(HttpContext context)
    {
        var query = new RecordQuery(context);
        string? room = query.Text("room") is { Length: > 0 } name ? name : null;
        if (await plane.AuthenticateAsync(
            context, video => video.RoomAdmin && (video.Room is null || video.Room == room), room is null ? "roomAdmin for every room" : "roomAdmin for this room").ConfigureAwait(false) is null)
        {
            return;
        }

        if (room is not null && !ResourceName.IsValid(room))
        {
            query.Refuse("room", room, ResourceName.Allowed);
        }

        int limit = query.Limit();
        (DateTimeOffset from, DateTimeOffset to) = query.Span(plane.Time.GetUtcNow(), LongestSpan);
        (string, string)? after = Cursor(query);
        if (query.Error is not null)
        {
            await Problem.WriteAsync(context, query.Error).ConfigureAwait(false);
            return;
        }

        // What is kept is kept by the hour: one that is only partly meant counts whole.
        long first = from.ToUnixTimeSeconds() / SecondsPerHour * SecondsPerHour;
        long end = (to.ToUnixTimeMilliseconds() + 1000 * SecondsPerHour - 1) / (1000 * SecondsPerHour) * SecondsPerHour;
        List<UsageView> rows = await store.ReadAsync(statements => UsageTable.Read(statements, first, end, room, after, limit + 1), context.RequestAborted).ConfigureAwait(false);
        string? next = query.Next(rows, limit, row => Base64Url.EncodeToString(Encoding.UTF8.GetBytes($"{row.Room}\n{row.Participant}")));
        context.Response.Headers.Vary = "Accept";
        var view = new UsageListView(DateTimeOffset.FromUnixTimeSeconds(first), DateTimeOffset.FromUnixTimeSeconds(end), rows, next);
        await (WantsCsv(context) ? CsvAsync(context, view) : Answer.JsonAsync(context, StatusCodes.Status200OK, view, RecordJson.Default.UsageListView)).ConfigureAwait(false);
    }

    /// <summary>A room's name has no line feed in it.</summary>
    private static (string Room, string Participant)? Cursor(RecordQuery query)
    {
        string text = query.Text("cursor");
        if (text.Length == 0)
        {
            return null;
        }

        if (Base64Url.IsValid(text) && Encoding.UTF8.GetString(Base64Url.DecodeFromChars(text)).Split('\n', 2) is [var room, var participant])
        {
            return (room, participant);
        }

        query.Refuse("cursor", text, RecordQuery.CursorAllowed);
        return null;
    }

    /// <summary>Of the two forms the one that stands first in Accept; JSON where neither does.</summary>
    private static bool WantsCsv(HttpContext context) =>
        context.Request.GetTypedHeaders().Accept.FirstOrDefault(type => type.Quality != 0 && type.MediaType.Value is Csv or "application/json")?.MediaType.Value == Csv;

    private static Task CsvAsync(HttpContext context, UsageListView view)
    {
        StringBuilder text = new();
        AppendLine(text, "room", "participant", "participantSeconds", "trackSeconds", "publishedBytes", "deliveredBytes", "relayedBytes");
        foreach (UsageView row in view.Usage)
        {
            AppendLine(
                text, row.Room, row.Participant, Number(row.ParticipantSeconds), Number(row.TrackSeconds),
                Number(row.PublishedBytes), Number(row.DeliveredBytes), Number(row.RelayedBytes));
        }

        return Answer.TextAsync(context, StatusCodes.Status200OK, text.ToString(), Csv + "; charset=utf-8; header=present");
    }

    private static string Number(IFormattable value) => value.ToString(null, CultureInfo.InvariantCulture);

    // RFC 4180, 2: lines end with CRLF; a field with a quote, a comma or a line break is quoted, and quotes in it are doubled.
    private static void AppendLine(StringBuilder text, params ReadOnlySpan<string> fields)
    {
        for (int index = 0; index < fields.Length; index++)
        {
            text.Append(index == 0 ? "" : ",");
            text.Append(fields[index].AsSpan().ContainsAny("\",\r\n") ? $"\"{fields[index].Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : fields[index]);
        }

        text.Append("\r\n");
    }
}
