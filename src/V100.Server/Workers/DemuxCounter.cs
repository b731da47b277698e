namespace V100.Server.Workers;

/// <summary>What a worker counts before a protocol machine has the packet.</summary>
internal enum DemuxCounter
{
    /// <summary>Binding requests without credentials, answered.</summary>
    BindingAnswered,

    /// <summary>STUN that asks nothing of this server.</summary>
    StunUnanswered,
    DroppedMalformedStun,
    DroppedUnknownProtocol,
}
