namespace V100.Simulation.Decoding;

/// <summary>AV1 bitstreams (5.3) to RTP payloads (RTP Payload Format For AV1, 4) and back.</summary>
internal static class Av1Units
{
    private const int TemporalDelimiter = 2;
    private const int SizeBit = 0x02;
    private const int ExtensionBit = 0x04;

    /// <summary>One unit to a packet or several packets: the simplest of what the format allows.</summary>
    public static IEnumerable<byte[]> Packetize(byte[] temporalUnit, bool isKeyframe, int maxLength)
    {
        bool isFirst = true;
        foreach (byte[] unit in SplitUnits(temporalUnit))
        {
            for (int start = 0; start < unit.Length; start += maxLength)
            {
                int length = Math.Min(maxLength, unit.Length - start);
                bool isContinued = start + length < unit.Length;
                byte aggregation = (byte)((start > 0 ? 0x80 : 0) | (isContinued ? 0x40 : 0) | 0x10 | (isFirst && isKeyframe ? 0x08 : 0));
                isFirst = false;
                yield return [aggregation, .. unit.AsSpan(start, length)];
            }
        }
    }

    /// <summary>The temporal unit that payloads in order make, as a file has it.</summary>
    public static byte[] Assemble(IEnumerable<byte[]> payloads)
    {
        List<byte> stream = [TemporalDelimiter << 3 | SizeBit, 0];
        List<byte> unit = [];
        foreach (byte[] payload in payloads)
        {
            unit.AddRange(payload.AsSpan(1));
            if ((payload[0] & 0x40) == 0)
            {
                int headerLength = (unit[0] & ExtensionBit) != 0 ? 2 : 1;
                stream.Add((byte)(unit[0] | SizeBit));
                stream.AddRange(unit[1..headerLength]);
                AddLength(stream, unit.Count - headerLength);
                stream.AddRange(unit[headerLength..]);
                unit.Clear();
            }
        }

        return [.. stream];
    }

    // Without their sizes, which a packet says, and without the temporal delimiter, which must not be sent.
    private static IEnumerable<byte[]> SplitUnits(byte[] temporalUnit)
    {
        int position = 0;
        while (position < temporalUnit.Length)
        {
            byte header = temporalUnit[position];
            int headerLength = (header & ExtensionBit) != 0 ? 2 : 1;
            Assert.NotEqual(0, header & SizeBit);
            int start = position + headerLength;
            int length = 0;
            for (int shift = 0; ; shift += 7)
            {
                byte part = temporalUnit[start++];
                length |= (part & 0x7F) << shift;
                if ((part & 0x80) == 0)
                {
                    break;
                }
            }

            if ((header >> 3 & 0x0F) != TemporalDelimiter)
            {
                byte[] unit = [.. temporalUnit.AsSpan(position, headerLength), .. temporalUnit.AsSpan(start, length)];
                unit[0] = (byte)(header & ~SizeBit);
                yield return unit;
            }

            position = start + length;
        }
    }

    private static void AddLength(List<byte> stream, int length)
    {
        for (; length > 0x7F; length >>= 7)
        {
            stream.Add((byte)(length & 0x7F | 0x80));
        }

        stream.Add((byte)length);
    }
}
