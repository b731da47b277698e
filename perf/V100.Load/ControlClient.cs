using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace V100.Load;

/// <summary>A session that the server opened.</summary>
/// <param name="Answer">SDP.</param>
/// <param name="Path">Where it is asked to change and to end.</param>
/// <param name="Authorization">Of who opened it.</param>
internal sealed record OpenSession(string Answer, string Path, AuthenticationHeaderValue Authorization);

/// <summary>The calls of the control API that a load run makes.</summary>
internal sealed class ControlClient : IDisposable
{
    private readonly HttpClient _http;
    private readonly AuthenticationHeaderValue _key;

    /// <param name="url">A loopback URL; no proxy and no redirect leads away from it.</param>
    /// <param name="key">The API key's id.</param>
    /// <param name="secret">Its secret.</param>
    public ControlClient(Uri url, string key, string secret)
    {
        _http = new HttpClient(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false }) { BaseAddress = url, Timeout = TimeSpan.FromSeconds(20) };
        _key = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{key}:{secret}")));
    }

    public async Task<string> CreateTokenAsync(string room, string identity)
    {
        string body = JsonSerializer.Serialize(new { room, identity });
        string answer = await SendAsync(HttpMethod.Post, "/v1/tokens", _key, body, "application/json").ConfigureAwait(false);
        using JsonDocument document = JsonDocument.Parse(answer);
        return document.RootElement.GetProperty("token").GetString()!;
    }

    /// <summary>Posts an offer.</summary>
    public Task<OpenSession> PublishAsync(string room, string token, string offer) => OpenAsync($"/v1/rooms/{room}/whip", token, offer);

    public Task<OpenSession> PlayAsync(string room, string token, string publisher, string offer) =>
        OpenAsync($"/v1/rooms/{room}/whep?participant={publisher}", token, offer);

    /// <summary>Ends a session.</summary>
    public Task EndAsync(OpenSession session) => SendAsync(HttpMethod.Delete, session.Path, session.Authorization, null, "");

    /// <summary>New credentials of the client's; returns the server's.</summary>
    public Task<string> RestartIceAsync(OpenSession session, string fragment) =>
        SendAsync(HttpMethod.Patch, session.Path, session.Authorization, fragment, "application/trickle-ice-sdpfrag", ifMatch: "*");

    public Task LimitLayerAsync(OpenSession session, string maxLayer) =>
        SendAsync(HttpMethod.Patch, $"{session.Path}/layer", session.Authorization, JsonSerializer.Serialize(new { maxLayer }), "application/json");

    /// <summary>Ends every session in it.</summary>
    public Task DeleteRoomAsync(string room) => SendAsync(HttpMethod.Delete, $"/v1/rooms/{room}", _key, null, "");

    /// <summary>The sum of each metric whose name is asked for, over its labels.</summary>
    public async Task<Dictionary<string, double>> ReadMetricsAsync(params string[] names)
    {
        string text = await SendAsync(HttpMethod.Get, "/metrics", _key, null, "").ConfigureAwait(false);
        var sums = names.ToDictionary(name => name, _ => 0.0);
        foreach (string line in text.Split('\n').Where(line => line.Length > 0 && line[0] != '#'))
        {
            string name = line[..line.AsSpan().IndexOfAny('{', ' ')];
            if (sums.ContainsKey(name))
            {
                sums[name] += double.Parse(line[(line.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture);
            }
        }

        return sums;
    }

    private async Task<OpenSession> OpenAsync(string path, string token, string offer)
    {
        var authorization = new AuthenticationHeaderValue("Bearer", token);
        using HttpResponseMessage response = await AskAsync(HttpMethod.Post, path, authorization, offer, "application/sdp").ConfigureAwait(false);
        string answer = await response.Content.ReadAsStringAsync().ConfigureAwait(false);
        return new OpenSession(answer, response.Headers.Location?.OriginalString ?? throw new LoadFailedException($"{path} names no session"), authorization);
    }

    private async Task<string> SendAsync(HttpMethod method, string path, AuthenticationHeaderValue authorization, string? body, string type, string? ifMatch = null)
    {
        using HttpResponseMessage response = await AskAsync(method, path, authorization, body, type, ifMatch).ConfigureAwait(false);
        return await response.Content.ReadAsStringAsync().ConfigureAwait(false);
    }

    /// <exception cref="LoadFailedException">It cannot be reached, or says no.</exception>
    private async Task<HttpResponseMessage> AskAsync(HttpMethod method, string path, AuthenticationHeaderValue authorization, string? body, string type, string? ifMatch = null)
    {
        using var request = new HttpRequestMessage(method, path);
        request.Headers.Authorization = authorization;
        request.Content = body is null ? null : new StringContent(body, Encoding.UTF8, new MediaTypeHeaderValue(type));
        if (ifMatch is not null)
        {
            request.Headers.TryAddWithoutValidation("If-Match", ifMatch);
        }

        try
        {
            HttpResponseMessage response = await _http.SendAsync(request).ConfigureAwait(false);
            if (response.IsSuccessStatusCode)
            {
                return response;
            }

            string text = await response.Content.ReadAsStringAsync().ConfigureAwait(false);
            response.Dispose();
            throw new LoadFailedException($"{method} {path}: {(int)response.StatusCode} {text}");
        }
        catch (Exception failure) when (failure is HttpRequestException or TaskCanceledException)
        {
            throw new LoadFailedException($"{method} {path}: {failure.Message}");
        }
    }

    public void Dispose() => _http.Dispose();
}
