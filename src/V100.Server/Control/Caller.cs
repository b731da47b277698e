using System.Text;

namespace V100.Server.Control;

/// <summary>Who makes a request, and what they may do.</summary>
/// <param name="Key">The API key that vouches for them.</param>
/// <param name="Identity">The participant, or empty.</param>
/// <param name="Video">Their grants.</param>
/// <param name="Token">The token, or null with HTTP Basic.</param>
internal sealed record Caller(string Key, string Identity, VideoGrant Video, AccessToken? Token)
{
    public bool IsApiKey => Token is null;

    /// <summary>
    /// Reads <c>Authorization: Bearer</c> (RFC 6750) or <c>Basic</c> (RFC 7617).
    /// </summary>
    /// <param name="authorization">The header's value, or null.</param>
    /// <param name="keys">The API keys.</param>
    /// <param name="nowUnixSeconds">The time.</param>
    /// <param name="caller">Null where the result is not null.</param>
    /// <returns>Null, or a sentence that says why not.</returns>
    public static string? Authenticate(string? authorization, ApiKeyRing keys, long nowUnixSeconds, out Caller? caller)
    {
        caller = null;
        if (string.IsNullOrEmpty(authorization))
        {
            return "The request carries no Authorization header.";
        }

        int space = authorization.IndexOf(' ', StringComparison.Ordinal);
        string scheme = space < 0 ? authorization : authorization[..space];
        string credentials = space < 0 ? "" : authorization[(space + 1)..].Trim();
        if (scheme.Equals("Bearer", StringComparison.OrdinalIgnoreCase))
        {
            TokenRefusal refusal = AccessToken.Verify(credentials, keys, nowUnixSeconds, out AccessToken? token);
            caller = token is null ? null : new Caller(token.Issuer, token.Subject, token.Video, token);
            return Explain(refusal);
        }

        if (scheme.Equals("Basic", StringComparison.OrdinalIgnoreCase))
        {
            return Basic(credentials, keys, out caller);
        }

        return "The Authorization header has another scheme than Bearer or Basic.";
    }

    private static string? Basic(string credentials, ApiKeyRing keys, out Caller? caller)
    {
        caller = null;
        Span<byte> decoded = stackalloc byte[1024];
        if (credentials.Length > 1024 || !Convert.TryFromBase64String(credentials, decoded, out int length))
        {
            return "The Basic credentials are not base64.";
        }

        decoded = decoded[..length];
        int colon = decoded.IndexOf((byte)':');
        string key = colon < 0 ? "" : Encoding.UTF8.GetString(decoded[..colon]);
        if (colon < 0 || !keys.Matches(key, decoded[(colon + 1)..]))
        {
            return "The API key is not known, or its secret is another.";
        }

        caller = new Caller(key, "", VideoGrant.Everything, null);
        return null;
    }

    private static string? Explain(TokenRefusal refusal) => refusal switch
    {
        TokenRefusal.None => null,
        TokenRefusal.Malformed => "The token is malformed.",
        TokenRefusal.Algorithm => "The token's alg is not HS256.",
        TokenRefusal.UnknownKey => "The token's iss is no API key of this server.",
        TokenRefusal.Signature => "The token's signature does not match.",
        TokenRefusal.NoExpiry => "The token has no exp.",
        TokenRefusal.Expired => "The token has expired.",
        _ => "The token is not valid yet (nbf).",
    };
}
