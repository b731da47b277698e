using V100.Net.Crypto;
using V100.Net.Native;
using V100.Stun;

namespace V100.Micro;

/// <summary>TURN: requests that a client has signed, as they keep an allocation alive, and what is done before one is believed.</summary>
internal static class TurnCases
{
    private const string Group = "TURN";
    private const int RequestLength = 100;

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
        byte[] request = new TurnUsers(1, sha256: false).Requests[0];
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
    private static Pairing Proof(int count, bool sha256)
    {
        var users = new TurnUsers(count, sha256);
        return new Pairing
        {
            Subject = new Workload(operations =>
            {
                int proven = 0;
                for (int index = 0; index < operations; index++)
                {
                    int user = index & count - 1;
                    proven += users.Proves(user) ? 1 : 0;
                }

                Premise.Holds(proven == operations);
            }),
            FloorName = "OpenSSL HMAC() of the same bytes",
            Floor = AtOnce(users, sha256),
        };
    }

    private static Pairing Mac(bool sha256)
    {
        var users = new TurnUsers(1, sha256);
        var sha1Key = new HmacSha1Key(users.Keys[0]);
        var sha256Key = new HmacSha256Key(users.Keys[0]);
        return new Pairing
        {
            Subject = new Workload(operations =>
            {
                Premise.Holds(StunReader.TryParse(users.Requests[0], out StunReader message));
                int good = 0;
                for (int index = 0; index < operations; index++)
                {
                    good += (sha256 ? StunIntegrity.Verify(message, sha256Key) : StunIntegrity.Verify(message, sha1Key)) ? 1 : 0;
                }

                Premise.Holds(good == operations);
            }),
            FloorName = "OpenSSL HMAC() of the same bytes",
            Floor = AtOnce(users, sha256),
        };
    }

    private static Workload AtOnce(TurnUsers users, bool sha256)
    {
        byte[] mac = new byte[HmacSha256Key.MacLength];
        int sealedLength = users.Requests[0].Length - 4 - (sha256 ? HmacSha256Key.MacLength : HmacSha1Key.MacLength);
        return new Workload(operations =>
        {
            for (int index = 0; index < operations; index++)
            {
                int user = index & users.Requests.Length - 1;
                OpenSsl.HmacAtOnce(sha256, users.Keys[user], users.Requests[user].AsSpan(0, sealedLength), mac);
            }
        });
    }
}
