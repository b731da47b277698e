using System.Buffers.Binary;
using System.Runtime.Intrinsics.X86;
using System.Text;
using V100.Net;
using V100.Net.Crypto;
using V100.Net.Native;
using V100.Sfu.Ice;
using V100.Stun;
using V100.Turn;

namespace V100.Micro;

/// <summary>STUN: an ICE check of 100 bytes as browsers send it, and what is done with it.</summary>
internal static class StunCases
{
    private const string Group = "STUN";
    private const string Ufrag = "localufragof15c";
    private const string Password = "passwordof24characters/+";
    private const int CheckLength = 100;

    public static IEnumerable<Case> All =>
    [
        new(Group, "parse a 100-byte ICE check", () => Parse(1)),
        new(Group, "parse, 64 checks whose attributes differ", () => Parse(64)),
        new(Group, "integrity of it, key known", () => Integrity(atOnce: false)),
        new(Group, "integrity of it, beside the one-shot call", () => Integrity(atOnce: true)),
        new(Group, "FINGERPRINT's CRC of it", Fingerprint),
        new(Group, "Binding request answered", BindingAnswer),
        new(Group, "ICE check handled whole", WholeCheck),
        new("TURN", "time-limited credential checked", Credential),
    ];

    /// <param name="count">A power of two.</param>
    private static Pairing Parse(int count)
    {
        byte[][] checks = [.. Enumerable.Range(0, count).Select(index => Check(nominates: index % 3 != 1, ufrag: Ufrag[(index % 5 * 2)..]))];
        return new Pairing
        {
            Subject = new Workload(operations =>
            {
                int parsed = 0;
                for (int index = 0; index < operations; index++)
                {
                    parsed += StunReader.TryParse(checks[index & count - 1], out StunReader message) && message.Has(StunAttributeType.Username) ? 1 : 0;
                }

                Premise.Holds(parsed == operations);
            }),
            FloorName = "a walk along the attribute lengths that checks nothing",
            Floor = new Workload(operations =>
            {
                int attributes = 0;
                for (int index = 0; index < operations; index++)
                {
                    attributes += Walk(checks[index & count - 1]);
                }

                Premise.Holds(attributes >= 5 * operations);
            }),
        };
    }

    internal static int Walk(ReadOnlySpan<byte> message)
    {
        int attributes = 0;
        for (int offset = StunHeader.Length; offset < message.Length; attributes++)
        {
            offset += 4 + (BinaryPrimitives.ReadUInt16BigEndian(message[(offset + 2)..]) + 3 & ~3);
        }

        return attributes;
    }

    private static Pairing Integrity(bool atOnce)
    {
        byte[] check = Check();
        byte[] password = Encoding.ASCII.GetBytes(Password);
        var key = new HmacSha1Key(password);
        var context = new OpenSsl.HmacSha1Context(password);
        byte[] mac = new byte[HmacSha1Key.MacLength];

        // The MAC ends before its own attribute and the fingerprint.
        int sealedLength = CheckLength - 8 - 4 - HmacSha1Key.MacLength;
        return new Pairing
        {
            Owned = [context],
            Subject = new Workload(operations =>
            {
                Premise.Holds(StunReader.TryParse(check, out StunReader message));
                int good = 0;
                for (int index = 0; index < operations; index++)
                {
                    good += StunIntegrity.Verify(message, key) ? 1 : 0;
                }

                Premise.Holds(good == operations);
            }),
            FloorName = atOnce ? "OpenSSL HMAC() of the same bytes" : "OpenSSL HMAC_CTX that keeps the key, same bytes",
            Floor = new Workload(operations =>
            {
                for (int index = 0; index < operations; index++)
                {
                    if (atOnce)
                    {
                        context.ComputeAtOnce(check.AsSpan(0, sealedLength), mac);
                    }
                    else
                    {
                        context.Compute(check.AsSpan(0, sealedLength), default, mac);
                    }
                }
            }),
        };
    }

    private static Pairing Fingerprint()
    {
        byte[] check = Check();
        return new Pairing
        {
            Subject = new Workload(operations =>
            {
                uint sum = 0;
                for (int index = 0; index < operations; index++)
                {
                    sum ^= StunFingerprint.Compute(check.AsSpan(0, CheckLength - 8)) + (uint)index;
                }

                Premise.Holds(sum != 0x1234_5678);
            }),
            FloorName = "the processor's CRC-32C of as many bytes: another polynomial",
            Floor = !Sse42.X64.IsSupported ? null : new Workload(operations =>
            {
                ulong sum = 0;
                for (int index = 0; index < operations; index++)
                {
                    sum ^= Crc32C(check.AsSpan(0, CheckLength - 8)) + (uint)index;
                }

                Premise.Holds(sum != 0x1234_5678);
            }),
        };
    }

