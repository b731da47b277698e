using V100.Server.Configuration;

namespace V100.Server.Control;

/// <summary>What the control plane needs of the TURN relay. Members may be called from any thread.</summary>
internal interface IRelays
{
    /// <summary>Allocations that live now.</summary>
    int AllocationCount { get; }

    /// <summary>A page of the allocations, in the order of their ids.</summary>
    /// <param name="after">The last id of the page before; null for the first page.</param>
    /// <param name="limit">The most that are wanted.</param>
    AllocationListView ListAllocations(string? after, int limit);

    /// <summary>Asks the allocation's worker to end it at once.</summary>
    AllocationDeletion DeleteAllocation(string id);

    /// <summary>The last peers that clients were refused, the latest first.</summary>
    DenialListView ListDenials();

    /// <summary>Puts users, secrets and peer rules in force; no allocation ends by it.</summary>
    void Reload(ServerOptions options);

    /// <summary>While draining, new allocations are refused and those that live go on.</summary>
    void BeginDrain();
}

internal enum AllocationDeletion
{
    Deleted,
    NotFound,

    /// <summary>The worker's mailbox is full: 503.</summary>
    Overloaded,
}
