using V100.Net;
using V100.Sfu.Rtcp;
using V100.Sfu.Rtp;
using V100.Simulation.World;

namespace V100.Fuzz;

/// <summary>
/// RTP and RTCP of a client that has keys and no manners: what it encrypts is authentic, and anything. Its numbers go on as a receiver
/// follows them, or every packet would fail at the first check.
/// </summary>
internal sealed class HostileMedia(SimulatedClient client, Random random, Mutator mutator)
{
    private const int MaxPayload = 1300;
    private const int MaxNewSources = 40;

    private static readonly byte[][] _payloads =
    [
        .. new[]
        {
            "90E0812205AA100102030405", "908080010010", "10000000", "00", // VP8
            "88012200000000", "B8800103050102", "8A8001182001680078000108", // VP9
            "6742E01F", "65888482", "7C85B800", "78000667420000000065", // H.264
            "080A0B000000", "180A0A0B32", "50", // AV1
            "EF0000106FAABBCC", "EF000010EF000010EF000010", "6F", // RED
        }.Select(Convert.FromHexString),
    ];

    private readonly Dictionary<uint, long> _newest = [];
    private readonly byte[] _packet = new byte[8192];
    private readonly Dictionary<Publication, uint> _sources = [];
    private uint _lastSource;

    /// <summary>Packets in their order and undamaged, so that a cache keeps as many as it can.</summary>
    public bool IsOrderly { get; init; }

    public byte[] NextRtp()
    {
        byte[] plaintext = WriteRtp();
        return IsOrderly || random.Next(3) > 0 ? SealRtp(plaintext) : SealRtp(Damage(plaintext));
    }

    public byte[] NextRtcp()
    {
        var writer = new SpanWriter(_packet.AsSpan(0, 1400));
        for (int count = random.Next(1, 6); count > 0; count--)
        {
            WriteRtcpPart(ref writer);
        }

        byte[] plaintext = writer.Written.ToArray();
        return SealRtcp(random.Next(2) == 0 ? plaintext : mutator.Mutate(plaintext, plaintext));
    }

    /// <summary>Encrypts where there is a header to encrypt behind; else the bytes go out as they are.</summary>
    public byte[] SealRtp(byte[] plaintext)
    {
        if (!RtpReader.TryParseHeader(plaintext, out RtpReader header))
        {
            return plaintext;
        }

        uint ssrc = header.Ssrc.Value;
        ushort sequence = header.SequenceNumber.Value;
        long index = sequence;
        if (_newest.TryGetValue(ssrc, out long newest))
        {
            index = newest + (short)(ushort)(sequence - (ushort)newest);
            index += index < 0 ? 0x1_0000 : 0;
        }

        _newest[ssrc] = Math.Max(newest, index);
        plaintext.CopyTo(_packet.AsSpan());
        int length = client.Sender.ProtectRtp(_packet, header.HeaderLength, plaintext.AsSpan(header.HeaderLength), index);
        Assert.NotEqual(0, length);
        return _packet.AsSpan(0, length).ToArray();
    }

    public byte[] SealRtcp(byte[] plaintext)
    {
        plaintext.CopyTo(_packet.AsSpan());
        int length = client.Sender.ProtectRtcp(_packet, plaintext.Length);
        return length == 0 ? plaintext : _packet.AsSpan(0, length).ToArray();
    }

    /// <summary>Any damage, but to the SSRC: each new one takes the track over, and after so many a peer may show no more.</summary>
    private byte[] Damage(byte[] plaintext)
    {
        byte[] bytes = mutator.Mutate(plaintext, plaintext);
        if (bytes.Length >= 12 && random.Next(2000) > 0)
        {
            plaintext.AsSpan(8, 4).CopyTo(bytes.AsSpan(8));
        }

        return bytes;
    }

    /// <summary>The SSRC of the track's media now; sometimes a new one.</summary>
    private uint SourceOf(Publication publication)
    {
        if (!IsOrderly && _lastSource < MaxNewSources && random.Next(2000) == 0)
        {
            _sources[publication] = ++_lastSource;
        }

        return _sources.GetValueOrDefault(publication, publication.Ssrc);
    }

