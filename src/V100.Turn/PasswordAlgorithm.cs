using System.Buffers.Binary;
using V100.Stun;

namespace V100.Turn;

/// <summary>How the long-term key is made of a password (RFC 8489, 18.5).</summary>
internal enum PasswordAlgorithm : ushort
{
    Md5 = 1,
    Sha256 = 2,
}

/// <summary>The attributes PASSWORD-ALGORITHM and PASSWORD-ALGORITHMS (RFC 8489, 14.11 and 14.12), which a server offers and a client repeats.</summary>
internal static class PasswordAlgorithms
{
    /// <summary>What this server offers, in the order of preference; neither algorithm has parameters.</summary>
    public static ReadOnlySpan<byte> Offer => [0, (byte)PasswordAlgorithm.Sha256, 0, 0, 0, (byte)PasswordAlgorithm.Md5, 0, 0];

    /// <summary>What the request chose. False: the answer is 400 (RFC 8489, 9.2.4).</summary>
    /// <param name="message">A request with a nonce of this server.</param>
    /// <param name="algorithm">MD5 when the request names none.</param>
    /// <param name="named">Whether it names one, so that answers are sealed with SHA-256.</param>
    public static bool TryRead(in StunReader message, out PasswordAlgorithm algorithm, out bool named)
    {
        algorithm = PasswordAlgorithm.Md5;
        bool hasList = message.TryGet(StunAttributeType.PasswordAlgorithms, out ReadOnlySpan<byte> list);
        named = message.TryGet(StunAttributeType.PasswordAlgorithm, out ReadOnlySpan<byte> chosen);
        if (!named && !hasList)
        {
            return true;
        }

        if (!named || !hasList || !list.SequenceEqual(Offer) || chosen.Length != 4)
        {
            return false;
        }

        // The algorithm, and no parameters.
        uint value = BinaryPrimitives.ReadUInt32BigEndian(chosen);
        algorithm = (PasswordAlgorithm)(value >> 16);
        return (ushort)value == 0 && algorithm is (PasswordAlgorithm.Md5 or PasswordAlgorithm.Sha256);
    }
}
