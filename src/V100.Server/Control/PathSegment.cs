using Microsoft.AspNetCore.Http.Features;

namespace V100.Server.Control;

/// <summary>
/// Path parameters, decoded from the request as it was sent: in <see cref="HttpRequest.Path"/> <c>%2F</c> is still encoded, so that
/// a name with a slash and a name with the letters "%2F" would be the same.
/// </summary>
internal static class PathSegment
{
    /// <summary>Null where the path of the request has no such parameter.</summary>
    public static string? Read(HttpContext context, string parameter)
    {
        if (context.Features.Get<ApiPath>() is not { } path || path.PositionOf(parameter) is not (>= 0 and var position))
        {
            return null;
        }

        string raw = context.Features.Get<IHttpRequestFeature>()?.RawTarget ?? "";
        int end = raw.AsSpan().IndexOfAny('?', '#');
        string[] sent = raw.StartsWith('/') ? (end < 0 ? raw : raw[..end])[1..].TrimEnd('/').Split('/') : [];

        // Dot segments were removed on the way (RFC 3986, 5.2.4): then the positions no longer agree.
        return sent.Length == path.Length ? Uri.UnescapeDataString(sent[position]) : ApiPath.SegmentsOf(context.Request.Path.Value ?? "")[position];
    }
}
