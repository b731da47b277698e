namespace V100.Server.Workers;

/// <summary>What a worker counts before a protocol machine has the packet.</summary>
internal enum DemuxCounter
{
    DroppedMalformedStun,
    DroppedUnknownProtocol,

    /// <summary>Relayed by a client to this server's media, which is neither media nor a connectivity check.</summary>
    DroppedRelayedToMedia,

    /// <summary>For a client whose connection is gone, or does not take more.</summary>
    DroppedByConnection,
}
