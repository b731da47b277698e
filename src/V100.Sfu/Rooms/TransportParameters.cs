using V100.Net;

namespace V100.Sfu.Rooms;

/// <summary>What every answer says of this server's transport.</summary>
/// <param name="Candidates">The addresses that clients can reach, most preferred first.</param>
/// <param name="Fingerprint">SHA-256 of the DTLS certificate, as <c>AB:CD:…</c>.</param>
/// <param name="ShardCount">How many workers forward.</param>
public sealed record TransportParameters(IReadOnlyList<TransportAddress> Candidates, string Fingerprint, int ShardCount);
