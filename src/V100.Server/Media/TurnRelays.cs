using System.Globalization;
using V100.Net;
using V100.Net.Sockets;
using V100.Server.Configuration;
using V100.Server.Control;
using V100.Turn;

namespace V100.Server.Media;

/// <summary>The relay as the control API wants it, over the <see cref="MediaPlane"/>.</summary>
internal sealed class TurnRelays(MediaPlane plane) : IRelays
{
    public int AllocationCount => plane.Turn.Directory.Count;

    public AllocationListView ListAllocations(string? after, int limit)
    {
        ulong last = TryParse(after, out AllocationId afterId) ? afterId.Value : 0;
        AllocationRecord[] page = [.. plane.Turn.Directory.Allocations.Where(allocation => allocation.Id.Value > last).OrderBy(allocation => allocation.Id.Value).Take(limit + 1)];
        Instant now = MonotonicClock.Now;
        AllocationView[] views = [.. page.Take(limit).Select(allocation => ViewOf(allocation, now))];
        return new AllocationListView(views, AllocationCount, page.Length > limit ? views[^1].Id : null);
    }

    public AllocationDeletion DeleteAllocation(string id)
    {
        if (!TryParse(id, out AllocationId allocation) || !plane.Turn.Directory.TryFind(allocation, out AllocationRecord _))
        {
            return AllocationDeletion.NotFound;
        }

        return plane.Drivers[allocation.Shard].TurnMailbox.TryPost(new TurnCommand(TurnCommandKind.Delete, allocation))
            ? AllocationDeletion.Deleted
            : AllocationDeletion.Overloaded;
    }

    public DenialListView ListDenials()
    {
        Instant now = MonotonicClock.Now;
        return new DenialListView(
        [
            .. plane.Drivers.SelectMany(driver => driver.Relay.Shard.Denials.Read())
                .OrderByDescending(denial => denial.At)
                .Select(denial => new DenialView(
                    (now - denial.At).TotalSeconds, denial.User, denial.Client.ToString(), denial.Peer.ToString(),
                    denial.Use.ToString(), SnakeCase.Of(denial.Verdict.ToString()))),
        ]);
    }

    public void Reload(ServerOptions options) => plane.Reload(options);

    public void BeginDrain() => plane.Turn.IsDraining = true;

    private static bool TryParse(string? id, out AllocationId allocation)
    {
        bool parsed = ulong.TryParse(id, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong value);
        allocation = new AllocationId(value);
        return parsed;
    }

    private static AllocationView ViewOf(AllocationRecord allocation, Instant now) => new(
        allocation.Id.Value.ToString("x16", CultureInfo.InvariantCulture),
        allocation.User,
        allocation.Username,
        allocation.Client.Transport.ToString().ToLowerInvariant(),
        allocation.Client.Client.OverUdp().ToString(),
        allocation.Client.Server.OverUdp().ToString(),
        allocation.Transport.ToString().ToLowerInvariant(),
        allocation.Relayed.ToString(),
        allocation.AdditionalRelayed == default ? null : allocation.AdditionalRelayed.ToString(),
        (now - allocation.CreatedAt).TotalSeconds,
        Math.Max(0, (allocation.ExpiresAt - now).TotalSeconds),
        allocation.Permissions,
        allocation.Channels,
        allocation.Connections,
        allocation.PacketsToPeer,
        allocation.BytesToPeer,
        allocation.PacketsToClient,
        allocation.BytesToClient);
}
