namespace V100.Sfu.Bwe;

/// <summary>Where an estimate begins and what it never leaves, in bit/s.</summary>
/// <param name="StartBps">Before anything is known; probes try 3 and 6 times as much at once.</param>
/// <param name="FloorBps">The least, which audio needs.</param>
/// <param name="CeilingBps">The most.</param>
public sealed record BandwidthLimits(long StartBps = 300_000, long FloorBps = 30_000, long CeilingBps = 50_000_000);
