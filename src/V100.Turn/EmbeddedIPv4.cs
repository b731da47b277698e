namespace V100.Turn;

/// <summary>
/// Finds the IPv4 address that an IPv6 address stands for, in every form that a host or a gateway on the way may translate, so
/// that a rule about an IPv4 address holds for each of them. Addresses are 128-bit numbers; the plain form of IPv4 is ::ffff:a.b.c.d.
/// </summary>
internal static class EmbeddedIPv4
{
    private const ulong MappedPrefix = 0xFFFF_0000_0000;

    /// <summary>True for a form other than the plain one; <paramref name="plain"/> then is the plain one.</summary>
    /// <param name="address">Any address.</param>
    /// <param name="plain">The IPv4 address.</param>
    /// <param name="second">Teredo holds two of them; else the same as <paramref name="plain"/>.</param>
    public static bool TryFind(UInt128 address, out UInt128 plain, out UInt128 second)
    {
        ulong high = (ulong)(address >> 64);
        ulong low = (ulong)address;
        uint first = (uint)low;
        uint other = first;
        if (high == 0)
        {
            // RFC 4291, 2.5.5.1: ::a.b.c.d. RFC 2765, 2.1: ::ffff:0:a.b.c.d. The mapped form is the plain one. :: and ::1 are no IPv4.
            if (low >> 32 is not (0 or 0xFFFF_0000) || low <= 1)
            {
                return No(out plain, out second);
            }
        }
        else if (high == 0x0064_FF9B_0000_0000 && low >> 32 == 0)
        {
            // RFC 6052, 2.1: 64:ff9b::a.b.c.d.
        }
        else if (high >> 48 == 0x2002)
        {
            // RFC 3056, 2: 2002:aabb:ccdd::/48.
            first = other = (uint)(high >> 16);
        }
        else if (high >> 32 == 0x2001_0000)
        {
            // RFC 4380, 4: the server, and the client with its bits inverted.
            first = (uint)high;
            other = ~(uint)low;
        }
        else if ((low >> 32 & 0xFDFF_FFFF) != 0x0000_5EFE)
        {
            // RFC 5214, 6.1: any prefix, then [02]00:5efe:a.b.c.d. What is not that is no IPv4.
            return No(out plain, out second);
        }

        plain = MappedPrefix | first;
        second = MappedPrefix | other;
        return true;
    }

    private static bool No(out UInt128 plain, out UInt128 second)
    {
        plain = second = default;
        return false;
    }
}
