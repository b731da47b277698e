using System.Buffers.Binary;
using V100.Micro.Native;
using V100.Net.Crypto;
using V100.Sfu.Rtp;
using V100.Sfu.Srtp;

namespace V100.Micro;

/// <summary>SRTP of one packet beside libsrtp, which does the same: index, nonce, header, tag. Where there is no libsrtp, these rows are left out.</summary>
internal static class SrtpPeerCases
{
    private const string Group = "SRTP";

    public static IEnumerable<Case> All =>
    [
        new(Group, "AES-128-GCM protect 160 B, beside libsrtp", () => Protect(SrtpProfile.AeadAes128Gcm, LibSrtp.ProfileAeadAes128Gcm, 160)),
        new(Group, "AES-128-GCM protect 1200 B, beside libsrtp", () => Protect(SrtpProfile.AeadAes128Gcm, LibSrtp.ProfileAeadAes128Gcm, 1200)),
        new(Group, "AES-128-CM HMAC-SHA1-80 protect 160 B, beside libsrtp", () => Protect(SrtpProfile.Aes128CmSha1_80, LibSrtp.ProfileAes128CmSha1_80, 160)),
        new(Group, "AES-128-CM HMAC-SHA1-80 protect 1200 B, beside libsrtp", () => Protect(SrtpProfile.Aes128CmSha1_80, LibSrtp.ProfileAes128CmSha1_80, 1200)),
    ];

    private static Pairing Protect(SrtpProfile profile, int peerProfile, int length)
    {
        Workload subject = SrtpCases.Protecting(profile, length, out SrtpSender sender);
        byte[] packet = new byte[length + SrtpSender.MaxOverhead];
        SrtpCases.WriteHeader(packet, 0);
        var session = new Session(LibSrtp.CreateSender(peerProfile, new byte[profile.KeyLength() + profile.SaltLength()]));
        RequireSameBytes(profile, peerProfile, length);
        ushort sequence = 0;
        return new Pairing
        {
            Owned = [sender, session],
            Subject = subject,
            FloorName = $"libsrtp {LibSrtp.Version}",
            Floor = new Workload(operations =>
            {
                for (int index = 0; index < operations; index++, sequence++)
                {
                    BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(2), sequence);
                    int packetLength = length;
                    Premise.Holds(LibSrtp.srtp_protect(session.Handle, ref packet[0], ref packetLength) == 0 && packetLength > length);
                }
            }),
        };
    }

    /// <summary>Both make the same packet of the same key: they do the same work.</summary>
    private static void RequireSameBytes(SrtpProfile profile, int peerProfile, int length)
    {
        byte[] key = [.. Enumerable.Range(1, profile.KeyLength()).Select(value => (byte)value)];
        byte[] salt = [.. Enumerable.Range(100, profile.SaltLength()).Select(value => (byte)value)];
        using var sender = new SrtpSender(profile, key, salt);
        using var session = new Session(LibSrtp.CreateSender(peerProfile, [.. key, .. salt]));
        byte[] ours = new byte[length + SrtpSender.MaxOverhead];
        byte[] theirs = new byte[length + SrtpSender.MaxOverhead];
        SrtpCases.WriteHeader(ours, 77);
        SrtpCases.WriteHeader(theirs, 77);
        int ourLength = sender.ProtectRtp(ours, RtpHeader.FixedLength, new byte[length - RtpHeader.FixedLength], 77);
        int theirLength = length;
        Premise.Holds(LibSrtp.srtp_protect(session.Handle, ref theirs[0], ref theirLength) == 0);
        Premise.Holds(ours.AsSpan(0, ourLength).SequenceEqual(theirs.AsSpan(0, theirLength)), "libsrtp makes another packet of the same key.");
    }

    private sealed class Session(nint handle) : IDisposable
    {
        public nint Handle => handle;

        public void Dispose() => _ = LibSrtp.srtp_dealloc(handle);
    }
}
