using System.IO.Pipelines;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace V100.Server.Connections;

/// <summary>The TLS below HTTP: the pipes of what is in the clear, and what was agreed upon. HTTP takes its being there for https.</summary>
/// <param name="below">What comes from and goes to the socket; belongs to its connection.</param>
internal sealed class HttpsTransport(IDuplexPipe below) : IDuplexPipe, ITlsConnectionFeature, ITlsApplicationProtocolFeature, IAsyncDisposable
{
    private readonly SslStream _tls = new(new PipeStream(below.Input, below.Output.AsStream(leaveOpen: true)), leaveInnerStreamOpen: true);

    // A read waits without a buffer, so that an idle connection holds none.
    private PipeReader? _input;
    private PipeWriter? _output;

    public PipeReader Input => _input ??= PipeReader.Create(_tls, new StreamPipeReaderOptions(leaveOpen: true, useZeroByteReads: true));

    public PipeWriter Output => _output ??= PipeWriter.Create(_tls, new StreamPipeWriterOptions(leaveOpen: true));

    /// <summary>By ALPN (RFC 7301); empty where the client offers none.</summary>
    public ReadOnlyMemory<byte> ApplicationProtocol => _tls.NegotiatedApplicationProtocol.Protocol;

    /// <summary>Clients are not asked for any.</summary>
    public X509Certificate2? ClientCertificate { get; set; }

    public Task<X509Certificate2?> GetClientCertificateAsync(CancellationToken cancellationToken) => Task.FromResult(ClientCertificate);

    /// <summary>The server's side of the handshake. Throws where it fails; SslStream takes some that are cut short for its own defect, whose exceptions can be any.</summary>
    public Task AuthenticateAsync(SslServerAuthenticationOptions options, CancellationToken cancellation) => _tls.AuthenticateAsServerAsync(options, cancellation);

    public async ValueTask DisposeAsync()
    {
        // In this order: who still writes then finds a closed pipe, not a disposed stream.
        if (_input is not null)
        {
            await _input.CompleteAsync().ConfigureAwait(false);
        }

        if (_output is not null)
        {
            await _output.CompleteAsync().ConfigureAwait(false);
        }

        await _tls.DisposeAsync().ConfigureAwait(false);
    }
}
