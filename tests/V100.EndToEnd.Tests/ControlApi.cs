using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;

namespace V100.EndToEnd.Tests;

/// <summary>The control API as a backend calls it: HTTP Basic with the API key and secret.</summary>
internal sealed class ControlApi : IDisposable
{
    private readonly HttpClient _http;

    public ControlApi(Uri url)
    {
        // Straight to the server, whatever proxy the machine has.
        _http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = url, Timeout = TimeSpan.FromSeconds(10) };
        string pair = $"{ServerProcess.ApiKey}:{ServerProcess.ApiSecret}";
        _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(pair)));
    }

    public async Task<string> TokenAsync(string room, string identity)
        => (await PostAsync("/v1/tokens", new { room, identity })).GetProperty("token").GetString()!;

    /// <summary>A token for every room, with which the page mints those of its participants.</summary>
    public async Task<string> AdminTokenAsync()
        => (await PostAsync("/v1/tokens", new { roomAdmin = true, roomCreate = true, roomList = true }))
            .GetProperty("token").GetString()!;

    /// <summary>As SIGHUP does; returns when it is done.</summary>
    public async Task ReloadAsync()
    {
        using HttpResponseMessage response = await _http.PostAsync(new Uri("/v1/admin/reload", UriKind.Relative), null);
        Assert.True(response.IsSuccessStatusCode, $"POST of a reload: {(int)response.StatusCode} {await response.Content.ReadAsStringAsync()}");
    }

    /// <summary>What a client's getStats says of its session.</summary>
    public async Task PostBeaconAsync(string session, JsonElement figures)
    {
        var beacon = figures.EnumerateObject().ToDictionary(figure => figure.Name, figure => (object)figure.Value);
        beacon["session"] = session;
        using HttpResponseMessage response = await _http.PostAsJsonAsync(new Uri("/v1/beacons", UriKind.Relative), beacon);
        Assert.True(response.StatusCode == HttpStatusCode.Accepted, $"POST of a beacon: {(int)response.StatusCode} {await response.Content.ReadAsStringAsync()}");
    }

    public Task CreateRoomAsync(string name) => PostAsync("/v1/rooms", new { name });

    public async Task<HttpStatusCode> DeleteRoomAsync(string name)
    {
        using HttpResponseMessage response = await _http.DeleteAsync(new Uri($"/v1/rooms/{name}", UriKind.Relative));
        return response.StatusCode;
    }

    /// <summary>Ends every TURN allocation, each by its DELETE.</summary>
    public async Task DeleteAllocationsAsync()
    {
        foreach (JsonElement allocation in (await GetAsync("/v1/turn/allocations")).GetProperty("allocations").EnumerateArray())
        {
            using HttpResponseMessage response = await _http.DeleteAsync(new Uri($"/v1/turn/allocations/{allocation.GetProperty("id").GetString()}", UriKind.Relative));
            Assert.True(response.StatusCode is HttpStatusCode.NoContent or HttpStatusCode.NotFound, $"DELETE of an allocation: {response.StatusCode}");
        }
    }

    public async Task<HttpStatusCode> DeleteSessionAsync(string path)
    {
        using HttpResponseMessage response = await _http.DeleteAsync(new Uri(path, UriKind.Relative));
        return response.StatusCode;
    }

    public async Task<HttpStatusCode> StatusAsync(string path)
    {
        using HttpResponseMessage response = await _http.GetAsync(new Uri(path, UriKind.Relative));
        return response.StatusCode;
    }

    public async Task<JsonElement> GetAsync(string path) => await _http.GetFromJsonAsync<JsonElement>(new Uri(path, UriKind.Relative));

    /// <summary>Every gauge of /metrics that counts what sessions hold (see <see cref="Gauges"/>).</summary>
    public async Task<Gauges> GaugesAsync() => Gauges.Parse(await _http.GetStringAsync(new Uri("/metrics", UriKind.Relative)));

    /// <summary>One sample of /metrics, named with its labels as it stands there.</summary>
    public async Task<double> MetricAsync(string sample)
    {
        string[] lines = (await _http.GetStringAsync(new Uri("/metrics", UriKind.Relative))).Split('\n');
        string line = lines.Single(line => line.StartsWith(sample + " ", StringComparison.Ordinal));
        return double.Parse(line[(sample.Length + 1)..], CultureInfo.InvariantCulture);
    }

    /// <summary>Posts an offer as an API key may, for any participant of the room.</summary>
    public async Task<(HttpStatusCode Status, string? Session, string Body)> OfferAsync(string room, string kind, string participant, string offer)
    {
        using StringContent body = new(offer, Encoding.UTF8, "application/sdp");
        using HttpResponseMessage response = await _http.PostAsync(new Uri($"/v1/rooms/{room}/{kind}?participant={participant}", UriKind.Relative), body);
        return (response.StatusCode, response.Headers.Location?.ToString(), await response.Content.ReadAsStringAsync());
    }

    public void Dispose() => _http.Dispose();

    private async Task<JsonElement> PostAsync(string path, object body)
    {
        using HttpResponseMessage response = await _http.PostAsJsonAsync(new Uri(path, UriKind.Relative), body);
        string text = await response.Content.ReadAsStringAsync();
        Assert.True(response.IsSuccessStatusCode, $"POST {path}: {(int)response.StatusCode} {text}");
        return JsonSerializer.Deserialize<JsonElement>(text);
    }
}

/// <summary>The gauges of /metrics that must return to where they began when every session has ended: sessions, peers, tracks, sockets, buffers.</summary>
internal sealed class Gauges(IReadOnlyDictionary<string, double> values)
{
    // What a process uses moves by itself; what sessions hold does not.
    private static readonly string[] _unsteady = ["process_", "dotnet_", "v100_uptime_seconds", "v100_draining", "v100_tcp_queue_memory_bytes"];

    public IReadOnlyDictionary<string, double> Values { get; } = values;

    public double this[string name] => Values.Where(item => item.Key == name || item.Key.StartsWith(name + "{", StringComparison.Ordinal)).Sum(item => item.Value);

    public static Gauges Parse(string text)
    {
        string[] lines = text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        HashSet<string> gauges = [.. lines.Where(line => line.StartsWith("# TYPE ", StringComparison.Ordinal) && line.EndsWith(" gauge", StringComparison.Ordinal))
            .Select(line => line.Split(' ')[2])];
        return new Gauges(lines.Where(line => line[0] != '#')
            .Select(line => (Name: line[..line.LastIndexOf(' ')], Value: line[(line.LastIndexOf(' ') + 1)..]))
            .Where(item => gauges.Contains(item.Name.Split('{')[0]))
            .Where(item => !_unsteady.Any(prefix => item.Name.StartsWith(prefix, StringComparison.Ordinal)))
            .ToDictionary(item => item.Name, item => double.Parse(item.Value, CultureInfo.InvariantCulture), StringComparer.Ordinal));
    }

    /// <summary>The gauges that differ, one a line; empty when none does.</summary>
    public string Difference(Gauges start)
        => string.Join('\n', Values.Keys.Union(start.Values.Keys)
            .Where(name => Values.GetValueOrDefault(name) != start.Values.GetValueOrDefault(name))
            .Select(name => string.Create(CultureInfo.InvariantCulture, $"{name}: {start.Values.GetValueOrDefault(name)} at the start, {Values.GetValueOrDefault(name)} now")));
}
