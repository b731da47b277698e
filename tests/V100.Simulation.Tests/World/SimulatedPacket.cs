using V100.Net;

namespace V100.Simulation.World;

/// <summary>A datagram on its way.</summary>
internal sealed record SimulatedPacket(byte[] Bytes, TransportAddress From, TransportAddress To)
{
    /// <summary>RTP or RTCP by its first byte (RFC 7983).</summary>
    public bool IsMedia => Bytes.Length > 12 && Bytes[0] >> 6 == 2;
    public bool IsRtcp => IsMedia && Bytes[1] is >= 192 and <= 223;
    public bool IsRtp => IsMedia && !IsRtcp;
    public bool IsDtls => Bytes.Length > 0 && Bytes[0] is >= 20 and <= 63;
    public bool IsStun => Bytes.Length > 0 && Bytes[0] <= 3;
    public bool HasPaddingBit => (Bytes[0] & 0x20) != 0;
    public ushort RtpSequence => System.Buffers.Binary.BinaryPrimitives.ReadUInt16BigEndian(Bytes.AsSpan(2));

    /// <summary>Of RTP; RTCP has its sender's elsewhere.</summary>
    public uint RtpSsrc => System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(Bytes.AsSpan(8));
    public uint RtcpSsrc => System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(Bytes.AsSpan(4));

    /// <summary>Whether it is RTP of the SSRC, or RTCP that its owner sends about itself.</summary>
    public bool IsOf(uint ssrc) => IsRtp ? RtpSsrc == ssrc : IsRtcp && RtcpSsrc == ssrc;
}
