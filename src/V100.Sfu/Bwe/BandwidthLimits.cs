namespace V100.Sfu.Bwe;

/// <summary>Where an estimate begins and what it never leaves, in bit/s.</summary>
/// <param name="StartBps">Before anything is known; probes try 3 and 6 times as much at once.</param>
/// <param name="FloorBps">The least, which audio needs.</param>
/// <param name="CeilingBps">The most.</param>
/// <param name="Weight">More than 1 takes more than others of weight 1 on one path: about 1.5 times as much at 2, 3 times at 4. 0.25 to 4.</param>
public sealed record BandwidthLimits(long StartBps = 300_000, long FloorBps = 30_000, long CeilingBps = 50_000_000, double Weight = 1);
