using V100.Sfu.Rtp;

namespace V100.Sfu.Forwarding;

internal enum DepartureKind : byte
{
    /// <summary>The packet goes to the subscriber.</summary>
    Send,

    /// <summary>The packet does not: the gap that it leaves is closed.</summary>
    Drop,

    /// <summary>What follows begins at another keyframe, maybe of another encoding.</summary>
    Switch,

    /// <summary>A packet that was sent goes once more.</summary>
    Retransmit,
}

/// <summary>
/// One thing that a subscription does when its turn has come in its peer's pacer. What is sent was chosen when it arrived; numbers, timestamps
/// and the codec's own fields are given when it departs, so that they stay continuous whatever the queue drops. Holds one reference to the
/// packet's buffer while it waits.
/// </summary>
internal readonly record struct Departure
{
    public required Subscription Subscription { get; init; }
    public required DepartureKind Kind { get; init; }

    /// <summary>Of the subscription: what was queued in an earlier one is not sent any more.</summary>
    public int Epoch { get; init; }

    /// <summary>What goes, or is left out, or begins.</summary>
    public MediaPacket Packet { get; init; }

    /// <summary>The marker bit that is written.</summary>
    public bool Marker { get; init; }

    /// <summary>It came again, from a cache, and was counted when it came first.</summary>
    public bool IsLate { get; init; }

    /// <summary>The layers that the subscriber gets when this packet goes.</summary>
    public LayerTarget Layers { get; init; }

    /// <summary>Of a retransmission.</summary>
    public SentPacket Sent { get; init; }

    /// <summary>The subscription has begun anew since.</summary>
    public bool IsStale => Epoch != Subscription.Epoch;

    /// <summary>What it takes of the path.</summary>
    /// <param name="overhead">Bytes of the headers below RTP.</param>
    public int WireBytes(int overhead) => Kind switch
    {
        DepartureKind.Send => Packet.Buffer.Length + overhead,
        DepartureKind.Retransmit => SentBytes + overhead,
        _ => 0,
    };

    /// <summary>Of a retransmission: the packet's length.</summary>
    public int SentBytes { get; init; }
}
