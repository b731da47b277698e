namespace V100.Stun;

/// <summary>What a datagram on the shared port is, told by its first bytes (RFC 7983, 7; RFC 9443 keeps the ranges).</summary>
public enum PacketKind : byte
{
    /// <summary>Nothing that this server speaks: empty, ZRTP (16 to 19), QUIC (80 to 127, 192 to 255), or unassigned.</summary>
    Unknown,

    /// <summary>0 to 3.</summary>
    Stun,

    /// <summary>20 to 63.</summary>
    Dtls,

    /// <summary>64 to 79: a TURN ChannelData message (RFC 8656, 12.4).</summary>
    ChannelData,

    /// <summary>128 to 191 with a payload type outside the range of RTCP.</summary>
    Rtp,

    /// <summary>128 to 191 with a packet type of 192 to 223 (RFC 5761, 4).</summary>
    Rtcp,
}

/// <summary>Tells the protocols on the shared port apart.</summary>
public static class PacketDemux
{
    /// <summary>Looks at the first byte, and for RTP and RTCP at the second. It promises nothing about the rest.</summary>
    public static PacketKind Classify(ReadOnlySpan<byte> datagram)
    {
        if (datagram.Length < 2)
        {
            return PacketKind.Unknown;
        }

        // RFC 7983, 7, figure 3; media first, since nearly all packets are media.
        int first = datagram[0];
        if (first >> 6 == 2)
        {
            // RFC 5761, 4: with RTP payload types 64 to 95 kept free, the two never overlap.
            return (uint)(datagram[1] - 192) <= 223 - 192 ? PacketKind.Rtcp : PacketKind.Rtp;
        }

        return first switch
        {
            <= 3 => PacketKind.Stun,
            >= 20 and <= 63 => PacketKind.Dtls,
            >= 64 and <= 79 => PacketKind.ChannelData,
            _ => PacketKind.Unknown,
        };
    }
}
