using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing.Patterns;

namespace V100.Server.Control;

/// <summary>
/// Path parameters, decoded from the request as it was sent: the framework's own values keep <c>%2F</c> encoded, so that
/// a name with a slash and a name with the letters "%2F" would be the same.
/// </summary>
internal static class PathSegment
{
    public static string? Read(HttpContext context, string parameter)
    {
        string? value = context.Request.RouteValues[parameter] as string;
        string raw = context.Features.Get<IHttpRequestFeature>()?.RawTarget ?? "";
        if (value is null || !raw.StartsWith('/') || context.GetEndpoint() is not RouteEndpoint endpoint)
        {
            return value;
        }

        int end = raw.AsSpan().IndexOfAny('?', '#');
        string[] segments = (end < 0 ? raw : raw[..end])[1..].TrimEnd('/').Split('/');
        IReadOnlyList<RoutePatternPathSegment> pattern = endpoint.RoutePattern.PathSegments;
        for (int index = 0; index < pattern.Count && segments.Length == pattern.Count; index++)
        {
            if (pattern[index].Parts is [RoutePatternParameterPart part] && part.Name == parameter)
            {
                return Uri.UnescapeDataString(segments[index]);
            }
        }

        // Dot segments were removed on the way (RFC 3986, 5.2.4): the positions no longer agree.
        return value;
    }
}
