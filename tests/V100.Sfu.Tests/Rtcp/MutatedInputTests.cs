using V100.Net;
using V100.Sfu.Rtcp;
using V100.Sfu.Rtp;
using V100.Sfu.Sdp;
using V100.Sfu.Tests.Rtp;
using Xunit.Abstractions;

namespace V100.Sfu.Tests.Rtcp;

/// <summary>Whatever comes from the network, a view says no or stays within its bytes: nothing throws.</summary>
public class MutatedInputTests(ITestOutputHelper output)
{
    [Fact]
    public void Mutated_and_random_packets_never_throw()
    {
        Random random = Seeds.NewRandom(output);
        byte[][] corpus = [Compound(), Feedback(), StreamFeedback(), Media()];
        int accepted = 0;
        int rounds = Seeds.Scaled(60_000);
        for (int round = 0; round < rounds; round++)
        {
            byte[] bytes = Mutate(random, corpus[round % corpus.Length]);
            accepted += ReadRtcp(bytes) + ReadRtp(bytes);
        }

        // The mutations must not be so wild that nothing behind the first check is reached.
        Assert.True(accepted > rounds / 12, $"{accepted} accepted");
    }

    private static byte[] Mutate(Random random, byte[] source)
    {
        byte[] bytes = [.. source];
        for (int count = random.Next(5); count > 0; count--)
        {
            bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
        }

        return random.Next(4) == 0 ? bytes[..random.Next(bytes.Length)] : bytes;
    }

    private static int ReadRtcp(ReadOnlySpan<byte> bytes)
    {
        if (!RtcpReader.TryParse(bytes, out RtcpReader reader))
        {
            return 0;
        }

        long sum = 0;
        while (reader.TryRead(out RtcpPacket packet))
        {
            sum += packet.Sender.Value;
            sum += ReadReports(packet);
            sum += ReadFeedback(packet);
        }

        return sum == long.MinValue ? 0 : 1;
    }

    private static long ReadReports(in RtcpPacket packet)
    {
        long sum = 0;
        if (SenderReport.TryParse(packet, out SenderReport sender))
        {
            sum += sender.OctetCount + (long)sender.NtpTime;
            foreach (ReportBlock block in sender.Reports)
            {
                sum += block.CumulativeLost;
            }
        }

        if (ReceiverReport.TryParse(packet, out ReceiverReport receiver))
        {
            foreach (ReportBlock block in receiver.Reports)
            {
                sum += block.Jitter;
            }
        }

        if (SourceDescription.TryParse(packet, out SourceDescription description))
        {
            foreach (SourceDescription.Chunk chunk in description)
            {
                sum += chunk.CanonicalName.Length;
            }
        }

        if (Goodbye.TryParse(packet, out Goodbye goodbye))
        {
            for (int index = 0; index < goodbye.Count; index++)
            {
                sum += goodbye[index].Value;
            }
        }

        return sum;
    }

    private static long ReadFeedback(in RtcpPacket packet)
    {
        long sum = 0;
        if (GenericNack.TryParse(packet, out GenericNack nack))
        {
            foreach (SequenceNumber lost in nack)
            {
                sum += lost.Value;
            }
        }

        if (TransportFeedback.TryParse(packet, out TransportFeedback feedback))
        {
            foreach (TransportFeedback.Status status in feedback)
            {
                sum += status.ArrivalTicks;
            }
        }

        if (CongestionControlFeedback.TryParse(packet, out CongestionControlFeedback ofStreams))
        {
            foreach (CongestionControlFeedback.Report report in ofStreams)
            {
                sum += report.Offset;
            }
        }

        if (FullIntraRequest.TryParse(packet, out FullIntraRequest request))
        {
            for (int index = 0; index < request.Count; index++)
            {
                sum += request[index].CommandSequence;
            }
        }

        if (ReceiverEstimatedMaxBitrate.TryParse(packet, out ReceiverEstimatedMaxBitrate estimate))
        {
            sum += estimate.BitrateBps & 0xFFFF;
            for (int index = 0; index < estimate.Count; index++)
            {
                sum += estimate[index].Value;
            }
        }

        return sum + (PictureLossIndication.TryParse(packet, out PictureLossIndication loss) ? loss.Media.Value : 0);
    }

