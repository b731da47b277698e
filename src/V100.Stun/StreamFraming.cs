using System.Buffers.Binary;

namespace V100.Stun;

/// <summary>How a client's stream is cut into packets. It is told by the first bytes and stays for the connection's life.</summary>
public enum StreamFraming : byte
{
    /// <summary>The bytes so far can begin either.</summary>
    Undecided,

    /// <summary>STUN and ChannelData messages, which say their own length (RFC 8489, 6.2.2; RFC 8656, 12.5).</summary>
    Stun,

    /// <summary>Two bytes of length before each packet (RFC 4571, 2): ICE over TCP (RFC 6544, 3).</summary>
    LengthPrefixed,

    /// <summary>Neither begins so.</summary>
    Garbage,
}

/// <summary>Tells the framings of a stream apart, and finds the borders of packets with a length before them.</summary>
/// <remarks>Either way the first packet is a STUN message: a stream without one has neither an allocation nor a checked pair behind it.</remarks>
public static class StreamFramings
{
    /// <summary>Bytes of the length before a packet.</summary>
    public const int PrefixLength = 2;

    /// <summary>With so many bytes the answer is never <see cref="StreamFraming.Undecided"/>.</summary>
    public const int DecidingLength = PrefixLength + StunHeader.CookieOffset + 4;

    /// <summary>Looks at the beginning of a stream, and says garbage at the earliest byte that can tell.</summary>
    /// <param name="stream">The first bytes that came.</param>
    /// <param name="maxLength">The longest first message.</param>
    public static StreamFraming Detect(ReadOnlySpan<byte> stream, int maxLength)
    {
        bool stun = stream.IsEmpty || stream[0] <= 3 && StunFraming.Read(stream, maxLength, out _, out _) != StunFrame.Garbage;
        if (stun && stream.Length >= DecidingLength - PrefixLength)
        {
            return StreamFraming.Stun;
        }

        bool prefixed = MayBePrefixed(stream, maxLength);
        if (prefixed && stream.Length >= DecidingLength)
        {
            return StreamFraming.LengthPrefixed;
        }

        return stun || prefixed ? StreamFraming.Undecided : StreamFraming.Garbage;
    }

    /// <summary>The length of the packet behind the prefix; -1 while the prefix is not whole. A packet of no bytes is a null packet, to be ignored (RFC 4571, 2).</summary>
    public static int ReadPrefix(ReadOnlySpan<byte> stream) =>
        stream.Length < PrefixLength ? -1 : BinaryPrimitives.ReadUInt16BigEndian(stream);

    private static bool MayBePrefixed(ReadOnlySpan<byte> stream, int maxLength)
    {
        if (stream.Length < PrefixLength)
        {
            return stream.IsEmpty || stream[0] << 8 <= maxLength;
        }

        int length = BinaryPrimitives.ReadUInt16BigEndian(stream);
        if (length < StunHeader.Length || length > maxLength)
        {
            return false;
        }

        ReadOnlySpan<byte> message = stream[PrefixLength..];
        return message.IsEmpty
            || message[0] <= 3
            && (message.Length < 4 || BinaryPrimitives.ReadUInt16BigEndian(message[2..]) == length - StunHeader.Length && (length & 3) == 0)
            && (message.Length < 4 || StunFraming.StartsCookie(message[StunHeader.CookieOffset..]));
    }
}
