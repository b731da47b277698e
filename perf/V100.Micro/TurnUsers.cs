using System.Security.Cryptography;
using System.Text;
using V100.Net;
using V100.Net.Crypto;
using V100.Stun;
using V100.Turn;

namespace V100.Micro;

/// <summary>Users of one shard who have proven themselves once, each with a Refresh that is good.</summary>
internal sealed class TurnUsers
{
    private const string Realm = "v100";
    private const string Password = "passwordof24characters/+";

    /// <param name="count">A power of two, at most 64.</param>
    /// <param name="sha256">They name SHA-256 as their password algorithm and seal with it.</param>
    public TurnUsers(int count, bool sha256)
    {
        string[] names = [.. Enumerable.Range(0, count).Select(index => $"user{index:d4}")];
        var settings = new TurnSettings
        {
            Credentials = new TurnCredentials(Realm, names.Select(name => KeyValuePair.Create(name, Password))),
            Peers = new PeerPolicy(new PeerRules()),
        };
        var server = new TurnServer(settings, 1, new SystemEntropy(), unixSeconds: 1_800_000_000, Now);
        Shard = new TurnShard(0, server, new NoSockets(), new SystemEntropy(), Now);
        Flows = [.. names.Select((_, index) => new ClientFlow(
            TransportAddress.FromIPv4(0xC000_0201 + (uint)index, 50_000), TransportAddress.FromIPv4(0xC633_6401, 3478)))];
        Keys = [.. names.Select(name => KeyOf(name, sha256))];
        Requests = [.. names.Select((name, index) => Request(name, Keys[index], NonceOf(Flows[index]), sha256))];
        for (int user = 0; user < count; user++)
        {
            Premise.Holds(Proves(user));
        }
    }

    /// <summary>All of it happens in this moment.</summary>
    public static Instant Now { get; } = new(1_000_000_000);

    public TurnShard Shard { get; }
    public ClientFlow[] Flows { get; }
    public byte[][] Keys { get; }
    public byte[][] Requests { get; }

    /// <summary>Whether the user's Refresh is parsed, its nonce good, its user known, its integrity right.</summary>
    public bool Proves(int user) => StunReader.TryParse(Requests[user], out StunReader message)
        && Shard.TryAuthenticate(in message, in Flows[user], null, Now, out _, out _);

    private byte[] NonceOf(ClientFlow flow)
    {
        byte[] buffer = new byte[64];
        var writer = new StunWriter(buffer, new StunMessageType(StunMethod.Allocate, StunClass.Request), "transaction!"u8);
        writer.WriteUInt32(StunAttributeType.RequestedTransport, 17u << 24);
        Premise.Holds(StunReader.TryParse(buffer.AsSpan(0, writer.Finish()), out StunReader request));
        byte[] response = new byte[TurnShard.MaxResponseLength];
        TurnRoute route = Shard.HandleStun(in flow, in request, response, Now);
        Premise.Holds(StunReader.TryParse(response.AsSpan(0, route.HeaderLength), out StunReader challenge));
        Premise.Holds(challenge.TryGet(StunAttributeType.Nonce, out ReadOnlySpan<byte> nonce));
        return nonce.ToArray();
    }

    // RFC 8489, 18.5.1.
    private static byte[] KeyOf(string name, bool sha256)
    {
        byte[] text = Encoding.UTF8.GetBytes($"{name}:{Realm}:{Password}");
#pragma warning disable CA5351 // The long-term key of clients that know no other is MD5.
        return sha256 ? SHA256.HashData(text) : MD5.HashData(text);
#pragma warning restore CA5351
    }

    /// <summary>USERNAME, REALM, NONCE, and what seals them: a Refresh that asks for the default lifetime.</summary>
    private static byte[] Request(string name, byte[] key, byte[] nonce, bool sha256)
    {
        byte[] bytes = new byte[256];
        var writer = new StunWriter(bytes, new StunMessageType(StunMethod.Refresh, StunClass.Request), "transaction!"u8);
        writer.Write(StunAttributeType.Username, Encoding.UTF8.GetBytes(name));
        writer.Write(StunAttributeType.Realm, Encoding.UTF8.GetBytes(Realm));
        writer.Write(StunAttributeType.Nonce, nonce);
        if (sha256)
        {
            writer.Write(StunAttributeType.PasswordAlgorithms, [0, 2, 0, 0, 0, 1, 0, 0]);
            writer.Write(StunAttributeType.PasswordAlgorithm, [0, 2, 0, 0]);
            writer.WriteIntegrity(new HmacSha256Key(key));
        }
        else
        {
            writer.WriteIntegrity(new HmacSha1Key(key));
        }

        return bytes[..writer.Finish()];
    }

    /// <summary>No allocation is made here.</summary>
    private sealed class NoSockets : IRelaySockets
    {
        public bool SupportsDontFragment => false;

        public bool TryOpen(RelayId relay, in TransportAddress local, RelayTransport transport) => false;

        public IDisposable? TryHold(in TransportAddress local) => null;

        public bool TryAdopt(RelayId relay, IDisposable held) => throw new InvalidOperationException("nothing is held");

        public void Close(RelayId relay)
        {
        }
    }
}
