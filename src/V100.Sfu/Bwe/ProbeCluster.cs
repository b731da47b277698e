namespace V100.Sfu.Bwe;

/// <summary>A short run of packets at a rate that is not yet known to fit.</summary>
/// <param name="Id">Not 0; each packet of it is told of with this number.</param>
/// <param name="RateBps">How fast the pacer sends it.</param>
/// <param name="Bytes">It is complete when it has at least this much,</param>
/// <param name="Packets">and at least this many packets.</param>
/// <param name="MinDuration">What <paramref name="Bytes"/> take at the rate.</param>
public readonly record struct ProbeCluster(int Id, long RateBps, int Bytes, int Packets, TimeSpan MinDuration);
