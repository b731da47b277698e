using V100.Net;

namespace V100.Sfu.Quality;

/// <summary>
/// What a client says of its own session: counters since its start, by the names of WebRTC's getStats, over its sound and its picture together, at a time by its own clock.
/// </summary>
public readonly record struct ClientBeacon(
    double AtMs, double FramesDecoded, double FreezeCount, double TotalFreezesDurationMs, double FrameWidth, double FrameHeight, double PacketsLost,
    double PacketsReceived, double JitterMs, double RoundTripMs, double ConcealedSamples, double TotalSamples, double BytesReceived);

/// <summary>What lies between two beacons of a session.</summary>
public sealed record BeaconInterval
{
    /// <summary>When the later one came.</summary>
    public required Instant At { get; init; }
    public required ClientBeacon Last { get; init; }

    /// <summary>0 to 1, of the packets of both.</summary>
    public required double Loss { get; init; }

    /// <summary>0 to 1, of the samples of sound that the client made up.</summary>
    public required double ConcealedShare { get; init; }
    public required double FrozenShare { get; init; }
    public required double Freezes { get; init; }
    public required double DecodedPerSecond { get; init; }
    public required double BitrateBps { get; init; }

    /// <summary>1 to 5, by the same models as the server's score; null where it tells of nothing.</summary>
    public double? Score { get; init; }

    /// <summary>The device shows less than it gets.</summary>
    public bool IsSlow { get; init; }

    /// <summary>Null where the two do not follow each other: then the later one begins anew.</summary>
    internal static BeaconInterval? Between(in ClientBeacon first, in ClientBeacon last, Instant now)
    {
        double ms = last.AtMs - first.AtMs;
        if (ms < 500 || last.FramesDecoded < first.FramesDecoded || last.PacketsReceived < first.PacketsReceived || last.BytesReceived < first.BytesReceived || last.TotalSamples < first.TotalSamples)
        {
            return null;
        }

        double lost = Math.Max(0, last.PacketsLost - first.PacketsLost);
        return new BeaconInterval
        {
            At = now,
            Last = last,
            Loss = Share(lost, lost + last.PacketsReceived - first.PacketsReceived),
            ConcealedShare = Share(last.ConcealedSamples - first.ConcealedSamples, last.TotalSamples - first.TotalSamples),
            FrozenShare = Share(last.TotalFreezesDurationMs - first.TotalFreezesDurationMs, ms),
            Freezes = Math.Max(0, last.FreezeCount - first.FreezeCount),
            DecodedPerSecond = (last.FramesDecoded - first.FramesDecoded) * 1000 / ms,
            BitrateBps = (last.BytesReceived - first.BytesReceived) * 8000 / ms,
        };
    }

    private static double Share(double part, double whole) => whole <= 0 ? 0 : Math.Clamp(part / whole, 0, 1);
}
