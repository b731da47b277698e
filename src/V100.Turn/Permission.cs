using V100.Net;

namespace V100.Turn;

/// <summary>That a peer's address may send to an allocation, from any port (RFC 8656, 9).</summary>
internal sealed class Permission(in TransportAddress address)
{
    public static readonly TimeSpan Lifetime = TimeSpan.FromSeconds(300);

    /// <summary>With port 0.</summary>
    public readonly TransportAddress Address = address;

    public Instant ExpiresAt;

    /// <summary>The policy that <see cref="Verdict"/> comes from: a reload asks again.</summary>
    public PeerPolicy? Policy;

    public PeerVerdict Verdict;
}
