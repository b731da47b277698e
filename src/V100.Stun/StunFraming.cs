using System.Buffers.Binary;

namespace V100.Stun;

/// <summary>What stands at the front of the bytes of a stream.</summary>
public enum StunFrame : byte
{
    /// <summary>The start of a frame, or nothing yet.</summary>
    Incomplete,

    /// <summary>A STUN message.</summary>
    Message,

    /// <summary>A TURN ChannelData message.</summary>
    ChannelData,

    /// <summary>Neither can begin so: the stream has no borders any more and must be closed.</summary>
    Garbage,
}

/// <summary>
/// Finds the borders of STUN messages (RFC 8489, 6.2.2) and ChannelData messages (RFC 8656, 12.5) in a byte stream: TCP or
/// TLS. It tells garbage by the earliest byte that can tell, so that a stream of another protocol never makes a reader wait.
/// </summary>
public static class StunFraming
{
    private const int ChannelHeaderLength = 4;

    /// <summary>Looks at the first frame in <paramref name="stream"/>.</summary>
    /// <param name="stream">The bytes received and not consumed yet.</param>
    /// <param name="maxLength">The longest frame to wait for; a longer one is garbage.</param>
    /// <param name="frameLength">
    /// Bytes of the message: of STUN the whole, of ChannelData header and data without padding. While incomplete, the bytes
    /// that are needed to say more.
    /// </param>
    /// <param name="consumedLength">Bytes to take from the stream: <paramref name="frameLength"/> with ChannelData's padding.</param>
    public static StunFrame Read(ReadOnlySpan<byte> stream, int maxLength, out int frameLength, out int consumedLength)
    {
        frameLength = ChannelHeaderLength;
        consumedLength = 0;
        if (stream.IsEmpty)
        {
            return StunFrame.Incomplete;
        }

        // RFC 7983, 7: a message starts with 0 to 3, ChannelData with 64 to 79.
        bool isMessage = stream[0] <= 3;
        if (!isMessage && stream[0] >> 4 != 4)
        {
            return StunFrame.Garbage;
        }

        if (stream.Length < ChannelHeaderLength)
        {
            return StunFrame.Incomplete;
        }

        int length = BinaryPrimitives.ReadUInt16BigEndian(stream[2..]);
        if (isMessage && ((length & 3) != 0 || !StartsCookie(stream[StunHeader.CookieOffset..])))
        {
            return StunFrame.Garbage;
        }

        frameLength = length + (isMessage ? StunHeader.Length : ChannelHeaderLength);
        if (frameLength > maxLength)
        {
            return StunFrame.Garbage;
        }

        // RFC 8656, 12.5: over a stream, ChannelData is padded to a multiple of four bytes.
        int whole = StunHeader.Padded(frameLength);
        if (stream.Length < whole)
        {
            frameLength = whole;
            return StunFrame.Incomplete;
        }

        consumedLength = whole;
        return isMessage ? StunFrame.Message : StunFrame.ChannelData;
    }

    /// <summary>Whether the bytes are the magic cookie, as far as they go.</summary>
    internal static bool StartsCookie(ReadOnlySpan<byte> bytes)
    {
        ReadOnlySpan<byte> cookie = [0x21, 0x12, 0xA4, 0x42];
        int present = Math.Min(bytes.Length, cookie.Length);
        return bytes[..present].SequenceEqual(cookie[..present]);
    }
}
