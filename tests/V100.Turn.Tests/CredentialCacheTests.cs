using System.Text;
using V100.Turn.Tests.World;

namespace V100.Turn.Tests;

public class CredentialCacheTests
{
    private readonly TurnCredentials _credentials = TurnWorld.Credentials("secret");

    [Fact]
    public void It_is_bounded_and_still_serves_the_newest()
    {
        var cache = new CredentialCache();
        byte[] name = [];
        for (int i = 0; i < CredentialCache.Capacity * 2 + 10; i++)
        {
            name = Encoding.ASCII.GetBytes($"{TurnWorld.StartUnixSeconds + i}:user");
            Assert.False(cache.TryFind(_credentials, PasswordAlgorithm.Md5, name, out _));
            cache.Add(PasswordAlgorithm.Md5, _credentials.MakeKey(name, PasswordAlgorithm.Md5, 0));
            Assert.InRange(cache.Count, 1, CredentialCache.Capacity);
        }

        Assert.True(cache.TryFind(_credentials, PasswordAlgorithm.Md5, name, out _));
        Assert.False(cache.TryFind(_credentials, PasswordAlgorithm.Sha256, name, out _));
    }

    [Fact]
    public void New_credentials_empty_it()
    {
        var cache = new CredentialCache();
        Assert.False(cache.TryFind(_credentials, PasswordAlgorithm.Md5, "alice"u8, out _));
        cache.Add(PasswordAlgorithm.Md5, _credentials.MakeKey("alice"u8, PasswordAlgorithm.Md5, 0));
        Assert.True(cache.TryFind(_credentials, PasswordAlgorithm.Md5, "alice"u8, out _));
        Assert.False(cache.TryFind(TurnWorld.Credentials(), PasswordAlgorithm.Md5, "alice"u8, out _));
        Assert.Equal(0, cache.Count);
    }

    [Fact]
    public void Who_proves_nothing_is_not_in_it()
    {
        var world = new TurnWorld();
        for (int i = 0; i < 3; i++)
        {
            RawClient forger = world.Client(password: "wrong");
            Assert.Equal(401, forger.Exchange(forger.Sign(RawClient.AllocateMessage()))!.Error);
        }

        // Each attempt made the key anew: none was kept.
        Assert.Equal(3, world.Count(TurnCounter.CredentialsDerived));
        world.Client().Allocate();
        world.Client().Refresh(600);
        Assert.Equal(4, world.Count(TurnCounter.CredentialsDerived));
    }

    [Theory]
    [InlineData("")]
    [InlineData("0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789")]
    public void A_realm_that_no_answer_has_room_for_is_refused(string realm)
        => Assert.ThrowsAny<ArgumentException>(() => new TurnCredentials(realm, []));
}
