using System.Security.Cryptography;
using System.Text;
using V100.Net;
using V100.Net.Crypto;
using V100.Net.Native;
using V100.Stun;
using V100.Turn;

namespace V100.Micro;

/// <summary>TURN: requests that a client has signed, as they keep an allocation alive, and what is done before one is believed.</summary>
internal static class TurnCases
{
    private const string Group = "TURN";
    private const string Realm = "v100";
    private const string Password = "passwordof24characters/+";
    private const int RequestLength = 100;

    private static readonly Instant _now = new(1_000_000_000);

    public static IEnumerable<Case> All =>
    [
        new(Group, "parse a 100-byte Refresh", Parse),
        new(Group, "Refresh of a known user proven whole, SHA-1", () => Proof(1, sha256: false)),
        new(Group, "Refresh of a known user proven whole, SHA-256", () => Proof(1, sha256: true)),
        new(Group, "Refresh proven whole, 64 users, SHA-1", () => Proof(64, sha256: false)),
        new(Group, "Refresh proven whole, 64 users, SHA-256", () => Proof(64, sha256: true)),
        new(Group, "HMAC-SHA-1 of a Refresh, key known", () => Mac(sha256: false)),
        new(Group, "HMAC-SHA-256 of a Refresh, key known", () => Mac(sha256: true)),
    ];

    private static Pairing Parse()
    {
        byte[] request = new Clients(1, sha256: false).Requests[0];
        Premise.Holds(request.Length == RequestLength);
        return new Pairing
        {
            Subject = new Workload(operations =>
            {
                int parsed = 0;
                for (int index = 0; index < operations; index++)
                {
                    parsed += StunReader.TryParse(request, out StunReader message) && message.Has(StunAttributeType.Nonce) ? 1 : 0;
                }

                Premise.Holds(parsed == operations);
            }),
            FloorName = "a walk along the attribute lengths that checks nothing",
            Floor = new Workload(operations =>
            {
                int attributes = 0;
                for (int index = 0; index < operations; index++)
                {
                    attributes += StunCases.Walk(request);
                }

                Premise.Holds(attributes == 4 * operations);
            }),
        };
    }

    /// <summary>Parsed, its nonce checked, its user's key found, its integrity computed and compared.</summary>
    private static Pairing Proof(int users, bool sha256)
    {
        var clients = new Clients(users, sha256);
        return new Pairing
        {
            Subject = new Workload(operations =>
            {
                int proven = 0;
                for (int index = 0; index < operations; index++)
                {
                    int user = index & users - 1;
                    proven += StunReader.TryParse(clients.Requests[user], out StunReader message)
                        && clients.Shard.TryAuthenticate(in message, in clients.Flows[user], null, _now, out _, out _) ? 1 : 0;
                }

                Premise.Holds(proven == operations);
            }),
            FloorName = "OpenSSL HMAC() of the same bytes",
            Floor = AtOnce(clients, sha256),
        };
    }

    private static Pairing Mac(bool sha256)
    {
        var clients = new Clients(1, sha256);
        var sha1Key = new HmacSha1Key(clients.Keys[0]);
        var sha256Key = new HmacSha256Key(clients.Keys[0]);
        return new Pairing
        {
            Subject = new Workload(operations =>
            {
                Premise.Holds(StunReader.TryParse(clients.Requests[0], out StunReader message));
                int good = 0;
                for (int index = 0; index < operations; index++)
                {
                    good += (sha256 ? StunIntegrity.Verify(message, sha256Key) : StunIntegrity.Verify(message, sha1Key)) ? 1 : 0;
                }

                Premise.Holds(good == operations);
            }),
            FloorName = "OpenSSL HMAC() of the same bytes",
            Floor = AtOnce(clients, sha256),
        };
    }

    private static Workload AtOnce(Clients clients, bool sha256)
    {
        byte[] mac = new byte[HmacSha256Key.MacLength];
        int sealedLength = clients.Requests[0].Length - 4 - (sha256 ? HmacSha256Key.MacLength : HmacSha1Key.MacLength);
        return new Workload(operations =>
        {
            for (int index = 0; index < operations; index++)
            {
                int user = index & clients.Requests.Length - 1;
                OpenSsl.HmacAtOnce(sha256, clients.Keys[user], clients.Requests[user].AsSpan(0, sealedLength), mac);
            }
        });
    }

    /// <summary>Users of one shard who have proven themselves once, each with a Refresh that is good.</summary>
    private sealed class Clients
    {
        /// <param name="count">A power of two, at most 64.</param>
        /// <param name="sha256">They name SHA-256 as their password algorithm and seal with it.</param>
        public Clients(int count, bool sha256)
        {
            string[] names = [.. Enumerable.Range(0, count).Select(index => $"user{index:d4}")];
            var settings = new TurnSettings
            {
                Credentials = new TurnCredentials(Realm, names.Select(name => KeyValuePair.Create(name, Password))),
                Peers = new PeerPolicy(new PeerRules()),
            };
            var server = new TurnServer(settings, 1, new SystemEntropy(), unixSeconds: 1_800_000_000, _now);
            Shard = new TurnShard(0, server, new NoSockets(), new SystemEntropy(), _now);
            Flows = [.. names.Select((_, index) => new ClientFlow(
                TransportAddress.FromIPv4(0xC000_0201 + (uint)index, 50_000), TransportAddress.FromIPv4(0xC633_6401, 3478)))];
            Keys = [.. names.Select(name => KeyOf(name, sha256))];
            Requests = [.. names.Select((name, index) => Request(name, Keys[index], NonceOf(Flows[index]), sha256))];
            foreach ((byte[] request, ClientFlow flow) in Requests.Zip(Flows))
            {
                Premise.Holds(StunReader.TryParse(request, out StunReader message) && Shard.TryAuthenticate(in message, in flow, null, _now, out _, out _));
            }
        }

        public TurnShard Shard { get; }
        public ClientFlow[] Flows { get; }
        public byte[][] Keys { get; }
        public byte[][] Requests { get; }

        private byte[] NonceOf(ClientFlow flow)
        {
            byte[] buffer = new byte[64];
            var writer = new StunWriter(buffer, new StunMessageType(StunMethod.Allocate, StunClass.Request), "transaction!"u8);
            writer.WriteUInt32(StunAttributeType.RequestedTransport, 17u << 24);
            Premise.Holds(StunReader.TryParse(buffer.AsSpan(0, writer.Finish()), out StunReader request));
            byte[] response = new byte[TurnShard.MaxResponseLength];
            TurnRoute route = Shard.HandleStun(in flow, in request, response, _now);
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
