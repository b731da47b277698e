namespace V100.Net.Sockets;

/// <summary>What the socket layer of a worker counts. Bytes are UDP payload; what is dropped counts in packets.</summary>
internal enum SocketCounter
{
    DatagramsReceived,
    BytesReceived,
    ReceiveCalls,
    ReceiveErrors,

    /// <summary>Received, but cut by the system, so not handed on.</summary>
    ReceivedTruncated,

    /// <summary>Sockets of relayed addresses that the system had no memory, or no watch left, to wait on; closed again.</summary>
    OpenedUnwatched,

    DatagramsSent,
    BytesSent,
    SendCalls,

    /// <summary>Packets of a segmented message that the system refused as one and that went out singly.</summary>
    SegmentationRefused,

    /// <summary>The send buffer stayed full for the bounded time that a worker waits.</summary>
    DroppedWouldBlock,

    /// <summary>The system, or the interface's queue, had no memory.</summary>
    DroppedNoBuffers,

    /// <summary>No route, network or host down.</summary>
    DroppedUnreachable,

    /// <summary>An ICMP error of an earlier packet.</summary>
    DroppedRefused,

    /// <summary>A packet filter or the address itself (broadcast) forbids it.</summary>
    DroppedNotPermitted,

    DroppedTooLong,

    /// <summary>The source address is not, or no longer, one of this machine's or one of the worker's sockets.</summary>
    DroppedNoSource,

    DroppedOther,
}
