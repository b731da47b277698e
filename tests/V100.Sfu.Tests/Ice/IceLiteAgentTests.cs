using System.Text;
using V100.Net;
using V100.Net.Crypto;
using V100.Sfu.Ice;
using V100.Stun;

namespace V100.Sfu.Tests.Ice;

public class IceLiteAgentTests
{
    private static readonly TransportAddress s_home = IceTestPeer.Home;

    public static TheoryData<int> Captured => new(Enumerable.Range(0, CapturedCheck.All.Length));

    [Theory]
    [MemberData(nameof(Captured))]
    public void A_real_clients_check_is_answered_with_its_address_signed(int index)
    {
        CapturedCheck check = CapturedCheck.All[index];
        IceCredentials local = Credentials(check.ServerUfrag, check.ServerPassword);
        using var peer = new IceTestPeer();
        var agent = new IceLiteAgent(local, IceTestPeer.PeerCredentials, tieBreaker: 0);
        byte[] bytes = check.Bytes;
        Assert.True(StunReader.TryParse(bytes, out StunReader request));
        IceCheckOutcome outcome = agent.HandleRequest(
            request, new Datagram(bytes, s_home, IceTestPeer.ServerAddress), peer.Now, peer.Output);
        Assert.Equal(new IceCheckOutcome(IceCheckResult.Answered, NewPair: true, SelectedChanged: true), outcome);

        Assert.Equal(1, peer.Output.Count);
        ReadOnlySpan<byte> packet = peer.Output.GetPacket(0, out TransportAddress remote, out TransportAddress from);
        Assert.Equal((s_home, IceTestPeer.ServerAddress), (remote, from));
        Assert.True(StunReader.TryParse(packet, out StunReader answer));
        Assert.Equal(new StunMessageType(StunMethod.Binding, StunClass.Success), answer.Type);
        Assert.Equal(request.TransactionId, answer.TransactionId);
        Assert.True(answer.TryGetXorAddress(StunAttributeType.XorMappedAddress, out TransportAddress mapped));
        Assert.Equal(s_home, mapped);
        Assert.True(StunIntegrity.Verify(answer, new HmacSha1Key(Encoding.ASCII.GetBytes(check.ServerPassword))));
        Assert.True(StunFingerprint.Verify(answer));

        // The same check to an agent with another password.
        var other = new IceLiteAgent(Credentials(check.ServerUfrag, new string('x', 32)), local, tieBreaker: 0);
        outcome = other.HandleRequest(request, new Datagram(bytes, s_home, IceTestPeer.ServerAddress), peer.Now, peer.Output);
        Assert.Equal(IceCheckResult.RejectedBadIntegrity, outcome.Result);
        Assert.True(other.Pairs.IsEmpty);
    }

    [Fact]
    public void An_IPv6_peer_is_told_its_address()
    {
        using var peer = new IceTestPeer();
        TransportAddress client = IceTestPeer.Address("[2001:db8::7]:5000");
        Assert.True(peer.Check(client).IsValid);
        Assert.True(StunReader.TryParse(peer.Output.GetPacket(0, out _, out _), out StunReader answer));
        Assert.True(answer.TryGetXorAddress(StunAttributeType.XorMappedAddress, out TransportAddress mapped));
        Assert.Equal(client, mapped);
    }

    [Fact]
    public void A_request_without_username_or_integrity_gets_an_unsigned_400()
    {
        using var peer = new IceTestPeer();
        Assert.Equal(IceCheckResult.RejectedIncomplete, peer.Send((ref StunWriter writer) =>
            writer.Write(StunAttributeType.Username, "SrvUfrag:Peer"u8)).Result);
        Assert.Equal((StunErrorCode.BadRequest, false), peer.Answer());
        Assert.Equal(IceCheckResult.RejectedIncomplete, peer.Send((ref StunWriter writer) =>
            IceTestPeer.Sign(ref writer, IceTestPeer.Credentials.Password)).Result);
        Assert.Equal((StunErrorCode.BadRequest, false), peer.Answer());
        Assert.True(peer.Agent.Pairs.IsEmpty);
    }