    private byte[] WriteRtp()
    {
        Publication publication = client.Publications[random.Next(client.Publications.Count)];
        OfferedFormat format = publication.Section.Formats[random.Next(publication.Section.Formats.Length)];
        bool isRtx = publication.RtxSsrc != 0 && random.Next(4) == 0;
        uint source = SourceOf(publication);
        uint ssrc = isRtx ? publication.RtxSsrc : source;
        int payloadType = random.Next(40) == 0 ? random.Next(64) : isRtx ? format.RtxPayloadType : format.PayloadType;
        var header = new RtpHeader(
            (byte)payloadType, random.Next(5) == 0, new SequenceNumber(NextSequence(ssrc)), (uint)random.NextInt64(uint.MaxValue), new Ssrc(ssrc),
            HasPadding: random.Next(20) == 0);
        byte[] packet = new byte[2000];
        var writer = new RtpHeaderWriter(packet, in header);
        AddExtensions(ref writer);
        int length = writer.Finish();
        if (isRtx)
        {
            // The number of an original: one that is missing, or any other.
            ushort original = (ushort)(_newest.GetValueOrDefault(source) - random.Next(300));
            packet[length++] = (byte)(original >> 8);
            packet[length++] = (byte)original;
        }

        byte[] payload = _payloads[random.Next(_payloads.Length)];
        payload.CopyTo(packet, length);
        length += payload.Length;
        int filler = random.Next(3) == 0 ? 0 : random.Next(Math.Max(1, Math.Min(MaxPayload, packet.Length - length)));
        random.NextBytes(packet.AsSpan(length, filler));
        return packet[..(length + filler)];
    }

    private ushort NextSequence(uint ssrc)
    {
        long newest = _newest.GetValueOrDefault(ssrc, 2000);
        return (IsOrderly ? 60 : random.Next(60)) switch
        {
            0 => (ushort)random.Next(65536),
            1 => (ushort)(newest + 0x7FFF),
            2 => (ushort)(newest + random.Next(600)),
            < 6 => (ushort)(newest - random.Next(40)),
            < 10 => (ushort)(newest + 1 + random.Next(5)),
            _ => (ushort)(newest + 1),
        };
    }

    /// <summary>As agreed, and as not: ids that are repeated or unknown, values of any length.</summary>
    private void AddExtensions(ref RtpHeaderWriter writer)
    {
        Span<byte> value = stackalloc byte[255];
        random.NextBytes(value);
        for (int count = random.Next(4) == 0 ? random.Next(8) : random.Next(3); count > 0; count--)
        {
            byte id = random.Next(3) > 0 ? (byte)random.Next(1, 15) : (byte)random.Next(1, 256);
            int length = random.Next(10) switch
            {
                0 => 0,
                1 => random.Next(256),
                2 => 2,
                _ => random.Next(1, 17),
            };
            _ = writer.TryAdd(id, value[..length]);
        }
    }

    private Ssrc AnySsrc()
    {
        uint[] known =
        [
            .. client.Publications.Select(publication => publication.Ssrc), .. client.Publications.Select(publication => publication.RtxSsrc),
            .. client.Playbacks.Select(playback => playback.Ssrc), .. client.Playbacks.Select(playback => playback.RtxSsrc), 1, 2,
        ];
        return new Ssrc(random.Next(20) == 0 ? (uint)random.NextInt64(uint.MaxValue) : known[random.Next(known.Length)]);
    }

    private uint Any32() => random.Next(4) == 0 ? uint.MaxValue - (uint)random.Next(2) : (uint)random.NextInt64(uint.MaxValue);

    private void WriteRtcpPart(ref SpanWriter writer)
    {
        var block = new ReportBlock(AnySsrc(), (byte)random.Next(256), random.Next(-0x80_0000, 0x80_0000), Any32(), Any32(), Any32(), Any32());
        switch (random.Next(12))
        {
            case 0:
                var fields = new SenderReport.Fields(AnySsrc(), (ulong)random.NextInt64() << 1, Any32(), Any32(), Any32());
                SenderReport.Write(ref writer, in fields, [block, block]);
                break;
            case 1:
                ReceiverReport.Write(ref writer, AnySsrc(), [block]);
                break;
            case 2:
                SourceDescription.Write(ref writer, AnySsrc(), "name"u8);
                break;
            case 3 or 4:
                ushort first = (ushort)random.Next(65536);
                SequenceNumber[] lost = new SequenceNumber[random.Next(1, 400)];
                for (int index = 0; index < lost.Length; index++)
                {
                    lost[index] = new SequenceNumber((ushort)(first + index));
                }

                GenericNack.Write(ref writer, AnySsrc(), AnySsrc(), lost);
                break;
            case 5 or 6:
                new PictureLossIndication(AnySsrc(), AnySsrc()).Write(ref writer);
                break;
            case 7:
                FullIntraRequest.Write(ref writer, AnySsrc(), AnySsrc(), (byte)random.Next(256));
                break;
            case 8:
                ReceiverEstimatedMaxBitrate.Write(ref writer, AnySsrc(), random.NextInt64(1L << 40), [AnySsrc()]);
                break;
            case 9 when random.Next(50) == 0:
                Goodbye.Write(ref writer, [AnySsrc(), AnySsrc()]);
                break;
            default:
                long[] ticks = [.. Enumerable.Range(0, random.Next(1, 200)).Select(index => random.Next(3) == 0 ? TransportFeedbackWriter.NotReceived : index * (long)random.Next(300))];
                TransportFeedbackWriter.Write(ref writer, new TransportFeedbackWriter.Fields(AnySsrc(), AnySsrc(), new SequenceNumber((ushort)random.Next(65536)), 1), ticks);
                break;
        }
    }
}
