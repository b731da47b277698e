using System.Text;
using Microsoft.Net.Http.Headers;

namespace V100.Server.Control;

/// <summary>Reads request bodies: bounded, of one media type, in UTF-8. A false result has been answered.</summary>
internal static class RequestBody
{
    /// <summary>The largest body of any request.</summary>
    public const int MaxBytes = 64 * 1024;

    private static readonly UTF8Encoding Strict = new(false, true);

    public static async ValueTask<JsonFields?> ReadJsonAsync(HttpContext context)
    {
        byte[]? bytes = await ReadAsync(context, "application/json").ConfigureAwait(false);
        if (bytes is null)
        {
            return null;
        }

        if (JsonFields.TryParse(bytes, out JsonFields fields))
        {
            return fields;
        }

        await Problem.WriteAsync(context, fields?.Error ?? new FieldError("", "The body is not JSON.", "a JSON object")).ConfigureAwait(false);
        return null;
    }

    /// <summary>One object, or an array of at most <paramref name="maxCount"/>; null where the request has been answered.</summary>
    public static async ValueTask<IReadOnlyList<JsonFields>?> ReadJsonListAsync(HttpContext context, int maxCount)
    {
        byte[]? bytes = await ReadAsync(context, "application/json").ConfigureAwait(false);
        if (bytes is null)
        {
            return null;
        }

        if (JsonFields.TryParseList(bytes, maxCount, out IReadOnlyList<JsonFields> list))
        {
            return list;
        }

        string allowed = string.Create(System.Globalization.CultureInfo.InvariantCulture, $"a JSON object, or an array of 1 to {maxCount} of them");
        await Problem.WriteAsync(context, new FieldError("", "The body is not what this takes.", allowed)).ConfigureAwait(false);
        return null;
    }

    public static async ValueTask<string?> ReadTextAsync(HttpContext context, string mediaType)
    {
        byte[]? bytes = await ReadAsync(context, mediaType).ConfigureAwait(false);
        try
        {
            return bytes is null ? null : Strict.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            await Problem.WriteAsync(context, new FieldError("", "The body is not UTF-8.", "UTF-8")).ConfigureAwait(false);
            return null;
        }
    }

    private static async ValueTask<byte[]?> ReadAsync(HttpContext context, string mediaType)
    {
        bool parsed = MediaTypeHeaderValue.TryParse(context.Request.ContentType, out MediaTypeHeaderValue? type);
        if (!parsed || !type!.MediaType.Equals(mediaType, StringComparison.OrdinalIgnoreCase))
        {
            // RFC 9110, 15.5.16: say what would be understood.
            context.Response.Headers[HttpMethods.IsPatch(context.Request.Method) ? "Accept-Patch" : "Accept-Post"] = mediaType;
            await Problem.WriteAsync(context, StatusCodes.Status415UnsupportedMediaType, "unsupported-media-type",
                $"The body's Content-Type is \"{context.Request.ContentType}\".", "Content-Type", mediaType).ConfigureAwait(false);
            return null;
        }

        using MemoryStream body = new();
        byte[] chunk = new byte[4096];
        while (true)
        {
            int read = await context.Request.Body.ReadAsync(chunk, context.RequestAborted).ConfigureAwait(false);
            if (read == 0)
            {
                return body.ToArray();
            }

            body.Write(chunk, 0, read);
            if (body.Length > MaxBytes)
            {
                await TooLargeAsync(context).ConfigureAwait(false);
                return null;
            }
        }
    }

    public static Task TooLargeAsync(HttpContext context) => Problem.WriteAsync(
        context, StatusCodes.Status413PayloadTooLarge, "body-too-large", "The body is too large.", "", $"at most {MaxBytes} bytes");
}
