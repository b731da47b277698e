using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using V100.Server.Control;

namespace V100.Server.Tests.Control;

public sealed class AccessTokenTests
{
    private const long Now = 1_900_000_000;

    private static readonly byte[] Secret = Encoding.UTF8.GetBytes(RunningServer.Secret);
    private static readonly ApiKeyRing Keys = new(new Dictionary<string, string> { [RunningServer.Key] = RunningServer.Secret });

    /// <summary>RFC 7515, A.1: the signature of another implementation, with its key, and our answer to its claims.</summary>
    [Fact]
    public void The_signature_of_RFC_7515_A1_is_what_this_HMAC_gives()
    {
        byte[] key = Base64Url.DecodeFromChars("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow");
        const string signed = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        Assert.Equal("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", Base64Url.EncodeToString(HMACSHA256.HashData(key, Encoding.ASCII.GetBytes(signed))));
    }

    /// <summary>Made by a JWT library of another language: claims in another order, a typ, a fractional exp.</summary>
    [Fact]
    public void Foreign_claims_read()
    {
        string token = Sign("""{"typ":"JWT","alg":"HS256"}""",
            """{"video":{"roomJoin":true,"room":"r","canPublish":false,"canPublishSources":["camera"],"future":1},"sub":"zoë","iss":"key1","exp":1900000100.5,"nbf":1900000000,"name":"Z","metadata":"m","jti":"x"}""");
        Assert.Equal(TokenRefusal.None, AccessToken.Verify(token, Keys, Now, out AccessToken? read));
        Assert.Equal(("zoë", "Z", "m"), (read!.Subject, read.Name, read.Metadata));
        Assert.True(read.Video.MaySubscribe("r"));
        Assert.False(read.Video.MayPublish("r"));
        Assert.False(read.Video.MayJoin("other"));
        Assert.Equal(["camera"], read.Video.CanPublishSources!);
    }

    [Fact]
    public void What_is_signed_here_reads_back()
    {
        AccessToken token = new()
        {
            Issuer = RunningServer.Key,
            Subject = "a\"b",
            ExpiresUnixSeconds = Now + 1,
            NotBeforeUnixSeconds = Now,
            Name = "name",
            Video = new VideoGrant { RoomJoin = true, Room = "r", CanSubscribe = false, RoomRecord = true },
        };
        Assert.Equal(TokenRefusal.None, AccessToken.Verify(token.Sign(Secret), Keys, Now, out AccessToken? read));
        Assert.Equal(token, read);
    }

    [Theory]
    [InlineData("none")]
    [InlineData("None")]
    [InlineData("HS384")]
    [InlineData("HS512")]
    [InlineData("RS256")]
    [InlineData("hs256")]
    [InlineData("")]
    public void Another_algorithm_is_refused_although_the_signature_fits(string algorithm)
    {
        Assert.Equal(TokenRefusal.Algorithm, Verify(Sign($$"""{"alg":"{{algorithm}}"}""", Claims())));
    }

    [Theory]
    [InlineData("{}", TokenRefusal.Algorithm)]
    [InlineData("""{"alg":256}""", TokenRefusal.Algorithm)]
    [InlineData("""{"alg":"HS256","crit":["b64"],"b64":false}""", TokenRefusal.Malformed)]
    [InlineData("""{"alg":"none","alg":"HS256"}""", TokenRefusal.Malformed)]
    [InlineData("[]", TokenRefusal.Malformed)]
    [InlineData("x", TokenRefusal.Malformed)]
    internal void A_strange_header_is_refused(string header, TokenRefusal refusal)
    {
        Assert.Equal(refusal, Verify(Sign(header, Claims())));
    }

    [Fact]
    public void Alg_none_without_a_signature_is_refused()
    {
        string token = Base64Url.EncodeToString("""{"alg":"none"}"""u8) + "." + Base64Url.EncodeToString(Encoding.UTF8.GetBytes(Claims())) + ".";
        Assert.Equal(TokenRefusal.Algorithm, Verify(token));
    }

    [Theory]
    [InlineData(-61, TokenRefusal.Expired)]
    [InlineData(-60, TokenRefusal.Expired)]
    [InlineData(-59, TokenRefusal.None)]
    [InlineData(1, TokenRefusal.None)]
    internal void Exp_has_a_leeway_of_60_seconds(int expiresIn, TokenRefusal refusal)
    {
        Assert.Equal(refusal, Verify(Sign(Header, Claims(exp: (Now + expiresIn).ToString()))));
    }

    [Theory]
    [InlineData(61, TokenRefusal.NotYetValid)]
    [InlineData(60, TokenRefusal.None)]
    [InlineData(-10, TokenRefusal.None)]
    internal void Nbf_has_a_leeway_of_60_seconds(int validIn, TokenRefusal refusal)
    {
        Assert.Equal(refusal, Verify(Sign(Header, $$"""{"iss":"key1","exp":{{Now + 1000}},"nbf":{{Now + validIn}}}""")));
    }

