using System.Text.Json;
using V100.Server.Control;

namespace V100.Server.Tests.Control;

public sealed class TurnEndpointsTests : IAsyncLifetime
{
    private readonly ScriptedRelays _relays = new();
    private RunningServer _server = null!;

    public async Task InitializeAsync() => _server = await RunningServer.StartWithRelaysAsync(_relays);

    public async Task DisposeAsync() => await _server.DisposeAsync();

    private static AllocationView Allocation(string id) => new(
        id, "alice", "1700000000:alice", "udp", "192.0.2.1:4000", "192.0.2.2:3478", "udp", "192.0.2.2:50000", null, 1.5, 600, 2, 1, 0, 10, 1000, 20, 2000);

    [Fact]
    public async Task Allocations_are_for_whoever_administers_every_room()
    {
        (await _server.SendAsync("GET", "/v1/turn/allocations")).Problem(401, "unauthorized");
        (await _server.SendAsync("GET", "/v1/turn/allocations", _server.JoinToken("me", "a"))).Problem(403, "forbidden");
        (await _server.SendAsync("GET", "/v1/turn/allocations", _server.AdminToken("a"))).Problem(403, "forbidden");
        (await _server.SendAsync("DELETE", "/v1/turn/allocations/1", _server.AdminToken("a"))).Problem(403, "forbidden");
        (await _server.SendAsync("GET", "/v1/turn/denials", _server.AdminToken("a"))).Problem(403, "forbidden");
        Assert.Equal(200, (await _server.SendAsync("GET", "/v1/turn/allocations", _server.AdminToken())).Code);
    }

    [Fact]
    public async Task Allocations_come_in_pages()
    {
        _relays.Allocations.AddRange([Allocation("a"), Allocation("b"), Allocation("c")]);
        JsonElement first = (await _server.SendAsync("GET", "/v1/turn/allocations?limit=2", _server.AdminToken())).Json;
        Assert.Equal(["a", "b"], first.GetProperty("allocations").EnumerateArray().Select(item => item.GetProperty("id").GetString()));
        Assert.Equal((3, "b"), (first.GetProperty("count").GetInt32(), first.GetProperty("next").GetString()));
        JsonElement second = (await _server.SendAsync("GET", "/v1/turn/allocations?limit=2&after=b", _server.AdminToken())).Json;
        JsonElement last = Assert.Single(second.GetProperty("allocations").EnumerateArray());
        Assert.Equal(("c", "alice", "192.0.2.2:50000", 2000), (
            last.GetProperty("id").GetString(), last.GetProperty("user").GetString(), last.GetProperty("relayed").GetString(), last.GetProperty("bytesToClient").GetInt64()));
        Assert.False(second.TryGetProperty("next", out _));
        Assert.False(last.TryGetProperty("additionalRelayed", out _));
    }

    [Theory]
    [InlineData("0")]
    [InlineData("10001")]
    [InlineData("-1")]
    [InlineData("all")]
    public async Task A_limit_out_of_bounds_is_refused_with_what_is_allowed(string limit) =>
        (await _server.SendAsync("GET", $"/v1/turn/allocations?limit={limit}", _server.AdminToken())).Problem(400, "invalid-field");

    [Fact]
    public async Task An_allocation_is_ended_by_DELETE_once()
    {
        _relays.Allocations.Add(Allocation("a"));
        Assert.Equal(204, (await _server.SendAsync("DELETE", "/v1/turn/allocations/a", _server.AdminToken())).Code);
        (await _server.SendAsync("DELETE", "/v1/turn/allocations/a", _server.AdminToken())).Problem(404, "allocation-not-found");
    }

    [Fact]
    public async Task Denials_say_who_wanted_what_and_why_not()
    {
        _relays.Denials.Add(new DenialView(3, "alice", "192.0.2.1:4000", "10.0.0.1:80", "CreatePermission", "denied_private"));
        JsonElement denial = Assert.Single((await _server.SendAsync("GET", "/v1/turn/denials", _server.AdminToken())).Json.GetProperty("denials").EnumerateArray());
        Assert.Equal(("10.0.0.1:80", "denied_private"), (denial.GetProperty("peer").GetString(), denial.GetProperty("reason").GetString()));
    }

    [Fact]
    public void A_reload_and_a_drain_reach_the_relay()
    {
        Assert.Null(_server.Host.Reload());
        Assert.NotNull(_relays.Reloaded);
        using ServerLifetime lifetime = new(_server.Host);
        lifetime.Terminate();
        Assert.True(_relays.IsDraining);
    }
}