    private static ulong Crc32C(ReadOnlySpan<byte> bytes)
    {
        ulong crc = uint.MaxValue;
        for (; bytes.Length >= 8; bytes = bytes[8..])
        {
            crc = Sse42.X64.Crc32(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        }

        return bytes.Length >= 4 ? Sse42.Crc32((uint)crc, BinaryPrimitives.ReadUInt32LittleEndian(bytes)) : crc;
    }

    private static Pairing BindingAnswer()
    {
        byte[] request = new byte[StunHeader.Length];
        _ = new StunWriter(request, new StunMessageType(StunMethod.Binding, StunClass.Request), "transaction!"u8).Finish();
        byte[] response = new byte[BindingServer.MaxResponseLength];
        TransportAddress client = TransportAddress.FromIPv4(0xC000_0201, 50_000);
        return new Pairing
        {
            Subject = new Workload(operations =>
            {
                int length = 0;
                for (int index = 0; index < operations; index++)
                {
                    length += BindingServer.Respond(new Datagram(request, client, default), response);
                }

                Premise.Holds(length == 32 * operations);
            }),
        };
    }

    /// <summary>Parsed, its integrity and fingerprint checked, its pair found, the answer written and signed: all but the lookup of the peer.</summary>
    private static Pairing WholeCheck()
    {
        byte[] check = Check();
        Premise.Holds(IceCredentials.TryCreate(Ufrag, Password, out IceCredentials local));
        Premise.Holds(IceCredentials.TryCreate("peer", Password, out IceCredentials remote));
        var agent = new IceLiteAgent(local, remote, tieBreaker: 0);
        var output = new TransmitBatch(new Discarding(), 64);
        var context = new OpenSsl.HmacSha1Context(Encoding.ASCII.GetBytes(Password));
        byte[] mac = new byte[HmacSha1Key.MacLength];
        TransportAddress client = TransportAddress.FromIPv4(0xC000_0201, 50_000);
        TransportAddress server = TransportAddress.FromIPv4(0xC633_6401, 3478);
        var now = new Instant(1_000_000_000);
        return new Pairing
        {
            Owned = [output, context],
            Subject = new Workload(operations =>
            {
                int valid = 0;
                for (int index = 0; index < operations; index++)
                {
                    if (StunReader.TryParse(check, out StunReader message))
                    {
                        valid += agent.HandleRequest(message, new Datagram(check, client, server), now, output).IsValid ? 1 : 0;
                    }
                }

                output.Flush();
                Premise.Holds(valid == operations);
            }),
            FloorName = "two OpenSSL HMACs with a kept key: of 68 bytes and of 32",
            Floor = new Workload(operations =>
            {
                for (int index = 0; index < operations; index++)
                {
                    context.Compute(check.AsSpan(0, 68), default, mac);
                    context.Compute(check.AsSpan(0, 32), default, mac);
                }
            }),
        };
    }

    private static Pairing Credential()
    {
        const long Now = 1_800_000_000;
        const string Secret = "a-shared-secret-of-32-characters";
        var credentials = new TimeLimitedCredentials(Secret);
        Premise.Holds(credentials.TryMake("alice", Now + 3600, out string username, out string password));
        byte[] usernameBytes = Encoding.UTF8.GetBytes(username);
        byte[] passwordBytes = Encoding.UTF8.GetBytes(password);
        var context = new OpenSsl.HmacSha1Context(Encoding.UTF8.GetBytes(Secret));
        byte[] mac = new byte[HmacSha1Key.MacLength];
        return new Pairing
        {
            Owned = [context],
            Subject = new Workload(operations =>
            {
                int valid = 0;
                for (int index = 0; index < operations; index++)
                {
                    valid += credentials.Verify(usernameBytes, passwordBytes, Now) == TimeLimitedResult.Valid ? 1 : 0;
                }

                Premise.Holds(valid == operations);
            }),
            FloorName = "OpenSSL HMAC_CTX that keeps the key, over the username",
            Floor = new Workload(operations =>
            {
                for (int index = 0; index < operations; index++)
                {
                    context.Compute(usernameBytes, default, mac);
                }
            }),
        };
    }

    /// <summary>What Chromium sends: USERNAME, ICE-CONTROLLING, PRIORITY, USE-CANDIDATE, MESSAGE-INTEGRITY, FINGERPRINT.</summary>
    internal static byte[] Check(bool nominates = true, string ufrag = Ufrag)
    {
        byte[] bytes = new byte[128];
        var writer = new StunWriter(bytes, new StunMessageType(StunMethod.Binding, StunClass.Request), "transaction!"u8);
        writer.Write(StunAttributeType.Username, Encoding.ASCII.GetBytes($"{ufrag}:peer"));
        writer.WriteUInt64(StunAttributeType.IceControlling, 77);
        writer.WriteUInt32(StunAttributeType.Priority, 1853824767);
        if (nominates)
        {
            writer.WriteFlag(StunAttributeType.UseCandidate);
        }

        writer.WriteIntegrity(new HmacSha1Key(Encoding.ASCII.GetBytes(Password)));
        writer.WriteFingerprint();
        int length = writer.Finish();
        Premise.Holds(length == CheckLength || !nominates || ufrag != Ufrag);
        return bytes[..length];
    }
}
