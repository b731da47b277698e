using System.Buffers.Binary;

namespace V100.Simulation.Decoding;

/// <summary>The container of libvpx: a header, then each frame with its length and time.</summary>
internal static class IvfFile
{
    private const int HeaderLength = 32;
    private const int FrameHeaderLength = 12;

    public static List<byte[]> Read(string file)
    {
        ReadOnlySpan<byte> rest = File.ReadAllBytes(file).AsSpan(HeaderLength);
        List<byte[]> frames = [];
        while (!rest.IsEmpty)
        {
            int length = BinaryPrimitives.ReadInt32LittleEndian(rest);
            frames.Add(rest.Slice(FrameHeaderLength, length).ToArray());
            rest = rest[(FrameHeaderLength + length)..];
        }

        return frames;
    }

    /// <param name="file">Where to.</param>
    /// <param name="fourCc">VP80, VP90 or AV01.</param>
    /// <param name="frames">With their times at 90 kHz.</param>
    public static void Write(string file, string fourCc, IReadOnlyList<(long Time, byte[] Bytes)> frames)
    {
        using FileStream stream = File.Create(file);
        Span<byte> header = stackalloc byte[HeaderLength];
        header.Clear();
        "DKIF"u8.CopyTo(header);
        header[6] = HeaderLength;
        System.Text.Encoding.ASCII.GetBytes(fourCc, header[8..]);
        BinaryPrimitives.WriteUInt16LittleEndian(header[12..], 160);
        BinaryPrimitives.WriteUInt16LittleEndian(header[14..], 90);
        BinaryPrimitives.WriteInt32LittleEndian(header[16..], 90_000);
        BinaryPrimitives.WriteInt32LittleEndian(header[20..], 1);
        BinaryPrimitives.WriteInt32LittleEndian(header[24..], frames.Count);
        stream.Write(header);
        foreach ((long time, byte[] bytes) in frames)
        {
            BinaryPrimitives.WriteInt32LittleEndian(header, bytes.Length);
            BinaryPrimitives.WriteInt64LittleEndian(header[4..], time);
            stream.Write(header[..FrameHeaderLength]);
            stream.Write(bytes);
        }
    }
}
