namespace V100.Stun.Tests;

/// <summary>CRC-32 by its definition, a bit at a time.</summary>
internal static class BitwiseCrc32
{
    public static uint Compute(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte value in bytes)
        {
            crc ^= value;
            for (int bit = 0; bit < 8; bit++)
            {
                crc = (crc & 1) != 0 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1;
            }
        }

        return ~crc;
    }
}
