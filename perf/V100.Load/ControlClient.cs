using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace V100.Load;

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

    /// <summary>Posts an offer; returns the answer.</summary>
    public Task<string> PublishAsync(string room, string token, string offer) =>
        SendAsync(HttpMethod.Post, $"/v1/rooms/{room}/whip", new AuthenticationHeaderValue("Bearer", token), offer, "application/sdp");

    public Task<string> PlayAsync(string room, string token, string publisher, string offer) =>
        SendAsync(HttpMethod.Post, $"/v1/rooms/{room}/whep?participant={publisher}", new AuthenticationHeaderValue("Bearer", token), offer, "application/sdp");

    /// <summary>Ends every session in it.</summary>
    public Task DeleteRoomAsync(string room) => SendAsync(HttpMethod.Delete, $"/v1/rooms/{room}", _key, null, "");

    private async Task<string> SendAsync(HttpMethod method, string path, AuthenticationHeaderValue authorization, string? body, string type)
    {
        using var request = new HttpRequestMessage(method, path);
        request.Headers.Authorization = authorization;
        request.Content = body is null ? null : new StringContent(body, Encoding.UTF8, new MediaTypeHeaderValue(type));
        try
        {
            using HttpResponseMessage response = await _http.SendAsync(request).ConfigureAwait(false);
            string text = await response.Content.ReadAsStringAsync().ConfigureAwait(false);
            return response.IsSuccessStatusCode ? text : throw new LoadFailedException($"{method} {path}: {(int)response.StatusCode} {text}");
        }
        catch (Exception failure) when (failure is HttpRequestException or TaskCanceledException)
        {
            throw new LoadFailedException($"{method} {path}: {failure.Message}");
        }
    }

    public void Dispose() => _http.Dispose();
}
