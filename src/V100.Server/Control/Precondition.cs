using Microsoft.Net.Http.Headers;

namespace V100.Server.Control;

/// <summary>
/// What a change demands of the state that it changes: <c>If-Match</c> (RFC 9110, 13.1.1). A tag stands for what can be changed, not for
/// figures that the same answer shows. Whoever makes the change asks in the moment of it, or another change could come between.
/// </summary>
internal sealed class Precondition
{
    private readonly string[]? _tags;

    private Precondition(string[]? tags)
    {
        _tags = tags;
    }

    /// <summary>Of a request without the header, or with <c>*</c>: that there is something to change.</summary>
    public static Precondition Exists { get; } = new(null);

    /// <summary>Null where the request has been answered with 400.</summary>
    public static async ValueTask<Precondition?> ReadAsync(HttpContext context)
    {
        if (context.Request.Headers.IfMatch.Count == 0)
        {
            return Exists;
        }

        if (EntityTagHeaderValue.TryParseStrictList(context.Request.Headers.IfMatch, out IList<EntityTagHeaderValue>? tags))
        {
            // RFC 9110, 8.8.3.2: the strong comparison, in which a weak tag is like none.
            return tags.Contains(EntityTagHeaderValue.Any) ? Exists : new Precondition([.. tags.Where(tag => !tag.IsWeak).Select(tag => tag.Tag.ToString())]);
        }

        await Problem.WriteAsync(context, new FieldError("If-Match", "The header is no list of entity tags.", "the ETag of an answer, several of them, or *")).ConfigureAwait(false);
        return null;
    }

    /// <param name="entityTag">Of the present state, with its quotes.</param>
    public bool Allows(string entityTag) => _tags is null || _tags.Contains(entityTag);
}
