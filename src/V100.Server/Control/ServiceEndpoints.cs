namespace V100.Server.Control;

/// <summary>Health, metrics, the API's description and administration of the server itself.</summary>
/// <param name="plane">The control plane.</param>
/// <param name="metrics">All metrics.</param>
/// <param name="reload">Reads secrets and certificates again; null, or the line that says why they stay as they are.</param>
internal sealed class ServiceEndpoints(ControlPlane plane, Metrics metrics, Func<string?> reload)
{
    private readonly byte[] _openApi = PageFiles.Read("openapi.json");

    public IEnumerable<ApiRoute> Routes =>
    [
        new("GET", "/healthz", HealthAsync),
        new("GET", "/readyz", ReadyAsync),
        new("GET", "/metrics", MetricsAsync),
        new("GET", "/openapi.json", OpenApiAsync),
        new("POST", "/v1/admin/reload", ReloadAsync),
    ];

    private static Task HealthAsync(HttpContext context) =>
        Answer.JsonAsync(context, StatusCodes.Status200OK, new HealthView("alive"), ControlJson.Default.HealthView);

    private Task ReadyAsync(HttpContext context) => plane.Drain.IsDraining
        ? Problem.WriteAsync(context, StatusCodes.Status503ServiceUnavailable, "draining", "This server is about to stop and takes no new sessions.")
        : Answer.JsonAsync(context, StatusCodes.Status200OK, new HealthView("ready"), ControlJson.Default.HealthView);

    private Task MetricsAsync(HttpContext context) => Answer.TextAsync(context, StatusCodes.Status200OK, metrics.Write(), Metrics.MediaType);

    private Task OpenApiAsync(HttpContext context) => Answer.BytesAsync(context, StatusCodes.Status200OK, _openApi, "application/json");

    private async Task ReloadAsync(HttpContext context)
    {
        if (await plane.AuthenticateAsync(context).ConfigureAwait(false) is not Caller caller)
        {
            return;
        }

        // A token administers rooms; only an API key administers the server.
        if (!caller.IsApiKey)
        {
            await Problem.ForbiddenAsync(context, "HTTP Basic with an API key and its secret").ConfigureAwait(false);
            return;
        }

        string? error = reload();
        await (error is null
            ? Answer.EmptyAsync(context, StatusCodes.Status204NoContent)
            : Problem.WriteAsync(context, StatusCodes.Status422UnprocessableEntity, "bad-configuration", "Nothing was changed: " + error)).ConfigureAwait(false);
    }
}
