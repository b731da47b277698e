using V100.Net;

namespace V100.Turn;

/// <summary>A channel number that stands for a peer (RFC 8656, 12).</summary>
internal sealed class ChannelBinding(ushort number, in TransportAddress peer, Relay relay)
{
    public const int FirstNumber = 0x4000;

    /// <summary>The last of RFC 5766, 11; <see cref="TurnSettings.LastChannelNumber"/> says which is the last that is served.</summary>
    public const int HighestNumber = 0x7FFF;

    public static readonly TimeSpan Lifetime = TimeSpan.FromSeconds(600);

    /// <summary>RFC 8656, 12: after its end, neither number nor peer is bound to another for so long.</summary>
    public static readonly TimeSpan Quarantine = TimeSpan.FromSeconds(300);

    public readonly ushort Number = number;
    public readonly TransportAddress Peer = peer;
    public readonly Relay Relay = relay;

    public Instant ExpiresAt;

    /// <summary>Of the peer's address, installed with the binding; packets of the peer pass while it lives.</summary>
    public Permission Permission = null!;

    /// <summary>The policy that <see cref="Verdict"/> comes from: a reload asks again.</summary>
    public PeerPolicy? Policy;

    public PeerVerdict Verdict;
}
