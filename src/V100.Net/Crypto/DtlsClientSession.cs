using V100.Net.Native;

namespace V100.Net.Crypto;

/// <summary>
/// The client's end of an association that carries packets: what the tests and the load generator speak to the server with.
/// It shows no certificate and believes any.
/// </summary>
/// <remarks>The calling contract is that of <see cref="DtlsPacketAssociation"/>.</remarks>
internal sealed unsafe class DtlsClientSession : DtlsPacketAssociation
{
    private static readonly OpenSsl.SslContextHandle Context = DtlsParameters.MakeContext();

    /// <param name="applicationProtocols">For ALPN, each after a byte of its length; empty offers nothing.</param>
    /// <param name="maxDatagramLength">No datagram of the handshake becomes longer.</param>
    public DtlsClientSession(ReadOnlySpan<byte> applicationProtocols = default, int maxDatagramLength = 1200)
        : base(Context, DtlsRole.Client, maxDatagramLength)
    {
        if (State == DtlsState.Failed)
        {
            throw new InsufficientMemoryException(FailureReason);
        }

        fixed (byte* protocols = applicationProtocols)
        {
            _ = OpenSsl.SSL_set_alpn_protos(Ssl, protocols, (uint)applicationProtocols.Length);
        }
    }

    /// <summary>Makes the first hello.</summary>
    public void Start(Instant now)
    {
        BeginHandshake(now);
        Advance(default, now);
    }
}
