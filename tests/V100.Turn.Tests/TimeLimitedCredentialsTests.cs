using System.Security.Cryptography;
using System.Text;

namespace V100.Turn.Tests;

public class TimeLimitedCredentialsTests
{
    private const long Now = 1_800_000_000;

    private static readonly TimeLimitedCredentials s_credentials = new("current secret", "old secret");

    [Theory]
    [InlineData("alice", "1800003600:alice")]
    [InlineData("", "1800003600")]
    [InlineData("a:b \u30DE", "1800003600:a:b \u30DE")]
    public void The_password_is_the_base64_hmac_of_the_username(string user, string expected)
    {
        Assert.True(s_credentials.TryMake(user, Now + 3600, out string username, out string password));
        Assert.Equal(expected, username);
        Assert.Equal(Expected("current secret", username), password);
        Assert.Equal(TimeLimitedResult.Valid, Verify(username, password, Now));
    }

    [Fact]
    public void It_is_valid_up_to_the_second_before_its_expiry()
    {
        Assert.True(s_credentials.TryMake("alice", Now, out string username, out string password));
        Assert.Equal(TimeLimitedResult.Valid, Verify(username, password, Now - 1));
        Assert.Equal(TimeLimitedResult.Expired, Verify(username, password, Now));
        // Another expiry is another username.
        Assert.Equal(TimeLimitedResult.WrongPassword, Verify(username.Replace("18", "19", StringComparison.Ordinal), password, Now));
    }

    [Fact]
    public void Every_secret_checks_while_the_first_one_makes()
    {
        string username = $"{Now + 10}:bob";
        Assert.Equal(TimeLimitedResult.Valid, Verify(username, Expected("old secret", username), Now));
        Assert.Equal(TimeLimitedResult.WrongPassword, Verify(username, Expected("retired secret", username), Now));
        Assert.Equal(2, s_credentials.SecretCount);
        var password = new byte[TimeLimitedCredentials.PasswordLength];
        s_credentials.WritePassword(1, Encoding.UTF8.GetBytes(username), password);
        Assert.Equal(Expected("old secret", username), Encoding.ASCII.GetString(password));
    }

    [Fact]
    public void Without_a_secret_nothing_is_made_and_nothing_is_valid()
    {
        var none = new TimeLimitedCredentials();
        Assert.False(none.TryMake("alice", Now, out _, out _));
        string username = $"{Now + 10}";
        Assert.Equal(
            TimeLimitedResult.WrongPassword,
            none.Verify(Encoding.UTF8.GetBytes(username), Encoding.UTF8.GetBytes(Expected("", username)), Now));
        Assert.Throws<ArgumentException>(() => new TimeLimitedCredentials("good", ""));
    }

    [Fact]
    public void A_name_that_STUN_cannot_carry_is_refused()
    {
        Assert.True(s_credentials.TryMake(new string('x', 508 - 11), Now, out string username, out string password));
        Assert.Equal(508, username.Length);
        Assert.Equal(TimeLimitedResult.Valid, Verify(username, password, Now - 1));
        Assert.False(s_credentials.TryMake(new string('x', 508 - 10), Now, out _, out _));
        Assert.Equal(TimeLimitedResult.Malformed, Verify(username + "x", password, Now - 1));
    }

    [Theory]
    [InlineData("")]
    [InlineData("alice")]
    [InlineData(":alice")]
    [InlineData("alice:1800003600")]
    [InlineData("-1800003600:alice")]
    [InlineData("+1800003600:alice")]
    [InlineData(" 1800003600:alice")]
    [InlineData("1800003600x:alice")]
    [InlineData("0x6b49d200:alice")]
    [InlineData("99999999999999999999:alice")]
    public void Another_form_of_username_is_malformed(string username) =>
        Assert.Equal(TimeLimitedResult.Malformed, Verify(username, Expected("current secret", username), Now));

    [Fact]
    public void Every_other_password_is_wrong()
    {
        Assert.True(s_credentials.TryMake("alice", Now + 1, out string username, out string password));
        for (int i = 0; i < password.Length; i++)
        {
            char other = password[i] == 'A' ? 'B' : 'A';
            Assert.Equal(TimeLimitedResult.WrongPassword, Verify(username, password[..i] + other + password[(i + 1)..], Now));
            Assert.Equal(TimeLimitedResult.WrongPassword, Verify(username, password[..i], Now));
        }
    }

    [Fact]
    public void A_check_allocates_nothing()
    {
        byte[] username = Encoding.UTF8.GetBytes($"{Now + 1}:alice");
        byte[] password = Encoding.ASCII.GetBytes(Expected("old secret", $"{Now + 1}:alice"));
        int valid = 0;
        void Rounds(int count)
        {
            for (int i = 0; i < count; i++)
            {
                valid += s_credentials.Verify(username, password, Now) == TimeLimitedResult.Valid ? 1 : 0;
            }
        }

        Rounds(10);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Rounds(1000);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal(1010, valid);
    }

    private static TimeLimitedResult Verify(string username, string password, long now) =>
        s_credentials.Verify(Encoding.UTF8.GetBytes(username), Encoding.UTF8.GetBytes(password), now);

    private static string Expected(string secret, string username) =>
        Convert.ToBase64String(HMACSHA1.HashData(Encoding.UTF8.GetBytes(secret), Encoding.UTF8.GetBytes(username)));
}
