using System.Reflection;
using System.Security.Cryptography;

namespace V100.Server.Control;

/// <summary>The page and its files, which are part of the binary.</summary>
internal static class PageFiles
{
    /// <summary>The page loads its own files, talks to this server and shows media, and nothing else.</summary>
    private const string ContentSecurityPolicy =
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; media-src 'self' blob: mediastream:; "
        + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    /// <summary>The page's modules, and the client library, which is for the pages of others too.</summary>
    private static readonly string[] _scripts =
    [
        "app.js", "call.js", "charts.js", "figures.js", "media.js", "people.js", "rooms.js", "tile.js",
        "v100.js", "v100-api.js", "v100-events.js", "v100-sessions.js",
    ];

    public static IEnumerable<ApiRoute> Routes =>
    [
        File("/", "index.html", "text/html; charset=utf-8") with { InApi = true },
        .. _scripts.Select(name => File("/" + name, name, "text/javascript; charset=utf-8")),
        File("/app.css", "app.css", "text/css; charset=utf-8"),
        File("/favicon.svg", "favicon.svg", "image/svg+xml"),
    ];

    public static byte[] Read(string name)
    {
        using Stream stream = Assembly.GetExecutingAssembly().GetManifestResourceStream("wwwroot/" + name)
            ?? throw new InvalidOperationException($"The binary lacks wwwroot/{name}.");
        byte[] bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }

    private static ApiRoute File(string path, string name, string mediaType)
    {
        Lazy<(byte[] Bytes, string EntityTag)> file = new(() =>
        {
            byte[] bytes = Read(name);
            return (bytes, $"\"{Convert.ToHexStringLower(SHA256.HashData(bytes).AsSpan(0, 8))}\"");
        });
        return new ApiRoute("GET", path, context => ServeAsync(context, file.Value.Bytes, file.Value.EntityTag, mediaType)) { InApi = false };
    }

    private static Task ServeAsync(HttpContext context, byte[] bytes, string entityTag, string mediaType)
    {
        IHeaderDictionary headers = context.Response.Headers;
        headers.CacheControl = "no-cache";
        headers.ETag = entityTag;
        headers.ContentSecurityPolicy = ContentSecurityPolicy;
        headers.XFrameOptions = "DENY"; // What frame-ancestors says, for who does not know it.
        headers["Referrer-Policy"] = "no-referrer";
        headers["Permissions-Policy"] = "camera=(self), microphone=(self), display-capture=(self)";
        return context.Request.Headers.IfNoneMatch == entityTag
            ? Answer.EmptyAsync(context, StatusCodes.Status304NotModified)
            : Answer.BytesAsync(context, StatusCodes.Status200OK, bytes, mediaType);
    }
}
