using System.Security.Cryptography;
using System.Text;
using V100.Turn.Tests.World;

namespace V100.Turn.Tests;

/// <summary>RFC 8489, 9.2.4, as the conformance list numbers it.</summary>
public class AuthenticationConformanceTests
{
    private static readonly byte[] s_offer = [0, 2, 0, 0, 0, 1, 0, 0];

    private readonly TurnWorld _world = new();

    [Fact]
    public void Line_10_A_retransmission_gets_the_identical_reply_and_has_one_effect()
    {
        RawClient client = _world.Client();
        byte[] unsigned = RawClient.AllocateMessage().Bytes;
        Assert.Equal(client.Give(unsigned).Bytes, client.Give(unsigned).Bytes);

        byte[] allocate = client.Sign(RawClient.AllocateMessage()).Bytes;
        byte[] first = client.Give(allocate).Bytes;
        Assert.Equal(0, RawMessage.Parse(first).Error);
        _world.Advance(3);
        Assert.Equal(first, client.Give(allocate).Bytes);
        Assert.Single(_world.Sockets[0].Open);
        Assert.Equal(1, _world.Count(TurnCounter.AllocateSucceeded));
        Assert.Equal(1, _world.Count(TurnCounter.AllocateRepeated));

        byte[] bind = client.Sign(new RawMessage(Wire.ChannelBindRequest).AddUInt32(Wire.ChannelNumber, 0x4000_0000).AddXorAddress(Wire.XorPeerAddress, "192.0.2.10:7000")).Bytes;
        Assert.Equal(client.Give(bind).Bytes, client.Give(bind).Bytes);
    }

    [Fact]
    public void Line_15_Without_integrity_the_answer_is_401_with_realm_and_nonce()
    {
        RawMessage answer = _world.Client().Exchange(RawClient.AllocateMessage())!;
        Assert.Equal(Wire.AllocateError, answer.Type);
        Assert.Equal(401, answer.Error);
        Assert.Equal(TurnWorld.Realm, Encoding.UTF8.GetString(answer.Get(Wire.Realm)));
        Assert.NotEmpty(answer.Get(Wire.Nonce));
        Assert.False(answer.Has(Wire.MessageIntegrity) || answer.Has(Wire.MessageIntegritySha256) || answer.Has(Wire.Username));
        _world.AssertEmpty();
    }

    [Theory]
    [InlineData(false, "wAAA")]
    [InlineData(true, "gAAA")]
    public void Line_16_The_nonce_says_which_features_the_server_has(bool timeLimited, string features)
    {
        var world = new TurnWorld(TurnWorld.Settings(timeLimited ? TurnWorld.Credentials("secret") : TurnWorld.Credentials()));
        RawMessage answer = world.Client().Exchange(RawClient.AllocateMessage())!;
        Assert.StartsWith("obMatJos2" + features, Encoding.ASCII.GetString(answer.Get(Wire.Nonce)), StringComparison.Ordinal);
        Assert.Equal(s_offer, answer.Get(Wire.PasswordAlgorithms));
    }

    [Theory]
    [InlineData(Wire.Username)]
    [InlineData(Wire.Realm)]
    [InlineData(Wire.Nonce)]
    public void Line_17_Integrity_without_one_of_username_realm_and_nonce_is_400(int missing)
    {
        RawClient client = _world.Client().Greet();
        var request = RawClient.AllocateMessage();
        foreach ((ushort type, string value) in new[] { (Wire.Username, "alice"), (Wire.Realm, TurnWorld.Realm), (Wire.Nonce, Encoding.ASCII.GetString(client.Nonce)) })
        {
            if (type != missing)
            {
                request.Add(type, Encoding.ASCII.GetBytes(value));
            }
        }

        RawMessage answer = client.Exchange(request.AddIntegrity(client.Key))!;
        Assert.Equal(400, answer.Error);
        Assert.False(answer.Has(Wire.Realm) || answer.Has(Wire.Nonce) || answer.Has(Wire.Username) || answer.Has(Wire.MessageIntegrity));
    }

