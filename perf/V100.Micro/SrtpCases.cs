using System.Buffers.Binary;
using V100.Net.Crypto;
using V100.Net.Native;
using V100.Sfu.Rtp;
using V100.Sfu.Srtp;

namespace V100.Micro;

/// <summary>SRTP of one packet, beside OpenSSL's EVP with a context that keeps the key, over the same bytes.</summary>
internal static class SrtpCases
{
    private const string Group = "SRTP";
    private const uint Ssrc = 0x1234_5678;

    // Packets that one slice of unprotecting consumes: half of the second-level cache at most.
    private const int Slots = 256;
    private static readonly SrtpProfile[] _profiles = [SrtpProfile.AeadAes128Gcm, SrtpProfile.AeadAes256Gcm, SrtpProfile.Aes128CmSha1_80];

    public static IEnumerable<Case> All =>
        from profile in _profiles
        from length in (int[])[160, 1200]
        from what in (Case[])
        [
            new(Group, $"{NameOf(profile)} protect {length} B", () => Protect(profile, length)),
            new(Group, $"{NameOf(profile)} unprotect {length} B", () => Unprotect(profile, length)),
        ]
        select what;

    private static string NameOf(SrtpProfile profile) => profile switch
    {
        SrtpProfile.AeadAes128Gcm => "AES-128-GCM",
        SrtpProfile.AeadAes256Gcm => "AES-256-GCM",
        _ => "AES-128-CM HMAC-SHA1-80",
    };

    /// <summary>Packets with rising numbers, each from its payload.</summary>
    internal static Workload Protecting(SrtpProfile profile, int length, out SrtpSender sender)
    {
        SrtpSender protector = sender = new SrtpSender(profile, new byte[profile.KeyLength()], new byte[profile.SaltLength()]);
        byte[] packet = new byte[length + SrtpSender.MaxOverhead];
        byte[] payload = new byte[length - RtpHeader.FixedLength];
        WriteHeader(packet, 0);
        long sequence = 0;
        return new Workload(operations =>
        {
            for (int index = 0; index < operations; index++, sequence++)
            {
                BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(2), (ushort)sequence);
                Premise.Holds(protector.ProtectRtp(packet, RtpHeader.FixedLength, payload, sequence) > length);
            }
        });
    }

    private static Pairing Protect(SrtpProfile profile, int length)
    {
        Workload subject = Protecting(profile, length, out SrtpSender sender);
        byte[] packet = new byte[length + SrtpSender.MaxOverhead];
        byte[] payload = new byte[length - RtpHeader.FixedLength];
        WriteHeader(packet, 0);
        var floor = new BareCipher(profile);
        return new Pairing
        {
            Owned = [sender, floor],
            Subject = subject,
            FloorName = floor.Name,
            Floor = new Workload(operations =>
            {
                for (int index = 0; index < operations; index++)
                {
                    floor.Seal(packet, RtpHeader.FixedLength, payload);
                }
            }),
        };
    }

    private static Pairing Unprotect(SrtpProfile profile, int length)
    {
        byte[] key = new byte[profile.KeyLength()];
        byte[] salt = new byte[profile.SaltLength()];
        var sender = new SrtpSender(profile, key, salt);
        var receiver = new SrtpReceiver(profile, key, salt);
        var floor = new BareCipher(profile);
        byte[] payload = new byte[length - RtpHeader.FixedLength];
        byte[] output = new byte[length];
        byte[][] packets = Packets(length + profile.TagLength());
        byte[][] floorPackets = Packets(length + profile.TagLength());
        foreach (byte[] packet in floorPackets)
        {
            floor.Seal(packet, RtpHeader.FixedLength, payload);
        }

        long sequence = 0;
        return new Pairing
        {
            Owned = [sender, receiver, floor],
            Subject = new Workload(operations =>
            {
                for (int index = 0; index < operations; index++)
                {
                    ReadOnlySpan<byte> packet = packets[index];
                    ushort number = BinaryPrimitives.ReadUInt16BigEndian(packet[2..]);
                    Premise.Holds(
                        receiver.UnprotectRtp(packet, RtpHeader.FixedLength, Ssrc, number, output, out _, out _) == SrtpResult.Ok);
                }
            })
            {
                MaxCount = Slots,
                Prepare = operations =>
                {
                    for (int index = 0; index < operations; index++, sequence++)
                    {
                        WriteHeader(packets[index], (ushort)sequence);
                        sender.ProtectRtp(packets[index], RtpHeader.FixedLength, payload, sequence);
                    }
                },
            },
            FloorName = floor.Name,
            Floor = new Workload(operations =>
            {
                for (int index = 0; index < operations; index++)
                {
                    Premise.Holds(floor.TryOpen(floorPackets[index], RtpHeader.FixedLength, output));
                }
            })
            {
                MaxCount = Slots,
            },
        };
    }

    private static byte[][] Packets(int length)
    {
        byte[][] packets = new byte[Slots][];
        for (int index = 0; index < Slots; index++)
        {
            packets[index] = new byte[length];
            WriteHeader(packets[index], 0);
        }

        return packets;
    }

    internal static void WriteHeader(Span<byte> packet, ushort sequence)
    {
        packet[0] = 0x80;
        packet[1] = 96;
        BinaryPrimitives.WriteUInt16BigEndian(packet[2..], sequence);
        BinaryPrimitives.WriteUInt32BigEndian(packet[8..], Ssrc);
    }
}

