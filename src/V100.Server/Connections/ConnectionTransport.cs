using System.IO.Pipelines;
using System.Net.Security;
using System.Net.Sockets;

namespace V100.Server.Connections;

/// <summary>
/// What a connection reads from and writes to. Reading goes through a pipe. Writing goes to the socket itself, or to TLS over it: so a write is done when
/// the kernel has the bytes, a client that does not read is noticed, and one direction can end before the other.
/// </summary>
/// <param name="input">Where bytes come from.</param>
/// <param name="output">Where bytes go; one write at a time.</param>
/// <param name="socket">The socket below; null where another layer owns it.</param>
internal sealed class ConnectionTransport(PipeReader input, Stream output, Socket? socket)
{
    public PipeReader Input => input;
    public Stream Output => output;

    /// <summary>Whether one direction can end before the other.</summary>
    public bool CanEndOutput => socket is not null;

    /// <summary>After the last write: tells the client that nothing follows, and leaves the way in open where <see cref="CanEndOutput"/>.</summary>
    public async Task EndOutputAsync()
    {
        await output.FlushAsync().ConfigureAwait(false);
        if (output is SslStream tls)
        {
            // RFC 8446, 6.1: close_notify ends one direction.
            await tls.ShutdownAsync().ConfigureAwait(false);
        }

        socket?.Shutdown(SocketShutdown.Send);
    }

    /// <summary>The TLS server's end over this transport.</summary>
    public async Task<ConnectionTransport> SecureAsync(SslServerAuthenticationOptions options)
    {
        var tls = new SslStream(new PipeStream(input, output), leaveInnerStreamOpen: true);
        try
        {
            await tls.AuthenticateAsServerAsync(options, CancellationToken.None).ConfigureAwait(false);
        }
        catch
        {
            await tls.DisposeAsync().ConfigureAwait(false);
            throw;
        }

        // A read waits without a buffer, so that an idle connection holds none.
        PipeReader reader = PipeReader.Create(tls, new StreamPipeReaderOptions(leaveOpen: true, useZeroByteReads: true));
        return new ConnectionTransport(reader, tls, socket);
    }

    /// <summary>Gives back what TLS holds; the layers below stay.</summary>
    public async ValueTask DisposeAsync()
    {
        if (output is SslStream tls)
        {
            await input.CompleteAsync().ConfigureAwait(false);
            await tls.DisposeAsync().ConfigureAwait(false);
        }
    }
}
