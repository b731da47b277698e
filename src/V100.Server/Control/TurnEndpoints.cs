using System.Globalization;

namespace V100.Server.Control;

/// <summary><c>/v1/turn</c>: who relays what, for the operator.</summary>
internal sealed class TurnEndpoints(ControlPlane plane)
{
    private const int DefaultLimit = 1000;
    private const int MaxLimit = 10_000;

    public IEnumerable<ApiRoute> Routes =>
    [
        new("GET", "/v1/turn/allocations", ListAsync),
        new("DELETE", "/v1/turn/allocations/{id}", DeleteAsync),
        new("GET", "/v1/turn/denials", DenialsAsync),
    ];

    private async Task ListAsync(HttpContext context)
    {
        if (!await MayAsync(context).ConfigureAwait(false))
        {
            return;
        }

        string text = context.Request.Query["limit"].ToString();
        int limit = DefaultLimit;
        if (text.Length > 0 && (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out limit) || limit is < 1 or > MaxLimit))
        {
            await Problem.WriteAsync(context, new FieldError("limit", $"The value \"{text}\" of \"limit\" is not allowed.", $"a whole number from 1 to {MaxLimit}")).ConfigureAwait(false);
            return;
        }

        string? after = context.Request.Query["after"];
        await Answer.JsonAsync(context, StatusCodes.Status200OK, plane.Relays.ListAllocations(after, limit), ControlJson.Default.AllocationListView).ConfigureAwait(false);
    }

    private async Task DeleteAsync(HttpContext context)
    {
        if (!await MayAsync(context).ConfigureAwait(false))
        {
            return;
        }

        string id = PathSegment.Read(context, "id") ?? "";
        await (plane.Relays.DeleteAllocation(id) switch
        {
            AllocationDeletion.Deleted => Answer.EmptyAsync(context, StatusCodes.Status204NoContent),
            AllocationDeletion.Overloaded => Problem.BusyAsync(context, "overloaded", "The allocation's worker has too many requests waiting; try again."),
            _ => Problem.WriteAsync(context, StatusCodes.Status404NotFound, "allocation-not-found", "There is no such allocation; it may have ended.", "id"),
        }).ConfigureAwait(false);
    }

    private async Task DenialsAsync(HttpContext context)
    {
        if (await MayAsync(context).ConfigureAwait(false))
        {
            await Answer.JsonAsync(context, StatusCodes.Status200OK, plane.Relays.ListDenials(), ControlJson.Default.DenialListView).ConfigureAwait(false);
        }
    }

    private async ValueTask<bool> MayAsync(HttpContext context) => await plane.AuthenticateForServerAsync(context).ConfigureAwait(false) is not null;
}
