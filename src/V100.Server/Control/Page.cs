using System.Buffers.Text;
using System.Globalization;
using System.Text;
using System.Text.Unicode;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;

namespace V100.Server.Control;

/// <summary>
/// A part of a list that is in the order of names: <c>?limit=</c> and <c>?cursor=</c>. A cursor names the last entry of the page before, so
/// what comes and goes meanwhile neither repeats an entry nor leaves one out.
/// </summary>
/// <param name="After">The name behind which it begins; null for the first page.</param>
/// <param name="Limit">The most entries.</param>
internal readonly record struct Page(string? After, int Limit)
{
    public const int MaxLimit = 1000;

    /// <summary>Null where the request has been answered with 400.</summary>
    public static async ValueTask<Page?> ReadAsync(HttpContext context)
    {
        StringValues limitText = context.Request.Query["limit"];
        StringValues cursor = context.Request.Query["cursor"];
        int limit = MaxLimit;
        string? after = null;
        if (limitText.Count > 0
            && (!int.TryParse(limitText.ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out limit) || limit is < 1 or > MaxLimit))
        {
            await Problem.WriteAsync(context, new FieldError("limit", $"The value \"{limitText}\" of \"limit\" is not allowed.", $"a whole number from 1 to {MaxLimit}"))
                .ConfigureAwait(false);
            return null;
        }

        if (cursor.Count > 0 && !TryRead(cursor.ToString(), out after))
        {
            await Problem.WriteAsync(context, new FieldError("cursor", "The cursor is none that this server gave.", "as in the Link of the page before")).ConfigureAwait(false);
            return null;
        }

        return new Page(after, limit);
    }

    /// <summary>Says where the next page is (RFC 8288).</summary>
    /// <param name="context">The request of this page.</param>
    /// <param name="last">The name of its last entry.</param>
    public void LinkNext(HttpContext context, string last)
    {
        string target = context.Features.Get<IHttpRequestFeature>()?.RawTarget ?? "";
        int end = target.IndexOf('?', StringComparison.Ordinal);
        string cursor = Base64Url.EncodeToString(Encoding.UTF8.GetBytes(last));
        context.Response.Headers.Link = string.Create(
            CultureInfo.InvariantCulture, $"<{(end < 0 ? target : target[..end])}?limit={Limit}&cursor={cursor}>; rel=\"next\"");
    }

    private static bool TryRead(string cursor, out string? name)
    {
        name = null;
        if (cursor.Length > 1024 || !Base64Url.IsValid(cursor, out int length))
        {
            return false;
        }

        byte[] bytes = new byte[length];
        bool good = Base64Url.TryDecodeFromChars(cursor, bytes, out _) && Utf8.IsValid(bytes);
        name = good ? Encoding.UTF8.GetString(bytes) : null;
        return ResourceName.IsValid(name);
    }
}

/// <summary>A page of a list.</summary>
/// <param name="Items">Its entries.</param>
/// <param name="HasMore">There are others behind it.</param>
internal sealed record Listing<T>(IReadOnlyList<T> Items, bool HasMore);
