namespace V100.Sfu.Rtp;

/// <summary>
/// Redundant audio (RFC 2198): a list of block headers, then the blocks. Each block header names a payload type, which is the
/// publisher's and must become the subscriber's.
/// </summary>
public static class RedPayload
{
    private const byte FollowBit = RedReader.FollowBit;
    private const int RedundantHeaderLength = RedReader.RedundantHeaderLength;

    /// <summary>Gives every block the payload type. False, with the payload as far as it went, for a list of headers that does not end.</summary>
    public static bool TryRewrite(Span<byte> payload, byte payloadType)
    {
        // RFC 2198, 3: four bytes for each redundant block, one for the last, whose first bit is 0.
        for (int position = 0; position < payload.Length; position += RedundantHeaderLength)
        {
            bool follows = (payload[position] & FollowBit) != 0;
            payload[position] = (byte)((payload[position] & FollowBit) | payloadType);
            if (!follows)
            {
                return true;
            }
        }

        return false;
    }
}
