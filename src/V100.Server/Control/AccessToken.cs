using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace V100.Server.Control;

/// <summary>Why a token was refused.</summary>
internal enum TokenRefusal
{
    None,
    Malformed,
    Algorithm,
    UnknownKey,
    Signature,
    NoExpiry,
    Expired,
    NotYetValid,
}

/// <summary>
/// An HS256 JSON Web Token (RFC 7519, RFC 7515) with the claims of this API. Nothing of a token is believed before its
/// signature is verified, except which key it names.
/// </summary>
internal sealed record AccessToken
{
    /// <summary>The longest token that is read, in characters.</summary>
    public const int MaxLength = 8192;

    /// <summary>The leeway for clocks that disagree (RFC 7519, 4.1.4).</summary>
    public const int LeewaySeconds = 60;

    /// <summary><c>{"alg":"HS256","typ":"JWT"}</c></summary>
    private const string Header = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";

    private static readonly byte[] NoSecret = new byte[32];

    /// <summary><c>iss</c>: the API key.</summary>
    public required string Issuer { get; init; }

    /// <summary><c>sub</c>: the participant identity; empty on tokens that only administer.</summary>
    public string Subject { get; init; } = "";
    public required long ExpiresUnixSeconds { get; init; }
    public long? NotBeforeUnixSeconds { get; init; }
    public string? Name { get; init; }
    public string? Metadata { get; init; }
    public VideoGrant Video { get; init; } = new();

    /// <param name="text">The compact form: three base64url parts.</param>
    /// <param name="keys">The keys that may have signed it.</param>
    /// <param name="nowUnixSeconds">The time to judge <c>exp</c> and <c>nbf</c> by.</param>
    /// <param name="token">The claims, verified; null where the result is not <see cref="TokenRefusal.None"/>.</param>
    public static TokenRefusal Verify(string text, ApiKeyRing keys, long nowUnixSeconds, out AccessToken? token)
    {
        token = null;
        int first = text.IndexOf('.', StringComparison.Ordinal);
        int second = text.LastIndexOf('.');
        if (text.Length > MaxLength || first < 0 || first == second || text.AsSpan(first + 1, second - first - 1).Contains('.')
            || !TryDecode(text.AsSpan(0, first), out byte[] header)
            || !TryDecode(text.AsSpan(first + 1, second - first - 1), out byte[] payload)
            || !TryDecode(text.AsSpan(second + 1), out byte[] signature))
        {
            return TokenRefusal.Malformed;
        }

        TokenRefusal headerRefusal = CheckHeader(header);
        if (headerRefusal != TokenRefusal.None)
        {
            return headerRefusal;
        }

        if (!TokenClaims.TryRead(payload, out TokenClaims claims) || claims.Issuer is null)
        {
            return TokenRefusal.Malformed;
        }

        // An unknown key costs the same as a known one.
        bool known = keys.TryGetSecret(claims.Issuer, out byte[] secret);
        Span<byte> expected = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(known ? secret : NoSecret, Encoding.ASCII.GetBytes(text, 0, second), expected);
        bool matches = CryptographicOperations.FixedTimeEquals(expected, signature);
        if (!known || !matches)
        {
            return known ? TokenRefusal.Signature : TokenRefusal.UnknownKey;
        }

        token = claims.Judge(nowUnixSeconds, out TokenRefusal refusal);
        return refusal;
    }

    /// <summary>The compact form, signed by the secret of <see cref="Issuer"/>.</summary>
    public string Sign(ReadOnlySpan<byte> secret) => Sign(TokenClaims.Write(this), secret);

    /// <summary>The compact form of any claims.</summary>
    public static string Sign(ReadOnlySpan<byte> claims, ReadOnlySpan<byte> secret)
    {
        string signed = Header + "." + Base64Url.EncodeToString(claims);
        Span<byte> signature = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(secret, Encoding.ASCII.GetBytes(signed), signature);
        return signed + "." + Base64Url.EncodeToString(signature);
    }

    // RFC 8725, 3.1: the algorithm is this one, whatever the token says. RFC 7515, 4.1.11: an extension that must be
    // understood is not.
    private static TokenRefusal CheckHeader(byte[] header)
    {
        if (!JsonFields.TryParse(header, out JsonFields fields))
        {
            return TokenRefusal.Malformed;
        }

        using (fields)
        {
            bool hasAlgorithm = fields.TryGet("alg", out JsonElement algorithm);
            return !hasAlgorithm || algorithm.ValueKind != JsonValueKind.String || !algorithm.ValueEquals("HS256"u8) ? TokenRefusal.Algorithm
                : fields.TryGet("crit", out _) ? TokenRefusal.Malformed
                : TokenRefusal.None;
        }
    }

    private static bool TryDecode(ReadOnlySpan<char> text, out byte[] bytes)
    {
        // RFC 7515, 2: base64url without padding, white space or anything else.
        bytes = [];
        if (text.ContainsAny('=', ' ') || text.ContainsAny('\r', '\n', '\t') || !Base64Url.IsValid(text, out int length))
        {
            return false;
        }

        bytes = new byte[length];
        return Base64Url.TryDecodeFromChars(text, bytes, out int written) && written == length;
    }
}
