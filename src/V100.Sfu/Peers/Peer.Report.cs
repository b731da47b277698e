using V100.Net.Crypto;
using V100.Sfu.Forwarding;

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
        report.EstimateBps = _estimator?.EstimateBps;
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
                subscription.PacketsRetransmitted, subscription.CumulativeLost, subscription.FractionLost, jitter));
        }

        report.IsFilled = true;
    }
}
