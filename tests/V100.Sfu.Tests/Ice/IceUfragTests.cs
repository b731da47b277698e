using System.Security.Cryptography;
using System.Text;
using V100.Sfu.Ice;

namespace V100.Sfu.Tests.Ice;

public class IceUfragTests
{
    [Fact]
    public void All_48_bits_reach_the_text_and_the_text_is_ice_chars()
    {
        Assert.Equal("AAAAAAAA", IceUfrag.FromRandom(new byte[6]).ToString());
        Assert.Equal("////////", IceUfrag.FromRandom([255, 255, 255, 255, 255, 255]).ToString());
        var seen = new HashSet<string>();
        for (int bit = 0; bit < 48; bit++)
        {
            var random = new byte[6];
            random[bit / 8] = (byte)(0x80 >> bit % 8);
            Assert.Equal(Convert.ToBase64String(random), IceUfrag.FromRandom(random).ToString());
            Assert.True(seen.Add(IceUfrag.FromRandom(random).ToString()));
        }
    }

    [Fact]
    public void It_is_found_again_in_a_username()
    {
        IceUfrag ufrag = IceUfrag.FromRandom(RandomNumberGenerator.GetBytes(IceUfrag.RandomLength));
        Assert.True(IceUfrag.TryParseUsername(Encoding.ASCII.GetBytes($"{ufrag}:XCSm"), out IceUfrag parsed));
        Assert.Equal(ufrag, parsed);
        Assert.True(IceUfrag.TryParseUsername(Encoding.ASCII.GetBytes($"{ufrag}:"), out parsed));
        Assert.Equal(ufrag, parsed);
    }

    [Theory]
    [InlineData("")]
    [InlineData("abcdefgh")]
    [InlineData("abcdefg:x")]
    [InlineData("abcdefghi:x")]
    public void Another_length_is_no_ufrag_of_ours(string username) =>
        Assert.False(IceUfrag.TryParseUsername(Encoding.ASCII.GetBytes(username), out _));

    [Fact]
    public void Credentials_are_made_of_random_bytes_and_meet_the_grammar()
    {
        byte[] random = RandomNumberGenerator.GetBytes(IceCredentials.RandomLength);
        IceCredentials credentials = IceCredentials.FromRandom(random);
        Assert.Equal(IceUfrag.FromRandom(random).ToString(), credentials.Ufrag);
        Assert.Equal(Convert.ToBase64String(random.AsSpan(6)), credentials.Password);
        Assert.True(IceCredentials.TryCreate(credentials.Ufrag, credentials.Password, out _));
    }

    [Theory]
    [InlineData("abc", "0123456789012345678901", false)]
    [InlineData("abcd", "012345678901234567890", false)]
    [InlineData("abcd", "0123456789012345678901", true)]
    [InlineData("ab:d", "0123456789012345678901", false)]
    [InlineData("a+/d", "012345678901234567890 ", false)]
    public void Credentials_of_a_description_are_checked(string ufrag, string password, bool good) =>
        Assert.Equal(good, IceCredentials.TryCreate(ufrag, password, out _));
}