    [Fact]
    public void Line_18_An_unknown_user_is_401_with_a_nonce()
        => AssertChallenge(_world.Client(user: "mallory", password: "x").Exchange, _world.Client(user: "mallory", password: "x"), 401);

    [Fact]
    public void Line_19_A_wrong_password_is_401()
        => AssertChallenge(_world.Client(password: "wrong").Exchange, _world.Client(password: "wrong"), 401);

    [Fact]
    public void A_wrong_realm_is_401_and_no_mismatch()
    {
        RawClient client = _world.Client().Greet();
        byte[] key = MD5.HashData("alice:elsewhere:wonderland"u8);
        RawMessage request = RawClient.AllocateMessage()
            .Add(Wire.Username, "alice"u8.ToArray()).Add(Wire.Realm, "elsewhere"u8.ToArray()).Add(Wire.Nonce, client.Nonce).AddIntegrity(key);
        Assert.Equal(401, client.Exchange(request)!.Error);
    }

    [Fact]
    public void Line_20_A_stale_nonce_with_good_integrity_is_438_and_with_bad_integrity_401()
    {
        RawClient client = _world.Client();
        client.Allocate();
        _world.Advance(_world.Server.Settings.NonceLifetime + TimeSpan.FromSeconds(40));
        byte[] old = client.Nonce;
        RawMessage answer = client.Exchange(client.Sign(RawClient.AllocateMessage()))!;
        Assert.Equal(438, answer.Error);
        Assert.Equal(TurnWorld.Realm, Encoding.UTF8.GetString(answer.Get(Wire.Realm)));
        Assert.Equal(s_offer, answer.Get(Wire.PasswordAlgorithms));
        Assert.NotEqual(old, answer.Get(Wire.Nonce));

        RawClient forger = _world.Client(password: "wrong").Greet();
        forger.Nonce = old;
        Assert.Equal(401, forger.Exchange(forger.Sign(RawClient.AllocateMessage()))!.Error);

        client.Nonce = answer.Get(Wire.Nonce);
        client.Allocate();
    }

    [Theory]
    [InlineData("203.0.113.5:40001")]
    [InlineData("203.0.113.6:40000")]
    public void Line_21_A_nonce_of_another_address_or_port_is_438(string address)
    {
        RawClient owner = _world.Client().Greet();
        RawClient thief = _world.Client(address).Greet();
        thief.Nonce = owner.Nonce;
        RawMessage answer = thief.Exchange(thief.Sign(RawClient.AllocateMessage()))!;
        Assert.Equal(438, answer.Error);
        thief.Nonce = answer.Get(Wire.Nonce);
        thief.Allocate();
    }

    [Fact]
    public void A_nonce_that_is_no_nonce_is_438_before_any_key_is_made()
    {
        RawClient client = _world.Client().Greet();
        byte[] good = client.Nonce;
        for (int bit = 0; bit < good.Length * 8; bit++)
        {
            client.Nonce = [.. good];
            client.Nonce[bit / 8] ^= (byte)(1 << bit % 8);
            Assert.Equal(438, client.Exchange(client.Sign(RawClient.AllocateMessage()))!.Error);
        }

        client.Nonce = good[..^1];
        Assert.Equal(438, client.Exchange(client.Sign(RawClient.AllocateMessage()))!.Error);
        Assert.Equal(0, _world.Count(TurnCounter.CredentialsDerived));
    }

