namespace V100.Sfu.Sdp;

public enum MediaKind : byte
{
    Audio,
    Video,

    /// <summary>Data channels and everything else; answered as rejected.</summary>
    Other,
}

/// <summary>What this server does on a section: its own view, not the client's.</summary>
[Flags]
public enum MediaDirection : byte
{
    Inactive = 0,
    Send = 1,
    Receive = 2,
    SendReceive = Send | Receive,
}

/// <summary>What the session is for.</summary>
[Flags]
public enum SessionRole : byte
{
    None = 0,

    /// <summary>The client sends to this server.</summary>
    Publish = 1,

    /// <summary>The client receives from this server.</summary>
    Subscribe = 2,
}
