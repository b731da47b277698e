using V100.Server.Audit;

namespace V100.Server.Control;

/// <summary>Maps the routes: one endpoint per path, which answers every method.</summary>
internal static class Api
{
    public static void Map(WebApplication app, IReadOnlyList<ApiRoute> routes, CrossOrigin crossOrigin, RequestLimits limits, AuditLog audit, ILogger log)
    {
        app.Use(next => async context =>
        {
            try
            {
                await GuardAsync(context, next, crossOrigin, limits, log).ConfigureAwait(false);
            }
            finally
            {
                audit.Record(context);
            }
        });
        app.UseRouting();
        foreach (IGrouping<string, ApiRoute> path in routes.GroupBy(route => route.Pattern, StringComparer.Ordinal))
        {
            ApiRoute[] methods = [.. path];
            app.Map(path.Key, context => DispatchAsync(context, methods));
        }

        app.Map("/{**path}", static context => Problem.WriteAsync(
            context, StatusCodes.Status404NotFound, "not-found", "There is nothing at this path.", "path", "the paths in /openapi.json"));
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
    private static async Task GuardAsync(HttpContext context, RequestDelegate next, CrossOrigin crossOrigin, RequestLimits limits, ILogger log)
    {
        IHeaderDictionary headers = context.Response.Headers;
        headers.XContentTypeOptions = "nosniff";
        headers.CacheControl = "no-store";
        crossOrigin.Apply(context);
        try
        {
            if (!await limits.RefusedByAddressAsync(context).ConfigureAwait(false))
            {
                await next(context).ConfigureAwait(false);
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
