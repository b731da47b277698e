using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text.Json;
using V100.Server.Control;

namespace V100.Server.Webhooks;

/// <summary>Posts bodies, each signed. It follows no redirect, uses no proxy, and reads nothing of the answer but its status.</summary>
internal sealed class WebhookSender(TimeProvider time)
{
    public const string MediaType = "application/webhook+json";
    private const int TokenLifetimeSeconds = 300;
    private const int MaxAnswerBytes = 64 * 1024;
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan AnswerTimeout = TimeSpan.FromSeconds(10);

    /// <summary>Names may come to stand for other addresses.</summary>
    private static readonly TimeSpan ConnectionLifetime = TimeSpan.FromMinutes(2);

    /// <summary>Made for the first post: a server without webhooks needs none.</summary>
    private readonly Lazy<HttpClient> _http = new(() => new HttpClient(new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        UseProxy = false,
        UseCookies = false,
        ConnectTimeout = ConnectTimeout,
        PooledConnectionLifetime = ConnectionLifetime,
        MaxResponseDrainSize = MaxAnswerBytes,
    })
    {
        Timeout = AnswerTimeout,
    });

    /// <summary>The keys, of which the first signs. Set before anything is posted.</summary>
    public ApiKeyRing? Keys { get; set; }

    public async Task<AttemptResult> PostAsync(string url, byte[] body, CancellationToken cancellation)
    {
        if (Keys?.Signing is not var (key, secret))
        {
            return new AttemptResult(null, "There is no API key to sign with.");
        }

        using HttpRequestMessage request = new(HttpMethod.Post, url) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue(MediaType);

        // Bare: no scheme stands in front of the token.
        request.Headers.TryAddWithoutValidation("Authorization", Sign(body, key, secret));
        try
        {
            using HttpResponseMessage response = await _http.Value.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation).ConfigureAwait(false);
            return new AttemptResult((int)response.StatusCode, response.IsSuccessStatusCode ? null : $"The receiver answered {(int)response.StatusCode}.");
        }
        catch (HttpRequestException exception)
        {
            return new AttemptResult(null, exception.Message);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return new AttemptResult(null, $"No answer came within {AnswerTimeout.TotalSeconds:0} s.");
        }
    }

    public void Close()
    {
        if (_http.IsValueCreated)
        {
            _http.Value.Dispose();
        }
    }

    private string Sign(byte[] body, string key, byte[] secret)
    {
        long now = time.GetUtcNow().ToUnixTimeSeconds();
        var claims = new WebhookClaims(key, now, now + TokenLifetimeSeconds, Convert.ToBase64String(SHA256.HashData(body)));
        return AccessToken.Sign(JsonSerializer.SerializeToUtf8Bytes(claims, WebhookJson.Default.WebhookClaims), secret);
    }
}
