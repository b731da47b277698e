using V100.Net;

namespace V100.Sfu.Sdp;

/// <summary>What the server brings to an answer.</summary>
public sealed class AnswerParameters
{
    /// <summary>For the <c>o=</c> line: random, the highest bit is cleared (RFC 8829, 5.2.1).</summary>
    public required ulong SessionId { get; init; }

    /// <summary>Counts the answers of one session, from 1.</summary>
    public ulong SessionVersion { get; init; } = 1;

    /// <summary>This server's user name fragment; see <see cref="IceGrammar.IsUfrag"/>.</summary>
    public required string IceUfrag { get; init; }

    public required string IcePassword { get; init; }

    /// <summary>The addresses at which clients reach the UDP port, the preferred first. Written as host candidates.</summary>
    public required IReadOnlyList<TransportAddress> Candidates { get; init; }

    /// <summary>The SHA-256 digest of the DTLS certificate as <c>AB:CD:…</c>; see <see cref="Sdp.Fingerprint.Format"/>.</summary>
    public required string Fingerprint { get; init; }

    public required SessionRole Role { get; init; }

    /// <summary>Required where <see cref="Role"/> has <see cref="SessionRole.Subscribe"/>.</summary>
    public AllocateSenderStream? AllocateSender { get; init; }
}
