using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace V100.Server.Control;

/// <summary>Successful answers.</summary>
internal static class Answer
{
    public static Task JsonAsync<T>(HttpContext context, int status, T value, JsonTypeInfo<T> type, string mediaType = "application/json") =>
        BytesAsync(context, status, JsonSerializer.SerializeToUtf8Bytes(value, type), mediaType);

    public static Task TextAsync(HttpContext context, int status, string text, string mediaType) =>
        BytesAsync(context, status, Encoding.UTF8.GetBytes(text), mediaType);

    public static Task EmptyAsync(HttpContext context, int status)
    {
        context.Response.StatusCode = status;
        return Task.CompletedTask;
    }

    public static Task BytesAsync(HttpContext context, int status, ReadOnlyMemory<byte> bytes, string mediaType)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = mediaType;
        context.Response.ContentLength = bytes.Length;
        return HttpMethods.IsHead(context.Request.Method) ? Task.CompletedTask : context.Response.Body.WriteAsync(bytes, context.RequestAborted).AsTask();
    }
}