    [Theory]
    [InlineData("""{"iss":"key1"}""", TokenRefusal.NoExpiry)]
    [InlineData("""{"iss":"key1","exp":null}""", TokenRefusal.NoExpiry)]
    [InlineData("""{"iss":"key1","exp":"2000000000"}""", TokenRefusal.Malformed)]
    [InlineData("""{"iss":"key1","exp":1e300}""", TokenRefusal.Malformed)]
    [InlineData("""{"iss":"key1","exp":-1}""", TokenRefusal.Malformed)]
    [InlineData("""{"exp":2000000000}""", TokenRefusal.Malformed)]
    [InlineData("""{"iss":1,"exp":2000000000}""", TokenRefusal.Malformed)]
    [InlineData("""{"iss":"key2","exp":2000000000}""", TokenRefusal.UnknownKey)]
    [InlineData("""{"iss":"key1","exp":2000000000,"video":[]}""", TokenRefusal.Malformed)]
    [InlineData("""{"iss":"key1","exp":2000000000,"video":{"roomJoin":"yes"}}""", TokenRefusal.Malformed)]
    [InlineData("""{"iss":"key1","exp":2000000000,"sub":"\ud800"}""", TokenRefusal.Malformed)]
    [InlineData("""{"iss":"key1","exp":1,"exp":2000000000}""", TokenRefusal.Malformed)]
    internal void Strange_claims_are_refused(string claims, TokenRefusal refusal)
    {
        Assert.Equal(refusal, Verify(Sign(Header, claims)));
    }

    [Fact]
    public void Any_changed_character_breaks_the_token()
    {
        string token = Sign(Header, Claims());
        Assert.Equal(TokenRefusal.None, Verify(token));
        for (int index = 0; index < token.Length; index++)
        {
            char changed = token[index] == 'A' ? 'B' : 'A';
            string other = token[..index] + changed + token[(index + 1)..];

            // The last character of a part may carry bits that belong to no byte; then the bytes, and the token, are the same.
            bool sameBytes = index == token.Length - 1 && Base64Url.IsValid(other.AsSpan(other.LastIndexOf('.') + 1))
                && Base64Url.DecodeFromChars(other.AsSpan(other.LastIndexOf('.') + 1)).AsSpan().SequenceEqual(Base64Url.DecodeFromChars(token.AsSpan(token.LastIndexOf('.') + 1)));
            Assert.True(sameBytes || Verify(other) != TokenRefusal.None, $"character {index}");
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("..")]
    [InlineData("a.b")]
    [InlineData("a.b.c.d")]
    [InlineData("é.é.é")]
    public void Text_that_is_no_token_is_malformed(string text)
    {
        Assert.Equal(TokenRefusal.Malformed, Verify(text));
    }

    [Fact]
    public void Padding_white_space_and_length_are_refused()
    {
        string token = Sign(Header, Claims());
        Assert.Equal(TokenRefusal.Malformed, Verify(token + "="));
        Assert.Equal(TokenRefusal.Malformed, Verify(token[..5] + " " + token[5..]));
        Assert.Equal(TokenRefusal.Malformed, Verify(token + "\n"));
        Assert.Equal(TokenRefusal.Malformed, Verify(Sign(Header, Claims(metadata: new string('m', AccessToken.MaxLength)))));
    }

    [Fact]
    public void A_truncated_or_foreign_signature_is_refused()
    {
        string token = Sign(Header, Claims());
        Assert.Equal(TokenRefusal.Signature, Verify(token[..(token.LastIndexOf('.') + 1)]));
        for (int cut = 1; cut <= 42; cut++)
        {
            // What is left may be no whole base64url, or too short.
            Assert.Contains(Verify(token[..^cut]), new[] { TokenRefusal.Signature, TokenRefusal.Malformed });
        }

        string other = new AccessToken { Issuer = RunningServer.Key, ExpiresUnixSeconds = Now + 60 }.Sign(new byte[32]);
        Assert.Equal(TokenRefusal.Signature, Verify(other));
    }

    private const string Header = """{"alg":"HS256","typ":"JWT"}""";

    private static string Claims(string exp = "2000000000", string metadata = "") => $$"""{"iss":"key1","sub":"me","exp":{{exp}},"metadata":"{{metadata}}"}""";

    private static TokenRefusal Verify(string token)
    {
        TokenRefusal refusal = AccessToken.Verify(token, Keys, Now, out AccessToken? read);
        Assert.Equal(refusal == TokenRefusal.None, read is not null);
        return refusal;
    }

    private static string Sign(string header, string claims)
    {
        string signed = Base64Url.EncodeToString(Encoding.UTF8.GetBytes(header)) + "." + Base64Url.EncodeToString(Encoding.UTF8.GetBytes(claims));
        return signed + "." + Base64Url.EncodeToString(HMACSHA256.HashData(Secret, Encoding.ASCII.GetBytes(signed)));
    }
}
