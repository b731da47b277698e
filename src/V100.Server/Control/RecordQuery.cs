using System.Globalization;
using Microsoft.Extensions.Primitives;

namespace V100.Server.Control;

/// <summary>
/// The query of a list of records: which span of time, how many, and where to go on. The first fault is kept in <see cref="Error"/> and reading goes on.
/// </summary>
internal sealed class RecordQuery(HttpContext context)
{
    public const int DefaultLimit = 100;
    public const int MaxLimit = 1000;

    /// <summary>ISO 8601, to the minute, the second or less, in any zone; without one it is UTC.</summary>
    private static readonly string[] TimeForms = ["yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK", "yyyy-MM-dd'T'HH:mmK", "yyyy-MM-dd"];

    public FieldError? Error { get; private set; }

    public int Limit()
    {
        string text = Text("limit");
        if (text.Length == 0)
        {
            return DefaultLimit;
        }

        if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int limit) || limit is < 1 or > MaxLimit)
        {
            Refuse("limit", text, $"a whole number from 1 to {MaxLimit}");
        }

        return limit;
    }

    public DateTimeOffset Time(string name, DateTimeOffset otherwise)
    {
        // A plus sign of a zone is a space where nobody escaped it.
        string text = Text(name);
        if (text.Length == 0)
        {
            return otherwise;
        }

        if (!DateTimeOffset.TryParseExact(
            text.Replace(' ', '+'), TimeForms, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out DateTimeOffset time)
            || time < DateTimeOffset.UnixEpoch)
        {
            Refuse(name, text, "a time of ISO 8601 after 1970, such as 2030-01-31T12:00:00Z");
            return otherwise;
        }

        return time;
    }

    /// <summary>The beginning of the span and its end, which is not in it; it ends behind this moment and has a day where the query does not say.</summary>
    /// <param name="now">Now.</param>
    /// <param name="longest">The longest span.</param>
    public (DateTimeOffset From, DateTimeOffset To) Span(DateTimeOffset now, TimeSpan longest)
    {
        DateTimeOffset to = Time("to", now.AddMilliseconds(1));
        DateTimeOffset from = Time("from", to - TimeSpan.FromDays(1));
        if (Error is null && (from >= to || to - from > longest))
        {
            Refuse("from", Text("from"), $"a time before \"to\", by at most {longest.TotalDays:0} days");
        }

        return (from, to);
    }

    /// <summary>The id before which a page ends; beyond all of them where the query has no cursor.</summary>
    public long Before()
    {
        string text = Text("cursor");
        if (text.Length == 0)
        {
            return long.MaxValue;
        }

        if (!long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long before))
        {
            Refuse("cursor", text, CursorAllowed);
        }

        return before;
    }

    public const string CursorAllowed = "the member next of the page before";

    public string Text(string name) => context.Request.Query[name].ToString();

    public void Refuse(string name, string text, string allowed) => Error ??= new FieldError(name, $"The value \"{text}\" of \"{name}\" is not allowed.", allowed);

    /// <summary>
    /// The cursor of the page behind this one, which stands in Link too (RFC 8288). Where there is one, one row more than <paramref name="limit"/> was
    /// read; that one is taken off.
    /// </summary>
    public string? Next<T>(List<T> rows, int limit, Func<T, string> cursor)
    {
        if (rows.Count <= limit)
        {
            return null;
        }

        rows.RemoveRange(limit, rows.Count - limit);
        string next = cursor(rows[^1]);
        QueryString query = default;
        foreach ((string name, StringValues values) in context.Request.Query)
        {
            foreach (string? value in name == "cursor" ? [] : values)
            {
                query = query.Add(name, value ?? "");
            }
        }

        query = query.Add("cursor", next);
        context.Response.Headers.Link = $"<{context.Request.Path}{query}>; rel=\"next\"";
        return next;
    }
}
