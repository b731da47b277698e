using System.Globalization;
using V100.Server.Audit;
using V100.Server.Storage;

namespace V100.Server.Control;

/// <summary><c>/v1/audit</c>: who did what with administrative rights.</summary>
internal sealed class AuditEndpoints(ControlPlane plane, Store store)
{
    private static readonly TimeSpan LongestSpan = TimeSpan.FromDays(36_600);

    public IEnumerable<ApiRoute> Routes => [new("GET", "/v1/audit", GetAsync)];

    private async Task GetAsync(HttpContext context)
    {
        if (await plane.AuthenticateForServerAsync(context).ConfigureAwait(false) is null)
        {
            return;
        }

        var query = new RecordQuery(context);
        int limit = query.Limit();
        (DateTimeOffset from, DateTimeOffset to) = query.Span(plane.Time.GetUtcNow(), LongestSpan);
        long before = query.Before();
        if (query.Error is not null)
        {
            await Problem.WriteAsync(context, query.Error).ConfigureAwait(false);
            return;
        }

        List<AuditView> rows = await store.ReadAsync(
            statements => AuditTable.Read(statements, from.ToUnixTimeMilliseconds(), to.ToUnixTimeMilliseconds(), before, limit + 1), context.RequestAborted).ConfigureAwait(false);
        string? next = query.Next(rows, limit, row => row.Id.ToString(CultureInfo.InvariantCulture));
        await Answer.JsonAsync(context, StatusCodes.Status200OK, new AuditListView(rows, next), RecordJson.Default.AuditListView).ConfigureAwait(false);
    }
}