    [Theory]
    [InlineData("", "0002 0000")]
    [InlineData("0002 0000 0001 0000", "")]
    [InlineData("0001 0000 0002 0000", "0002 0000")]
    [InlineData("0001 0000", "0001 0000")]
    [InlineData("0002 0000 0001 0000", "0003 0000")]
    [InlineData("0002 0000 0001 0000", "0002 0001 00000000")]
    public void Line_22_An_algorithm_alone_or_an_altered_list_is_400(string list, string algorithm)
    {
        RawClient client = _world.Client().Greet();
        RawMessage request = RawClient.AllocateMessage()
            .Add(Wire.Username, "alice"u8.ToArray()).Add(Wire.Realm, Encoding.UTF8.GetBytes(TurnWorld.Realm)).Add(Wire.Nonce, client.Nonce);
        if (list.Length > 0)
        {
            request.Add(Wire.PasswordAlgorithms, Convert.FromHexString(list.Replace(" ", "", StringComparison.Ordinal)));
        }

        if (algorithm.Length > 0)
        {
            request.Add(Wire.PasswordAlgorithm, Convert.FromHexString(algorithm.Replace(" ", "", StringComparison.Ordinal)));
        }

        client.NamesAlgorithm = true;
        Assert.Equal(400, client.Exchange(request.AddIntegritySha256(client.Key))!.Error);
        _world.AssertEmpty();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Line_23_The_reply_is_sealed_as_the_request_named_its_algorithm_errors_too(bool names)
    {
        RawClient client = _world.Client();
        client.NamesAlgorithm = names;
        // Request checks the seal of each answer.
        Assert.Equal(400, client.Request(new RawMessage(Wire.AllocateRequest)).Error);
        Assert.Equal(437, client.Refresh(600).Error);
        Assert.Equal(0, client.Request(RawClient.AllocateMessage()).Error);
        Assert.Equal(400, client.CreatePermission().Error);
    }

    [Fact]
    public void Line_23_A_client_may_name_MD5_and_is_answered_with_sha256()
    {
        RawClient client = _world.Client().Greet();
        byte[] key = client.Key;
        RawMessage request = RawClient.AllocateMessage()
            .Add(Wire.Username, "alice"u8.ToArray()).Add(Wire.Realm, Encoding.UTF8.GetBytes(TurnWorld.Realm)).Add(Wire.Nonce, client.Nonce)
            .Add(Wire.PasswordAlgorithms, s_offer).Add(Wire.PasswordAlgorithm, 0, 1, 0, 0).AddIntegrity(key);
        RawMessage answer = client.Exchange(request)!;
        Assert.Equal(0, answer.Error);
        Assert.True(answer.IsSealed(key, sha256: true));
    }

    [Fact]
    public void Line_24_Userhash_is_accepted()
    {
        RawClient client = _world.Client().Greet();
        RawMessage Request(byte[] hash) => RawClient.AllocateMessage()
            .Add(Wire.Userhash, hash).Add(Wire.Realm, Encoding.UTF8.GetBytes(TurnWorld.Realm)).Add(Wire.Nonce, client.Nonce).AddIntegrity(client.Key);
        Assert.Equal(401, client.Exchange(Request(SHA256.HashData("nobody"u8)))!.Error);
        Assert.Equal(0, client.Exchange(Request(SHA256.HashData(Encoding.UTF8.GetBytes($"alice:{TurnWorld.Realm}"))))!.Error);
        // The same user, whatever form the name had.
        Assert.Equal(0, client.Refresh(600).Error);
    }

    [Fact]
    public void Line_25_A_truncated_sha256_integrity_is_rejected()
    {
        RawClient client = _world.Client().Greet();
        client.NamesAlgorithm = true;
        for (int length = 0; length <= 32; length += 4)
        {
            RawMessage request = RawClient.AllocateMessage()
                .Add(Wire.Username, "alice"u8.ToArray()).Add(Wire.Realm, Encoding.UTF8.GetBytes(TurnWorld.Realm)).Add(Wire.Nonce, client.Nonce)
                .Add(Wire.PasswordAlgorithms, s_offer).Add(Wire.PasswordAlgorithm, 0, 2, 0, 0).AddIntegritySha256(client.Key, length);
            Assert.Equal(length == 32 ? 0 : 401, client.Exchange(request)!.Error);
        }
    }

    [Fact]
    public void Line_26_Another_username_on_the_allocation_is_441()
    {
        _world.Client().Allocate();
        RawClient other = _world.Client(user: "bob");
        Assert.Equal(441, other.Refresh(600).Error);
        Assert.Equal(441, other.Refresh(0).Error);
        Assert.Equal(441, other.CreatePermission("192.0.2.10:7000").Error);
        Assert.Equal(441, other.ChannelBind(0x4000, "192.0.2.10:7000").Error);
        Assert.Equal(437, other.Request(RawClient.AllocateMessage()).Error);
    }

    [Fact]
    public void Line_27_Without_an_allocation_all_is_437()
    {
        RawClient client = _world.Client();
        Assert.Equal(437, client.Refresh(600).Error);
        Assert.Equal(437, client.CreatePermission("192.0.2.10:7000").Error);
        Assert.Equal(437, client.ChannelBind(0x4000, "192.0.2.10:7000").Error);
        Assert.Equal(437, client.Request(new RawMessage(Wire.ConnectRequest).AddXorAddress(Wire.XorPeerAddress, "192.0.2.10:7000")).Error);
    }

    [Fact]
    public void Line_28_An_expired_credential_is_401_and_every_secret_of_a_rotation_is_good()
    {
        var world = new TurnWorld(TurnWorld.Settings(TurnWorld.Credentials("new", "old")));
        RawClient WithSecret(string secret, int seconds, string address)
        {
            string name = $"{TurnWorld.StartUnixSeconds + seconds}:carol";
            return world.Client(address, name, Convert.ToBase64String(HMACSHA1.HashData(Encoding.UTF8.GetBytes(secret), Encoding.UTF8.GetBytes(name))));
        }

        RawClient current = WithSecret("new", 1000, "203.0.113.5:40000");
        current.Allocate();
        // The same name with the password of the other secret.
        WithSecret("old", 1000, "203.0.113.5:40001").Allocate();
        current.Request(new RawMessage(Wire.CreatePermissionRequest).AddXorAddress(Wire.XorPeerAddress, "192.0.2.10:7000"));
        RawClient retired = WithSecret("retired", 1000, "203.0.113.5:40002");
        Assert.Equal(401, retired.Exchange(retired.Sign(RawClient.AllocateMessage()))!.Error);
        RawClient expired = WithSecret("new", 0, "203.0.113.5:40003");
        Assert.Equal(401, expired.Exchange(expired.Sign(RawClient.AllocateMessage()))!.Error);

        // What it made is refreshed until it expires, and may be used and ended after that.
        world.Advance(599);
        Assert.Equal(0, current.Refresh(600).Error);
        world.Advance(402);
        RawMessage refresh = current.Sign(new RawMessage(Wire.RefreshRequest).AddUInt32(Wire.Lifetime, 600));
        Assert.Equal(401, current.Exchange(refresh)!.Error);
        Assert.Equal(0, current.CreatePermission("192.0.2.10:7000").Error);
        Assert.Equal(0, current.Refresh(0).Error);
    }

    [Fact]
    public void Replaced_users_and_secrets_hold_from_the_next_request_on()
    {
        RawClient alice = _world.Client();
        alice.Allocate();
        _world.Server.Apply(TurnWorld.Settings(new TurnCredentials(TurnWorld.Realm, new Dictionary<string, string> { ["alice"] = "changed" })));
        RawMessage refresh = alice.Sign(new RawMessage(Wire.RefreshRequest).AddUInt32(Wire.Lifetime, 600));
        Assert.Equal(401, alice.Exchange(refresh)!.Error);
        RawClient renewed = _world.Client(password: "changed");
        Assert.Equal(0, renewed.Refresh(600).Error);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_was_made_with_a_secret_that_is_gone_may_be_used_and_ended_and_not_prolonged(bool timeLimited)
    {
        var world = new TurnWorld(TurnWorld.Settings(TurnWorld.Credentials("old")));
        string name = timeLimited ? $"{TurnWorld.StartUnixSeconds + 5000}:carol" : "alice";
        string TimeLimited(string user) => Convert.ToBase64String(HMACSHA1.HashData("old"u8, Encoding.UTF8.GetBytes(user)));
        RawClient client = timeLimited ? world.Client("203.0.113.5:40000", name, TimeLimited(name)) : world.Client();
        RawClient former = timeLimited ? world.Client("203.0.113.5:40001", name, TimeLimited(name)) : world.Client("203.0.113.5:40001");
        client.Allocate();
        Assert.Equal(437, former.CreatePermission("192.0.2.10:7000").Error);
        world.Server.Apply(TurnWorld.Settings(new TurnCredentials(TurnWorld.Realm, new Dictionary<string, string> { ["alice"] = "changed" }, "new")));

        Assert.Equal(0, client.CreatePermission("192.0.2.10:7000").Error);
        Assert.Equal(0, client.ChannelBind(0x4000, "192.0.2.10:7000").Error);
        Assert.Equal(401, client.Exchange(client.Sign(new RawMessage(Wire.RefreshRequest).AddUInt32(Wire.Lifetime, 600)))!.Error);
        Assert.Equal(401, client.Exchange(client.Sign(new RawMessage(Wire.RefreshRequest)))!.Error);
        Assert.Equal(401, client.Exchange(client.Sign(RawClient.AllocateMessage()))!.Error);

        // Without an allocation the secret is good for nothing, nor is another user's on this one.
        RawMessage permission = new RawMessage(Wire.CreatePermissionRequest).AddXorAddress(Wire.XorPeerAddress, "192.0.2.10:7000");
        Assert.Equal(401, former.Exchange(former.Sign(permission))!.Error);
        Assert.Equal(401, former.Exchange(former.Sign(RawClient.AllocateMessage()))!.Error);
        string other = $"{TurnWorld.StartUnixSeconds + 5000}:dave";
        RawClient stranger = world.Client("203.0.113.5:40000", other, TimeLimited(other));
        Assert.Equal(401, stranger.Exchange(stranger.Sign(new RawMessage(Wire.RefreshRequest).AddUInt32(Wire.Lifetime, 0)))!.Error);
        Assert.Equal(0, client.Refresh(0).Error);
        world.AssertEmpty();
        Assert.Equal(401, client.Exchange(client.Sign(new RawMessage(Wire.RefreshRequest).AddUInt32(Wire.Lifetime, 0)))!.Error);
    }

    [Fact]
    public void A_signed_request_with_an_unknown_required_attribute_is_420_signed()
    {
        RawMessage answer = _world.Client().Request(RawClient.AllocateMessage().Add(0x7123, 1, 2, 3));
        Assert.Equal(420, answer.Error);
        Assert.Equal([0x71, 0x23], answer.Get(Wire.UnknownAttributes));
    }

    [Fact]
    public void The_fingerprint_is_checked_and_given_back()
    {
        RawClient client = _world.Client();
        RawMessage answer = client.Exchange(RawClient.AllocateMessage().AddFingerprint())!;
        Assert.True(answer.HasFingerprint());
        byte[] broken = RawClient.AllocateMessage().AddFingerprint().Bytes;
        broken[^1] ^= 1;
        Assert.Equal(TurnRouteKind.Nothing, client.Give(broken).Route.Kind);
        Assert.Equal(1, _world.Count(TurnCounter.DroppedFingerprint));
    }

    private static void AssertChallenge(Func<RawMessage, RawMessage?> exchange, RawClient client, int code)
    {
        RawMessage answer = exchange(client.Sign(RawClient.AllocateMessage()))!;
        Assert.Equal(code, answer.Error);
        Assert.True(answer.Has(Wire.Realm) && answer.Has(Wire.Nonce) && answer.Has(Wire.PasswordAlgorithms));
        Assert.False(answer.Has(Wire.Username) || answer.Has(Wire.MessageIntegrity));
    }
}