    [Theory]
    [InlineData("SrvUfra:Peer", false)]
    [InlineData("SrvUfragPeer", false)]
    [InlineData("srvufrag:Peer", false)]
    [InlineData("Peer:SrvUfrag", false)]
    [InlineData("SrvUfrag", false)]
    [InlineData("", false)]
    [InlineData("SrvUfrag:Other", true)] // RFC 8445, 7.3: the second part is not looked at.
    [InlineData("SrvUfrag:", true)]
    public void Only_our_part_of_the_username_counts_and_a_wrong_one_gets_an_unsigned_401(string username, bool good)
    {
        using var peer = new IceTestPeer();
        IceCheckOutcome outcome = peer.Send((ref StunWriter writer) =>
        {
            writer.Write(StunAttributeType.Username, Encoding.ASCII.GetBytes(username));
            IceTestPeer.Sign(ref writer, IceTestPeer.Credentials.Password);
        });
        Assert.Equal(good ? IceCheckResult.Answered : IceCheckResult.RejectedUnknownUsername, outcome.Result);
        Assert.Equal(good ? (default, true) : (StunErrorCode.Unauthenticated, false), peer.Answer());
    }

    [Fact]
    public void A_wrong_password_gets_an_unsigned_401_and_makes_no_pair()
    {
        using var peer = new IceTestPeer { Target = IceTestPeer.Make("SrvUfrag", "guess") };
        Assert.Equal(IceCheckResult.RejectedBadIntegrity, peer.Check(s_home, nominate: true).Result);
        Assert.Equal((StunErrorCode.Unauthenticated, false), peer.Answer());
        Assert.False(peer.Agent.IsValidPair(s_home));
        Assert.False(peer.Agent.TryGetSelected(out _, out _));
        Assert.Equal(Instant.Never, peer.Agent.ConsentDeadline);
        Assert.Equal(Instant.Never, peer.Agent.NextDeadline);
    }

    [Fact]
    public void A_wrong_fingerprint_gets_silence_and_none_is_allowed()
    {
        using var peer = new IceTestPeer();
        IceTestPeer.WriteAttributes unsealed = (ref StunWriter writer) =>
        {
            writer.Write(StunAttributeType.Username, "SrvUfrag:Peer"u8);
            writer.WriteIntegrity(new HmacSha1Key(Encoding.ASCII.GetBytes(IceTestPeer.Credentials.Password)));
        };
        Assert.True(peer.Send(unsealed).IsValid);
        IceCheckOutcome outcome = peer.Send((ref StunWriter writer) =>
        {
            unsealed(ref writer);
            writer.WriteUInt32(StunAttributeType.Fingerprint, 0x12345678);
        });
        Assert.Equal(IceCheckResult.DroppedBadFingerprint, outcome.Result);
        Assert.Equal(0, peer.Output.Count);
    }

    [Theory]
    [InlineData(0x0011)]
    [InlineData(0x0101)]
    [InlineData(0x0111)]
    [InlineData(0x0003)]
    public void Other_messages_get_silence(int type)
    {
        using var peer = new IceTestPeer();
        Assert.Equal(IceCheckResult.DroppedNotARequest, peer.Send((ref StunWriter _) => { }, type: (ushort)type).Result);
        Assert.Equal(0, peer.Output.Count);
    }

    [Fact]
    public void An_unknown_required_attribute_gets_a_signed_420_and_only_after_authentication()
    {
        using var peer = new IceTestPeer();
        IceTestPeer.WriteAttributes With(string password) => (ref StunWriter writer) =>
        {
            writer.Write(StunAttributeType.Username, "SrvUfrag:Peer"u8);
            writer.WriteFlag((StunAttributeType)0x7ffe);
            IceTestPeer.Sign(ref writer, password);
        };
        Assert.Equal(IceCheckResult.RejectedUnknownAttribute, peer.Send(With(IceTestPeer.Credentials.Password)).Result);
        Assert.Equal((StunErrorCode.UnknownAttribute, true), peer.Answer());
        Assert.True(StunReader.TryParse(peer.Output.GetPacket(0, out _, out _), out StunReader answer));
        Assert.True(answer.TryGet(StunAttributeType.UnknownAttributes, out ReadOnlySpan<byte> list));
        Assert.Equal("7FFE", Convert.ToHexString(list));
        Assert.True(peer.Agent.Pairs.IsEmpty);
        Assert.Equal(IceCheckResult.RejectedBadIntegrity, peer.Send(With("wrong")).Result);
    }

    [Fact]
    public void A_request_signed_with_sha256_gets_such_an_answer()
    {
        using var peer = new IceTestPeer();
        var key = new HmacSha256Key(Encoding.ASCII.GetBytes(IceTestPeer.Credentials.Password));
        IceCheckOutcome outcome = peer.Send((ref StunWriter writer) =>
        {
            writer.Write(StunAttributeType.Username, "SrvUfrag:Peer"u8);
            writer.WriteIntegrity(key);
            writer.WriteFingerprint();
        });
        Assert.True(outcome.IsValid);
        Assert.True(StunReader.TryParse(peer.Output.GetPacket(0, out _, out _), out StunReader answer));
        Assert.True(StunIntegrity.Verify(answer, key));
        Assert.False(answer.Has(StunAttributeType.MessageIntegrity));
    }