    private static int ReadRtp(byte[] bytes)
    {
        if (!RtpReader.TryParse(bytes, out RtpReader reader))
        {
            return 0;
        }

        for (int index = 0; index < reader.ContributorCount; index++)
        {
            reader.GetContributor(index);
        }

        var rewriter = new HeaderRewriter([new(1, 2), new(2, 1), new(5, 30)], new HeaderExtensionStamps(3, "0"u8.ToArray(), 4), true);
        byte[] destination = new byte[rewriter.GetMaxLength(reader.HeaderLength)];
        var header = new RtpHeader(96, false, reader.SequenceNumber, reader.Timestamp, reader.Ssrc);
        Assert.NotEqual(0, rewriter.Write(destination, header, reader.Extensions, 1));
        foreach (CodecKind codec in Enum.GetValues<CodecKind>())
        {
            new PacketLayersReader().TryRead(codec, in reader, 1, out _);
        }

        Assert.Equal(reader.Payload.Length >= 3, DependencyDescriptor.TryParse(reader.Payload, out _));
        Retransmission.TryRestore(bytes, 96, new Ssrc(1), out _);
        return 1;
    }

    private static byte[] Compound()
    {
        var writer = new SpanWriter(new byte[600]);
        ReportBlock block = new(new Ssrc(7), 1, 2, 3, 4, 5, 6);
        SenderReport.Write(ref writer, new SenderReport.Fields(new Ssrc(1), 2, 3, 4, 5), [block, block]);
        ReceiverReport.Write(ref writer, new Ssrc(1), [block]);
        SourceDescription.Write(ref writer, new Ssrc(1), "name"u8);
        GenericNack.Write(ref writer, new Ssrc(1), new Ssrc(2), [new SequenceNumber(1), new SequenceNumber(9)]);
        new PictureLossIndication(new Ssrc(1), new Ssrc(2)).Write(ref writer);
        FullIntraRequest.Write(ref writer, new Ssrc(1), new Ssrc(2), 3);
        ReceiverEstimatedMaxBitrate.Write(ref writer, new Ssrc(1), 1_000_000, [new Ssrc(2)]);
        Goodbye.Write(ref writer, [new Ssrc(1)]);
        return writer.Written.ToArray();
    }

    private static byte[] Feedback()
    {
        long[] ticks = new long[60];
        for (int index = 0; index < ticks.Length; index++)
        {
            ticks[index] = index % 5 == 0 ? TransportFeedbackWriter.NotReceived : index * (index % 11 == 0 ? 300 : 7);
        }

        var writer = new SpanWriter(new byte[600]);
        TransportFeedbackWriter.Write(ref writer, new TransportFeedbackWriter.Fields(new Ssrc(1), new Ssrc(2), default, 1), ticks);
        return writer.Written.ToArray();
    }

    private static byte[] StreamFeedback()
    {
        CongestionControlFeedback.Report[] reports = new CongestionControlFeedback.Report[40];
        for (int index = 0; index < reports.Length; index++)
        {
            reports[index] = new(new Ssrc((uint)(index / 15)), new SequenceNumber((ushort)(65_530 + index)), index % 5 != 0, 1, index * 90);
        }

        var writer = new SpanWriter(new byte[200]);
        CongestionControlFeedback.Write(ref writer, new Ssrc(1), 77, reports);
        return writer.Written.ToArray();
    }

    private static byte[] Media()
    {
        byte[] bytes = new byte[60];
        var writer = new RtpHeaderWriter(bytes, new RtpHeader(96, true, new SequenceNumber(1), 2, new Ssrc(3)));
        writer.TryAdd(1, [1]);
        writer.TryAdd(2, [1, 2, 3]);
        writer.TryAdd(5, [9, 9]);
        Convert.FromHexString("90E0812205AA").CopyTo(bytes.AsSpan(writer.Finish()));
        return bytes;
    }
}
