using System.Text;

namespace V100.Server.Control;

/// <summary>What a room or a participant may be called.</summary>
internal static class ResourceName
{
    public const string Allowed = "1 to 128 characters, none of them a control character; not \".\" or \"..\"";

    public static bool IsValid(string? name)
    {
        // "." and ".." cannot stand in a path (RFC 3986, 5.2.4).
        if (string.IsNullOrEmpty(name) || name is "." or "..")
        {
            return false;
        }

        int characters = 0;
        ReadOnlySpan<char> rest = name;
        while (!rest.IsEmpty)
        {
            if (Rune.DecodeFromUtf16(rest, out Rune rune, out int length) != System.Buffers.OperationStatus.Done || Rune.IsControl(rune) || ++characters > 128)
            {
                return false;
            }

            rest = rest[length..];
        }

        return true;
    }
}
