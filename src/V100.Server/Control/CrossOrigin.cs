using Microsoft.Extensions.Primitives;

namespace V100.Server.Control;

/// <summary>CORS (the Fetch standard, 3.2): which web origins may call, with what, and what they may read.</summary>
internal sealed class CrossOrigin(IReadOnlyList<string> allowedOrigins)
{
    private const string Exposed = "Location, ETag, Link, Accept-Patch, Accept-Post, Allow, Retry-After, WWW-Authenticate";
    private const string AllowedHeaders = "Authorization, Content-Type, If-Match, If-None-Match, Last-Event-ID";

    private readonly bool _any = allowedOrigins.Contains("*");

    public void Apply(HttpContext context)
    {
        StringValues origin = context.Request.Headers.Origin;
        IHeaderDictionary headers = context.Response.Headers;
        if (!_any)
        {
            headers.Vary = "Origin";
        }

        if (origin.Count != 1 || !(_any || allowedOrigins.Contains(origin[0], StringComparer.OrdinalIgnoreCase)))
        {
            return;
        }

        // No credentials flag: calls carry a token in a header, and there is no cookie.
        headers.AccessControlAllowOrigin = _any ? "*" : origin;
        headers.AccessControlExposeHeaders = Exposed;
    }

    /// <summary>The part that only a preflight needs.</summary>
    public static void ApplyPreflight(HttpContext context, string methods)
    {
        if (context.Response.Headers.AccessControlAllowOrigin.Count > 0 && context.Request.Headers.AccessControlRequestMethod.Count > 0)
        {
            context.Response.Headers.AccessControlAllowMethods = methods;
            context.Response.Headers.AccessControlAllowHeaders = AllowedHeaders;
            context.Response.Headers.AccessControlMaxAge = "7200";
        }
    }
}
