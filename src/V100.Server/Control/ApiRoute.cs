namespace V100.Server.Control;

/// <summary>One operation of the API. HEAD follows GET, and OPTIONS every path.</summary>
/// <param name="Method">The HTTP method.</param>
/// <param name="Pattern">The path, with <c>{room}</c>, <c>{identity}</c> and <c>{id}</c>.</param>
/// <param name="Handler">Answers; a refusal is answered with a <see cref="Problem"/>, never thrown.</param>
internal sealed record ApiRoute(string Method, string Pattern, RequestDelegate Handler)
{
    /// <summary>The media type of POST and PATCH bodies, for Accept-Post and Accept-Patch.</summary>
    public string? Accepts { get; init; }

    /// <summary>Whether openapi.json lists it; the page's own files are not part of the API.</summary>
    public bool InApi { get; init; } = true;
}
