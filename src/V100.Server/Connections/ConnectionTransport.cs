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

    /// <summary>A pipe to read from and a stream to write to, as one stream for TLS.</summary>
    private sealed class PipeStream(PipeReader input, Stream output) : Stream
    {
        private readonly Stream _input = input.AsStream(leaveOpen: true);

        public override bool CanRead => true;
        public override bool CanWrite => true;
        public override bool CanSeek => false;
        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => _input.ReadAsync(buffer, cancellationToken);

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            _input.ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) => output.WriteAsync(buffer, cancellationToken);

        public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            output.WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override Task FlushAsync(CancellationToken cancellationToken) => output.FlushAsync(cancellationToken);

        public override void Flush() => output.Flush();
        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
