using System.Buffers.Binary;
using System.Diagnostics;
using V100.Net;
using V100.Sfu.Rtp;

namespace V100.Sfu.Rtcp;

/// <summary>BYE (RFC 3550, 6.6): the streams that end. A reason may follow them and is not read.</summary>
public readonly ref struct Goodbye
{
    private readonly ReadOnlySpan<byte> _sources;

    private Goodbye(ReadOnlySpan<byte> sources) => _sources = sources;

    public int Count => _sources.Length / 4;

    public Ssrc this[int index] => new(BinaryPrimitives.ReadUInt32BigEndian(_sources[(4 * index)..]));

    public static bool TryParse(in RtcpPacket packet, out Goodbye goodbye)
    {
        bool valid = packet.Type == RtcpPacketType.Goodbye && packet.Body.Length >= 4 * packet.Count;
        goodbye = valid ? new Goodbye(packet.Body[..(4 * packet.Count)]) : default;
        return valid;
    }

    public static void Write(ref SpanWriter writer, scoped ReadOnlySpan<Ssrc> sources)
    {
        Debug.Assert(sources.Length <= 31);
        RtcpPacket.WriteHeader(ref writer, RtcpPacketType.Goodbye, sources.Length, 4 * sources.Length);
        foreach (Ssrc source in sources)
        {
            writer.WriteUInt32(source.Value);
        }
    }
}
