using System.Globalization;
using V100.Server.Storage;
using V100.Server.Webhooks;

namespace V100.Server.Control;

/// <summary><c>/v1/webhooks</c>: how deliveries fare, and one to try.</summary>
internal sealed class WebhookEndpoints(ControlPlane plane, Store store, WebhookOutbox outbox)
{
    public IEnumerable<ApiRoute> Routes =>
    [
        new("GET", "/v1/webhooks/deliveries", ListAsync),
        new("POST", "/v1/webhooks/test", TestAsync),
    ];

    private async Task ListAsync(HttpContext context)
    {
        if (await plane.AuthenticateForServerAsync(context).ConfigureAwait(false) is null)
        {
            return;
        }

        var query = new RecordQuery(context);
        int limit = query.Limit();
        long before = query.Before();
        if (query.Error is not null)
        {
            await Problem.WriteAsync(context, query.Error).ConfigureAwait(false);
            return;
        }

        List<DeliveryView> rows = await store.ReadAsync(statements => WebhookTable.Read(statements, before, limit + 1), context.RequestAborted).ConfigureAwait(false);
        string? next = query.Next(rows, limit, row => row.Id.ToString(CultureInfo.InvariantCulture));
        await Answer.JsonAsync(context, StatusCodes.Status200OK, new DeliveryListView(rows, next), RecordJson.Default.DeliveryListView).ConfigureAwait(false);
    }

    private async Task TestAsync(HttpContext context)
    {
        if (await plane.AuthenticateForServerAsync(context).ConfigureAwait(false) is null)
        {
            return;
        }

        if (outbox.IsEmpty)
        {
            await Problem.WriteAsync(
                context, StatusCodes.Status409Conflict, "no-webhooks", "No URL is configured, so nobody would get it.", "V100:Webhooks:Urls", "http:// or https:// URLs").ConfigureAwait(false);
            return;
        }

        await (outbox.Test() is { } body
            ? Answer.JsonAsync(context, StatusCodes.Status202Accepted, new WebhookTestView(body.Id), RecordJson.Default.WebhookTestView)
            : Problem.BusyAsync(context, "overloaded", "Too much waits for the store; try again.")).ConfigureAwait(false);
    }
}
