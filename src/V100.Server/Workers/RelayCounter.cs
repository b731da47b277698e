namespace V100.Server.Workers;

/// <summary>What a worker drops on its way to or from a relay, besides what the protocol machine counts.</summary>
internal enum RelayCounter
{
    /// <summary>Received for a relay that was closed in the same turn.</summary>
    DroppedClosedRelay,

    /// <summary>Handed over to a worker whose allocation had moved on meanwhile.</summary>
    DroppedMovedFlow,

    /// <summary>Too long for the buffer that goes to another worker, or for a datagram.</summary>
    DroppedTooLong,
    DroppedNoBuffer,
    DroppedRingFull,
}
