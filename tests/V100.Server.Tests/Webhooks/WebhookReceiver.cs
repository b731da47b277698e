using System.Text.Json;
using System.Threading.Channels;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace V100.Server.Tests.Webhooks;

/// <summary>A post as it came.</summary>
internal sealed record ReceivedPost(string Path, byte[] Body, string? Type, string Authorization)
{
    public JsonElement Json => JsonDocument.Parse(Body).RootElement;
    public string Event => Json.GetProperty("event").GetString()!;
    public string? Room => Json.TryGetProperty("room", out JsonElement room) ? room.GetString() : null;
}

/// <summary>An HTTP server on loopback that takes posts and answers as the test says.</summary>
internal sealed class WebhookReceiver : IAsyncDisposable
{
    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(20);

    private readonly WebApplication _app;
    private readonly Channel<ReceivedPost> _posts = Channel.CreateUnbounded<ReceivedPost>();

    private WebhookReceiver()
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        _app = builder.Build();
        _app.Run(AnswerAsync);
    }

    /// <summary>The status for each post; it may take its time.</summary>
    public Func<ReceivedPost, Task<int>> Answer { get; set; } = _ => Task.FromResult(204);

    public string Url(string path) => _app.Urls.Single() + path;

    public static async Task<WebhookReceiver> StartAsync()
    {
        WebhookReceiver receiver = new();
        await receiver._app.StartAsync();
        return receiver;
    }

    public async Task<ReceivedPost> NextAsync()
    {
        using CancellationTokenSource limit = new(_limit);
        return await _posts.Reader.ReadAsync(limit.Token);
    }

    public bool HasNext => _posts.Reader.TryPeek(out _);

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    private async Task AnswerAsync(HttpContext context)
    {
        using MemoryStream body = new();
        await context.Request.Body.CopyToAsync(body);
        var post = new ReceivedPost(context.Request.Path, body.ToArray(), context.Request.ContentType, context.Request.Headers.Authorization.ToString());
        _posts.Writer.TryWrite(post);
        int status = await Answer(post);
        context.Response.StatusCode = status;
        if (status is >= 300 and < 400)
        {
            context.Response.Headers.Location = Url("/elsewhere");
        }
    }
}