    // RFC 8445, 7.3.1.1: own role, own tie-breaker, the peer's attribute and tie-breaker, whether 487, the role after.
    [Theory]
    [InlineData(IceRole.Controlled, 5, StunAttributeType.IceControlling, 9, false, IceRole.Controlled)]
    [InlineData(IceRole.Controlled, 5, StunAttributeType.IceControlled, 9, true, IceRole.Controlled)]
    [InlineData(IceRole.Controlled, 5, StunAttributeType.IceControlled, 5, false, IceRole.Controlling)]
    [InlineData(IceRole.Controlled, 5, StunAttributeType.IceControlled, 4, false, IceRole.Controlling)]
    [InlineData(IceRole.Controlled, 0, StunAttributeType.IceControlled, 1, true, IceRole.Controlled)]
    [InlineData(IceRole.Controlling, 5, StunAttributeType.IceControlled, 9, false, IceRole.Controlling)]
    [InlineData(IceRole.Controlling, 5, StunAttributeType.IceControlling, 9, false, IceRole.Controlled)]
    [InlineData(IceRole.Controlling, 5, StunAttributeType.IceControlling, 5, true, IceRole.Controlling)]
    [InlineData(IceRole.Controlling, 5, StunAttributeType.IceControlling, 4, true, IceRole.Controlling)]
    [InlineData(IceRole.Controlled, 5, StunAttributeType.Software, 9, false, IceRole.Controlled)]
    public void Role_conflicts(IceRole role, int own, StunAttributeType attribute, int theirs, bool conflict, IceRole after)
    {
        using var peer = new IceTestPeer((ulong)own, role);
        IceCheckOutcome outcome = peer.Send((ref StunWriter writer) =>
        {
            writer.Write(StunAttributeType.Username, "SrvUfrag:Peer"u8);
            writer.WriteUInt64(attribute, (ulong)theirs);
            IceTestPeer.Sign(ref writer, IceTestPeer.Credentials.Password);
        });
        Assert.Equal(conflict ? IceCheckResult.RejectedRoleConflict : IceCheckResult.Answered, outcome.Result);
        Assert.Equal(conflict ? (StunErrorCode.RoleConflict, true) : (default, true), peer.Answer());
        Assert.Equal(conflict, peer.Agent.Pairs.IsEmpty);
        Assert.Equal(after, peer.Agent.Role);
    }

    [Fact]
    public void An_unauthenticated_request_changes_no_role()
    {
        using var peer = new IceTestPeer(tieBreaker: 5);
        peer.Send((ref StunWriter writer) =>
        {
            writer.Write(StunAttributeType.Username, "SrvUfrag:Peer"u8);
            writer.WriteUInt64(StunAttributeType.IceControlled, 1);
            IceTestPeer.Sign(ref writer, "guess");
        });
        Assert.Equal(IceRole.Controlled, peer.Agent.Role);
    }

    [Fact]
    public void A_check_is_answered_without_allocation()
    {
        using var peer = new IceTestPeer();
        CapturedCheck check = CapturedCheck.All[0];
        var agent = new IceLiteAgent(Credentials(check.ServerUfrag, check.ServerPassword), IceTestPeer.PeerCredentials, 0);
        byte[] bytes = check.Bytes;
        int valid = 0;
        void Rounds(int count)
        {
            for (int i = 0; i < count; i++)
            {
                // From ever new addresses, so that pairs are made and evicted too.
                var datagram = new Datagram(bytes, s_home.WithPort((ushort)(1000 + i)), IceTestPeer.ServerAddress);
                peer.Wait(0.001);
                valid += StunReader.TryParse(bytes, out StunReader request)
                    && agent.HandleRequest(request, datagram, peer.Now, peer.Output).IsValid ? 1 : 0;
                agent.HandleDeadline(peer.Now);
            }

            peer.Output.Flush();
        }

        Rounds(50);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Rounds(1000);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal(1050, valid);
    }

    private static IceCredentials Credentials(string ufrag, string password)
    {
        Assert.True(IceCredentials.TryCreate(ufrag, password, out IceCredentials credentials));
        return credentials;
    }
}
