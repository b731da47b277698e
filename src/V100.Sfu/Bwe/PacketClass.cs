namespace V100.Sfu.Bwe;

/// <summary>What goes first when not all can go: the lower number.</summary>
public enum PacketClass
{
    Audio = 0,
    Retransmission = 1,
    Video = 2,

    /// <summary>Never waits: it goes when nothing else does, or not at all.</summary>
    Padding = 3,
}
