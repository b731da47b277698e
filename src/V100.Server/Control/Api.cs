using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http.Features;
using V100.Server.Audit;

namespace V100.Server.Control;

/// <summary>Answers requests: finds the path, then the method, and has the last word on what nobody expected.</summary>
/// <param name="routes">The operations.</param>
/// <param name="crossOrigin">What other origins may.</param>
/// <param name="limits">How many requests a second are answered.</param>
/// <param name="audit">Is told of every answer.</param>
/// <param name="log">For faults.</param>
internal sealed class Api(IReadOnlyList<ApiRoute> routes, CrossOrigin crossOrigin, RequestLimits limits, AuditLog audit, ILogger log) : IHttpApplication<HttpContext>
{
    /// <summary>A parameter sorts behind all text: what names a segment goes before what takes any.</summary>
    private readonly ApiPath[] _paths =
        [.. routes.GroupBy(route => route.Pattern, StringComparer.Ordinal).OrderBy(path => path.Key, StringComparer.Ordinal).Select(path => new ApiPath(path.Key, [.. path]))];

    public HttpContext CreateContext(IFeatureCollection contextFeatures) => new DefaultHttpContext(contextFeatures);

    public async Task ProcessRequestAsync(HttpContext context)
    {
        try
        {
            await GuardAsync(context).ConfigureAwait(false);
        }
        finally
        {
            audit.Record(context);
        }
    }

    public void DisposeContext(HttpContext context, Exception? exception)
    {
        // It holds nothing.
    }

    private Task RouteAsync(HttpContext context)
    {
        string[] segments = ApiPath.SegmentsOf(context.Request.Path.Value ?? "");
        foreach (ApiPath path in _paths)
        {
            if (path.Matches(segments))
            {
                context.Features.Set(path);
                return DispatchAsync(context, path.Routes);
            }
        }

        return Problem.WriteAsync(context, StatusCodes.Status404NotFound, "not-found", "There is nothing at this path.", "path", "the paths in /openapi.json");
    }

    private static Task DispatchAsync(HttpContext context, ApiRoute[] routes)
    {
        string method = HttpMethods.IsHead(context.Request.Method) ? "GET" : context.Request.Method;
        foreach (ApiRoute route in routes)
        {
            if (route.Method == method)
            {
                return route.Handler(context);
            }
        }

        IEnumerable<string> names = routes.Select(route => route.Method);
        string allowed = string.Join(", ", names.Concat(names.Contains("GET") ? ["HEAD", "OPTIONS"] : ["OPTIONS"]));

        // RFC 9110, 15.5.6 and 9.3.7.
        context.Response.Headers.Allow = allowed;
        if (!HttpMethods.IsOptions(method))
        {
            return Problem.WriteAsync(context, StatusCodes.Status405MethodNotAllowed, "method-not-allowed", $"This path has no {context.Request.Method}.", "method", allowed);
        }

        CrossOrigin.ApplyPreflight(context, allowed);

        // RFC 9725, 4.2.
        foreach (ApiRoute route in routes.Where(route => route.Accepts is not null))
        {
            context.Response.Headers[route.Method == "PATCH" ? "Accept-Patch" : "Accept-Post"] = route.Accepts;
        }

        return Answer.EmptyAsync(context, StatusCodes.Status200OK);
    }

    /// <summary>What holds for every answer, and the last place for what nobody expected.</summary>
    private async Task GuardAsync(HttpContext context)
    {
        IHeaderDictionary headers = context.Response.Headers;
        headers.XContentTypeOptions = "nosniff";
        headers.CacheControl = "no-store";
        crossOrigin.Apply(context);
        try
        {
            if (!await limits.RefusedByAddressAsync(context).ConfigureAwait(false))
            {
                await RouteAsync(context).ConfigureAwait(false);
            }
        }
        catch (BadHttpRequestException exception) when (!context.Response.HasStarted)
        {
            await (exception.StatusCode == StatusCodes.Status413PayloadTooLarge
                ? RequestBody.TooLargeAsync(context)
                : Problem.WriteAsync(context, exception.StatusCode, "bad-request", exception.Message)).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // The client went away: nobody reads an answer.
        }
#pragma warning disable CA1031 // One request's fault must not become another's.
        catch (Exception exception) when (!context.Response.HasStarted)
#pragma warning restore CA1031
        {
            ServerLog.RequestFailed(log, context.Request.Method, context.Request.Path, exception);
            await Problem.WriteAsync(context, StatusCodes.Status500InternalServerError, "internal", "The server failed; its log says why.").ConfigureAwait(false);
        }
    }
}
