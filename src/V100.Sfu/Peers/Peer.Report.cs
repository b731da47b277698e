using V100.Net.Crypto;
using V100.Sfu.Forwarding;
using V100.Sfu.Sdp;

namespace V100.Sfu.Peers;

internal sealed partial class Peer
{
    /// <summary>Tells what this shard knows of the peer.</summary>
    public void Fill(PeerReport report)
    {
        report.Remote = _remote;
        report.Local = _local;
        report.Dtls = _dtls?.State;
        report.SrtpProfile = _dtls is { State: DtlsState.Established } ? _dtls.SrtpProfile : null;
        foreach (Subscription? subscription in _subscriptions)
        {
            if (subscription?.Source is not { } track)
            {
                continue;
            }

            report.RoundTrip ??= subscription.RoundTrip;
            TimeSpan jitter = subscription.Codec is { } codec ? TimeSpan.FromSeconds((double)subscription.Jitter / codec.ClockRateHz) : TimeSpan.Zero;
            report.Sent.Add(new SentStreamReport(
                track, subscription.Section, subscription.Codec?.Kind, subscription.PacketsSent, subscription.BytesSent, subscription.BitrateBps,
                subscription.PacketsRetransmitted, subscription.CumulativeLost, subscription.FractionLost, jitter,
                LayersOf(subscription, track)));
        }

        if (_estimator is { } estimator)
        {
            report.RoundTrip ??= estimator.RoundTrip;
            report.Path = new PathReport(estimator.EstimateBps, estimator.AcknowledgedBps, estimator.State, _pacer?.VideoWait ?? TimeSpan.Zero);
        }

        report.IsFilled = true;
    }

    private static SentLayersReport? LayersOf(Subscription subscription, PublishedTrack track)
    {
        if (track.Kind != MediaKind.Video)
        {
            return null;
        }

        (int width, int height) = subscription.PictureSize;
        return new SentLayersReport(
            subscription.Current, TargetOf(subscription.Demand.Choice), subscription.Demand.Reason, subscription.Demand.BitrateBps, width, height, subscription.FramesPerSecond);
    }
}
