using V100.Net;
using V100.Sfu.Forwarding;
using V100.Sfu.Rtcp;
using V100.Sfu.Rtp;
using V100.Sfu.Srtp;

namespace V100.Sfu.Peers;

/// <summary>What comes in as RTCP.</summary>
internal sealed partial class Peer
{
    private void HandleRtcp(Span<byte> packet, Instant now)
    {
        if (_srtpReceiver is null)
        {
            _shard.Counters.Increment(SfuCounter.DroppedBeforeKeys);
            return;
        }

        if (packet.Length > PacketBuffer.Capacity)
        {
            _shard.Counters.Increment(SfuCounter.DroppedTooLong);
            return;
        }

        Span<byte> plaintext = stackalloc byte[PacketBuffer.Capacity];
        SrtpResult result = _srtpReceiver.UnprotectRtcp(packet, plaintext, out int length);
        if (result != SrtpResult.Ok)
        {
            _shard.Counters.Increment(CounterOf(result));
            return;
        }

        Descriptor.Traffic.CountReceived(packet.Length);
        if (!RtcpReader.TryParse(plaintext[..length], out RtcpReader reader))
        {
            _shard.Counters.Increment(SfuCounter.DroppedMalformed);
            return;
        }

        _shard.Counters.Increment(SfuCounter.RtcpReceived);
        while (reader.TryRead(out RtcpPacket part))
        {
            HandlePart(in part, now);
        }
    }

    private void HandlePart(in RtcpPacket packet, Instant now)
    {
        switch (packet.Type)
        {
            case RtcpPacketType.SenderReport when SenderReport.TryParse(in packet, out SenderReport report):
                HandleSenderReport(in report, now);
                HandleReports(report.Reports, now);
                break;
            case RtcpPacketType.ReceiverReport when ReceiverReport.TryParse(in packet, out ReceiverReport report):
                HandleReports(report.Reports, now);
                break;
            case RtcpPacketType.TransportFeedback when GenericNack.TryParse(in packet, out GenericNack nack):
                HandleNack(in nack, now);
                break;
            case RtcpPacketType.TransportFeedback when TransportFeedback.TryParse(in packet, out TransportFeedback feedback):
                HandleTransportFeedback(in feedback, now);
                break;
            case RtcpPacketType.TransportFeedback when CongestionControlFeedback.TryParse(in packet, out CongestionControlFeedback feedback):
                HandleCongestionFeedback(in feedback, now);
                break;
            case RtcpPacketType.PayloadFeedback when ReceiverEstimatedMaxBitrate.TryParse(in packet, out ReceiverEstimatedMaxBitrate estimate):
                HandleReceiverEstimate(in estimate, now);
                break;
            case RtcpPacketType.PayloadFeedback:
                HandleKeyframeRequest(in packet, now);
                break;
            case RtcpPacketType.Goodbye when Goodbye.TryParse(in packet, out Goodbye goodbye):
                for (int index = 0; index < goodbye.Count; index++)
                {
                    RemoveSource(goodbye[index].Value);
                }

                break;
        }
    }

    private void HandleSenderReport(in SenderReport report, Instant now)
    {
        int index = _sourceSsrcs.AsSpan(0, _sourceCount).IndexOf(report.Sender.Value);
        if (index >= 0)
        {
            _sources[index].Track.HandleSenderReport(_sources[index], in report, now);
        }
    }

    private void HandleReports(ReportBlocks reports, Instant now)
    {
        foreach (ReportBlock report in reports)
        {
            FindSubscription(report.Source)?.HandleReport(in report, now);
        }
    }

    private void HandleNack(in GenericNack nack, Instant now)
    {
        _shard.Counters.Increment(SfuCounter.NacksReceived);
        if (FindSubscription(nack.Media) is not { } subscription)
        {
            return;
        }

        foreach (SequenceNumber lost in nack)
        {
            subscription.Retransmit(lost, now);
        }
    }

    private void HandleKeyframeRequest(in RtcpPacket packet, Instant now)
    {
        if (PictureLossIndication.TryParse(in packet, out PictureLossIndication indication))
        {
            RequestKeyframe(indication.Media, now);
        }
        else if (FullIntraRequest.TryParse(in packet, out FullIntraRequest request))
        {
            for (int index = 0; index < request.Count; index++)
            {
                RequestKeyframe(request[index].Media, now);
            }
        }
    }

    private void RequestKeyframe(Ssrc media, Instant now)
    {
        if (FindSubscription(media) is { } subscription)
        {
            _shard.Counters.Increment(SfuCounter.KeyframeRequestsReceived);
            subscription.RequestKeyframe(now);
        }
    }

    private Subscription? FindSubscription(Ssrc ssrc)
    {
        foreach (Subscription? subscription in _subscriptions)
        {
            if (subscription is not null && subscription.Ssrc == ssrc)
            {
                return subscription;
            }
        }

        return null;
    }
}
