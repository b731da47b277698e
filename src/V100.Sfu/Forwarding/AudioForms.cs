using System.Buffers.Binary;
using V100.Net;
using V100.Sfu.Rtp;
using V100.Sfu.Sdp;

namespace V100.Sfu.Forwarding;

/// <summary>
/// Opus with and without redundancy (RFC 2198), each made of the other: once for all subscribers of a track on a shard that want another form than
/// the publisher's. What is made are packets as if the publisher had sent them, which have its numbers and a cache of their own.
/// </summary>
/// <remarks>
/// Call <see cref="Strip"/> for each packet of redundant audio and <see cref="Note"/> for each other one, or <see cref="Pause"/> where it is not of use. What
/// <see cref="TryMake"/> and <see cref="TryWrap"/> give has one reference, which the caller gives back. In steady state nothing allocates.
/// </remarks>
internal sealed class AudioForms
{
    /// <summary>Of <see cref="TrackFanout.Encodings"/>: what is made here. The publisher's audio is one encoding.</summary>
    public const byte Encoding = 1;

    /// <summary>Packets longer than this would not pass every path: older frames are left out.</summary>
    private const int MaxLength = 1100;

    /// <summary>Frames that come once more with each packet: none is lost with two packets in a row, for three times the rate.</summary>
    private const int Redundancy = 2;

    private readonly RedFrame[] _frames = new RedFrame[RedStripper.MaxFrames];
    private readonly RedEncoder _encoder = new(Redundancy);
    private readonly NegotiatedCodec _made = new() { Kind = CodecKind.Red, Name = "red", PayloadType = 0, ClockRateHz = 48_000, Channels = 2, RedPayloadType = 0 };
    private readonly RedStripper _stripper = new(0);
    private int _generation;
    private int _passage;
    private int _wrappedGeneration;
    private bool _isPaused;

    /// <summary>Of redundant audio, what is sent without: how many frames there are to make.</summary>
    public int Strip(in MediaPacket packet, in RtpReader rtp)
    {
        Follow(in packet);
        _stripper.PayloadType = (byte)packet.Codec.RedPayloadType;
        return _stripper.Strip(packet.Sequence, rtp.Timestamp, rtp.Payload, _frames);
    }

    /// <summary>A packet that is no redundant audio: its number is not missing.</summary>
    public void Note(in MediaPacket packet, in RtpReader rtp)
    {
        Follow(in packet);
        _stripper.TryNote(packet.Sequence, packet.IsPaddingOnly ? null : rtp.Timestamp);
    }

    /// <summary>The subscribers of now do not need it.</summary>
    public void Pause() => _isPaused = true;

    public bool IsRecovered(int frame) => _frames[frame].IsRecovered;

    /// <summary>One of the frames that <see cref="Strip"/> found, as a packet of its own.</summary>
    /// <param name="pool">Of this shard.</param>
    /// <param name="packet">The redundant packet.</param>
    /// <param name="rtp">The same, as parsed.</param>
    /// <param name="index">Of the frame.</param>
    /// <param name="plain">The packet.</param>
    public bool TryMake(PacketPool pool, in MediaPacket packet, in RtpReader rtp, int index, out MediaPacket plain)
    {
        plain = default;
        if (!packet.Track.Section.TryFindCodec((byte)packet.Codec.RedPayloadType, out NegotiatedCodec? codec, out _) || !pool.TryRent(out PacketBuffer buffer))
        {
            return false;
        }

        RedFrame frame = _frames[index];
        Span<byte> target = buffer.Room;
        int headerLength = WriteHeader(in rtp, codec.PayloadType, withExtensions: !frame.IsRecovered, target);
        BinaryPrimitives.WriteUInt16BigEndian(target[2..], frame.Sequence.Wire.Value);
        BinaryPrimitives.WriteUInt32BigEndian(target[4..], frame.Timestamp);
        rtp.Payload.Slice(frame.Start, frame.Length).CopyTo(target[headerLength..]);
        buffer.Length = headerLength + frame.Length;
        plain = packet with { Buffer = buffer, Encoding = Encoding, Sequence = frame.Sequence, Codec = codec };
        return true;
    }

    /// <summary>Redundant audio of a plain packet. False where it does not fit.</summary>
    public bool TryWrap(PacketPool pool, in MediaPacket packet, in RtpReader rtp, out MediaPacket redundant)
    {
        redundant = default;
        if (packet.Generation != _wrappedGeneration)
        {
            _encoder.Reset();
            _wrappedGeneration = packet.Generation;
        }

        if (!pool.TryRent(out PacketBuffer buffer))
        {
            return false;
        }

        Span<byte> target = buffer.Room;
        int headerLength = WriteHeader(in rtp, _made.PayloadType, withExtensions: true, target);
        int room = Math.Min(Math.Max(MaxLength, rtp.Payload.Length + 1), target.Length - headerLength);
        int length = _encoder.Write(packet.Sequence, rtp.Timestamp, rtp.Payload, target.Slice(headerLength, room));
        if (length == 0)
        {
            buffer.Release();
            return false;
        }

        buffer.Length = headerLength + length;
        redundant = packet with { Buffer = buffer, Encoding = Encoding, Codec = _made };
        return true;
    }

    /// <summary>After another source, a pause of the track or of its use here, what did not come is not missing.</summary>
    private void Follow(in MediaPacket packet)
    {
        if (_isPaused || packet.Generation != _generation || packet.Passage != _passage)
        {
            _stripper.Reset();
        }

        _isPaused = false;
        _generation = packet.Generation;
        _passage = packet.Passage;
    }

    /// <summary>The packet's header with another payload type and no padding. The extensions of a packet say nothing of frames that it repeats, nor does its marker.</summary>
    private static int WriteHeader(in RtpReader rtp, byte payloadType, bool withExtensions, Span<byte> target)
    {
        int length = withExtensions ? rtp.HeaderLength : RtpHeader.FixedLength;
        rtp.Packet[..length].CopyTo(target);
        target[0] = (byte)(target[0] & ~RtpHeader.PaddingBit);
        target[1] = (byte)((target[1] & RtpHeader.MarkerBit) | payloadType);
        if (!withExtensions)
        {
            target[0] = 2 << 6;
            target[1] = payloadType;
        }

        return length;
    }
}
