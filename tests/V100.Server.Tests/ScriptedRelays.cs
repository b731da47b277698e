using V100.Server.Configuration;
using V100.Server.Control;

namespace V100.Server.Tests;

/// <summary>A relay without packets: the allocations and denials that a test gives it.</summary>
internal sealed class ScriptedRelays : IRelays
{
    public List<AllocationView> Allocations { get; } = [];
    public List<DenialView> Denials { get; } = [];
    public bool IsDraining { get; private set; }
    public ServerOptions? Reloaded { get; private set; }

    public int AllocationCount => Allocations.Count;

    public AllocationListView ListAllocations(string? after, int limit)
    {
        AllocationView[] page = [.. Allocations.Where(allocation => string.CompareOrdinal(allocation.Id, after) > 0).Take(limit + 1)];
        return new AllocationListView([.. page.Take(limit)], Allocations.Count, page.Length > limit ? page[limit - 1].Id : null);
    }

    public AllocationDeletion DeleteAllocation(string id) =>
        Allocations.RemoveAll(allocation => allocation.Id == id) > 0 ? AllocationDeletion.Deleted : AllocationDeletion.NotFound;

    public DenialListView ListDenials() => new(Denials);

    public void Reload(ServerOptions options) => Reloaded = options;

    public void BeginDrain() => IsDraining = true;
}
