using System.Globalization;
using System.Text.RegularExpressions;
using V100.Server.Control;

namespace V100.Server.Tests.Control;

public sealed partial class ServiceEndpointsTests
{
    [Fact]
    public async Task Health_and_readiness_are_told()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        Assert.Equal("alive", (await server.SendAsync("GET", "/healthz")).Json.GetProperty("status").GetString());
        Assert.Equal("ready", (await server.SendAsync("GET", "/readyz")).Json.GetProperty("status").GetString());
    }

    [Fact]
    public async Task Metrics_are_well_formed_and_grouped()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        server.Host.Metrics.Add(() => [new("v100_test_total", "A test.", MetricKind.Counter, "worker=\"0\"", 1.5), new("v100_other", "Another.", MetricKind.Gauge, "", 2), new("v100_test_total", "A test.", MetricKind.Counter, "worker=\"1\"", 3e9)]);
        Reply reply = await server.SendAsync("GET", "/metrics");
        Assert.Equal((200, "text/plain"), (reply.Code, reply.Type));
        Assert.Contains("# HELP v100_test_total A test.\n# TYPE v100_test_total counter\nv100_test_total{worker=\"0\"} 1.5\nv100_test_total{worker=\"1\"} 3000000000\n", reply.Body);

        HashSet<string> seen = [];
        string family = "";
        foreach (string line in reply.Body.TrimEnd('\n').Split('\n'))
        {
            if (line.StartsWith("# TYPE ", StringComparison.Ordinal))
            {
                family = line.Split(' ')[2];
                Assert.True(seen.Add(family), $"{family} stands twice");
            }
            else if (!line.StartsWith('#'))
            {
                Match match = Sample().Match(line);
                Assert.True(match.Success, line);
                Assert.Equal(family, match.Groups[1].Value);
                Assert.True(double.TryParse(match.Groups[2].Value, NumberStyles.Float, CultureInfo.InvariantCulture, out _), line);
            }
        }

        foreach (string name in new[] { "v100_sessions", "v100_rooms", "v100_uptime_seconds", "process_resident_memory_bytes", "dotnet_gc_collections_total", "v100_tcp_connections" })
        {
            Assert.Contains(name, seen);
        }
    }

    [Fact]
    public async Task Reload_takes_new_keys_drops_old_ones_and_keeps_everything_when_the_file_is_bad()
    {
        string file = Path.Combine(Path.GetTempPath(), $"v100-{Guid.NewGuid():N}.json");
        try
        {
            await File.WriteAllTextAsync(file, """{"V100":{"ApiKeys":{"old":"0123456789abcdef0123456789abcdef"}}}""");
            await using RunningServer server = await RunningServer.StartAsync("--config", file);
            const string old = "Basic b2xkOjAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVm";
            Assert.Equal(200, (await ListAsync(old)).Code);
            (await server.SendAsync("POST", "/v1/admin/reload")).Problem(401, "unauthorized");
            (await server.SendAsync("POST", "/v1/admin/reload", server.AdminToken())).Problem(403, "forbidden");

            await File.WriteAllTextAsync(file, """{"V100":{"ApiKeys":{"new":"short"}}}""");
            Assert.Contains("V100:ApiKeys:new", (await server.SendAsync("POST", "/v1/admin/reload", "basic")).Problem(422, "bad-configuration").GetProperty("detail").GetString());
            Assert.Equal(200, (await ListAsync(old)).Code);

            await File.WriteAllTextAsync(file, """{"V100":{"Turn":{"Secrets":["fresh"]}}}""");
            Assert.Equal(204, (await server.SendAsync("POST", "/v1/admin/reload", "basic")).Code);
            (await ListAsync(old)).Problem(401, "unauthorized");
            Assert.Equal(2, (await server.SendAsync("GET", "/v1/ice-servers", "basic")).Json.GetProperty("iceServers").GetArrayLength());

            Task<Reply> ListAsync(string authorization) => server.SendAsync("GET", "/v1/rooms", null, null, "", "Authorization", authorization);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [GeneratedRegex("""^([a-z_0-9]+)(?:\{[a-z]+="[^"]*"\})? (\S+)$""")]
    private static partial Regex Sample();
}
