namespace V100.Sfu.Sdp;

/// <summary>The value of <c>a=fingerprint</c> (RFC 8122, 5): a hash function and a digest in upper-case hexadecimal with colons.</summary>
public static class Fingerprint
{
    public const string Sha256 = "sha-256";
    public const int Sha256Length = 32;

    /// <summary>Reads 32 bytes from <c>AB:CD:…</c>; hexadecimal of either case is taken.</summary>
    public static bool TryParseSha256(ReadOnlySpan<char> text, Span<byte> digest)
    {
        if (text.Length != Sha256Length * 3 - 1 || digest.Length < Sha256Length)
        {
            return false;
        }

        for (int i = 0; i < Sha256Length; i++)
        {
            ReadOnlySpan<char> pair = text.Slice(i * 3, 2);
            if (!char.IsAsciiHexDigit(pair[0]) || !char.IsAsciiHexDigit(pair[1]) || (i > 0 && text[i * 3 - 1] != ':'))
            {
                return false;
            }

            digest[i] = Convert.FromHexString(pair)[0];
        }

        return true;
    }

    /// <summary>Writes <c>AB:CD:…</c>.</summary>
    public static string Format(ReadOnlySpan<byte> digest)
    {
        char[] text = new char[digest.Length * 3 - 1];
        text.AsSpan().Fill(':');
        for (int i = 0; i < digest.Length; i++)
        {
            digest[i].TryFormat(text.AsSpan(i * 3, 2), out _, "X2");
        }

        return new string(text);
    }
}
