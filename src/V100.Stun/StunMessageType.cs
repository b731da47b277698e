namespace V100.Stun;

/// <summary>The class of a STUN message (RFC 8489, 5), as its two bits stand in the message type.</summary>
public enum StunClass : ushort
{
    Request = 0x0000,
    Indication = 0x0010,
    Success = 0x0100,
    Error = 0x0110,
}

/// <summary>The method of a STUN message: the IANA registry's methods that this server serves.</summary>
public enum StunMethod : ushort
{
    /// <summary>RFC 8489.</summary>
    Binding = 0x001,

    /// <summary>RFC 8656, as the following up to <see cref="ChannelBind"/>.</summary>
    Allocate = 0x003,
    Refresh = 0x004,
    Send = 0x006,
    Data = 0x007,
    CreatePermission = 0x008,
    ChannelBind = 0x009,

    /// <summary>RFC 6062, as the following.</summary>
    Connect = 0x00A,
    ConnectionBind = 0x00B,
    ConnectionAttempt = 0x00C,
}

/// <summary>The first 16 bits of a STUN message: a method and a class, interleaved (RFC 8489, 5, figure 3).</summary>
public readonly record struct StunMessageType(ushort Value)
{
    private const int ClassBits = 0x0110;

    public StunMessageType(StunMethod method, StunClass @class)
        : this((ushort)(Spread((int)method) | (int)@class))
    {
    }

    public StunClass Class => (StunClass)(Value & ClassBits);

    public StunMethod Method => (StunMethod)((Value & 0x000F) | (Value & 0x00E0) >> 1 | (Value & 0x3E00) >> 2);

    private static int Spread(int method) => (method & 0x000F) | (method & 0x0070) << 1 | (method & 0x0F80) << 2;
}
