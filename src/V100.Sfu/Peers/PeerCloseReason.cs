namespace V100.Sfu.Peers;

/// <summary>Why a transport ended.</summary>
public enum PeerCloseReason
{
    None,

    /// <summary>The client or the application asked for it.</summary>
    Requested,

    /// <summary>The room was ended.</summary>
    RoomClosed,

    /// <summary>The participant was removed.</summary>
    ParticipantRemoved,

    /// <summary>The same participant published again over a new session.</summary>
    Replaced,

    /// <summary>The server is stopping.</summary>
    ServerStopping,

    /// <summary>No valid ICE check came in time after the offer.</summary>
    NeverConnected,

    /// <summary>No valid ICE check for 30 s (RFC 7675).</summary>
    ConsentExpired,

    /// <summary>The DTLS handshake failed, timed out, or showed another certificate than the offer named.</summary>
    DtlsFailed,

    /// <summary>The client ended DTLS with close_notify.</summary>
    DtlsClosed,

    /// <summary>A bound of the server was reached.</summary>
    Overloaded,
}