/// <summary>What a profile asks of OpenSSL for one packet, without what SRTP does around it: no index, no nonce, no replay window.</summary>
internal sealed class BareCipher : IDisposable
{
    private const int TagLength = 10;
    private const int RolloverLength = 4;

    private readonly AesGcmOpenSsl? _gcm;
    private readonly AesCounterOpenSsl? _counter;
    private readonly OpenSsl.HmacSha1Context? _mac;
    private readonly byte[] _nonce;
    private readonly byte[] _tag = new byte[20];

    public BareCipher(SrtpProfile profile)
    {
        byte[] key = new byte[profile.KeyLength()];
        if (profile.IsAead())
        {
            _gcm = new AesGcmOpenSsl(key);
            _nonce = new byte[AesGcmCipher.NonceLength];
        }
        else
        {
            _counter = new AesCounterOpenSsl(key);
            _mac = new OpenSsl.HmacSha1Context(new byte[20]);
            _nonce = new byte[AesCounterCipher.CounterBlockLength];
        }
    }

    public string Name => _gcm is null ? "OpenSSL EVP AES-CTR and HMAC_CTX, keys kept" : "OpenSSL EVP, key kept";

    public void Seal(Span<byte> packet, int headerLength, ReadOnlySpan<byte> payload)
    {
        if (_gcm is not null)
        {
            _gcm.Encrypt(_nonce, packet[..headerLength], payload, packet[headerLength..]);
            return;
        }

        Span<byte> body = packet.Slice(headerLength, payload.Length);
        _counter!.Transform(_nonce, payload, body);
        _mac!.Compute(packet[..(headerLength + payload.Length)], _nonce.AsSpan(0, RolloverLength), _tag);
        _tag.AsSpan(0, TagLength).CopyTo(packet[(headerLength + payload.Length)..]);
    }

    public bool TryOpen(ReadOnlySpan<byte> packet, int headerLength, Span<byte> output)
    {
        if (_gcm is not null)
        {
            return _gcm.TryDecrypt(_nonce, packet[..headerLength], packet[headerLength..], output[headerLength..]);
        }

        ReadOnlySpan<byte> authenticated = packet[..^TagLength];
        _mac!.Compute(authenticated, _nonce.AsSpan(0, RolloverLength), _tag);
        _counter!.Transform(_nonce, authenticated[headerLength..], output[headerLength..]);
        return _tag.AsSpan(0, TagLength).SequenceEqual(packet[^TagLength..]);
    }

    public void Dispose()
    {
        _gcm?.Dispose();
        _counter?.Dispose();
        _mac?.Dispose();
    }
}
