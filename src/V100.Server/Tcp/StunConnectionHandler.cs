using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using V100.Net;
using V100.Server.Control;
using V100.Stun;

namespace V100.Server.Tcp;

/// <summary>
/// STUN over TCP (RFC 8489, 6.2.2): finds the messages in the stream and answers Binding requests.
/// </summary>
/// <remarks>
/// A connection is closed when its next whole message has not come in time (<see cref="FirstMessageTimeout"/>, then
/// <see cref="IdleTimeout"/>), when its client does not read, at the first byte that cannot be STUN, and at once above
/// the limit of connections. Time runs by message, not by byte: a trickle of bytes does not prolong it.
/// </remarks>
internal sealed class StunConnectionHandler(ILogger log, TimeProvider time, int maxConnections = StunConnectionHandler.DefaultMaxConnections) : ConnectionHandler
{
    public const int DefaultMaxConnections = 10_000;

    /// <summary>The longest message that is waited for.</summary>
    public const int MaxMessageLength = 2048;

    public static readonly TimeSpan FirstMessageTimeout = TimeSpan.FromSeconds(10);
    public static readonly TimeSpan IdleTimeout = TimeSpan.FromSeconds(60);

    private long _open;
    private long _accepted;
    private long _refused;
    private long _messages;
    private long _garbage;
    private long _timedOut;

    public IEnumerable<MetricSample> Collect()
    {
        yield return new("v100_tcp_connections", "STUN connections over TCP now.", MetricKind.Gauge, "", Interlocked.Read(ref _open));
        yield return new("v100_tcp_accepted_total", "TCP connections accepted.", MetricKind.Counter, "", Interlocked.Read(ref _accepted));
        yield return new("v100_tcp_messages_total", "STUN messages received over TCP.", MetricKind.Counter, "", Interlocked.Read(ref _messages));
        yield return Closed("limit", ref _refused);
        yield return Closed("garbage", ref _garbage);
        yield return Closed("timeout", ref _timedOut);
    }

    public override async Task OnConnectedAsync(ConnectionContext connection)
    {
        Interlocked.Increment(ref _accepted);
        if (Interlocked.Increment(ref _open) > maxConnections)
        {
            Interlocked.Increment(ref _refused);
            connection.Abort(new ConnectionAbortedException("too many connections"));
        }
        else
        {
            await ServeAsync(connection).ConfigureAwait(false);
        }

        Interlocked.Decrement(ref _open);
    }

    private async Task ServeAsync(ConnectionContext connection)
    {
        CancellationToken stopping = connection.Features.Get<IConnectionLifetimeNotificationFeature>()?.ConnectionClosedRequested ?? default;
        using CancellationTokenSource deadline = new(FirstMessageTimeout, time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, stopping);
        string reason;
        try
        {
            if (await LoopAsync(connection, deadline, either.Token).ConfigureAwait(false))
            {
                return;
            }

            Interlocked.Increment(ref _garbage);
            reason = "no STUN";
        }
        catch (OperationCanceledException) when (deadline.IsCancellationRequested)
        {
            Interlocked.Increment(ref _timedOut);
            reason = "no whole message in time";
        }
        catch (OperationCanceledException)
        {
            reason = "the server stops";
        }
        catch (IOException exception)
        {
            reason = exception.Message;
        }

        // At once, whether or not the client reads.
        connection.Abort(new ConnectionAbortedException(reason));
        if (log.IsEnabled(LogLevel.Debug))
        {
            ServerLog.StreamClosed(log, connection.RemoteEndPoint?.ToString() ?? "", reason);
        }
    }

    /// <summary>True when the client ended the stream, and its last answers may still be sent; false for bytes that are no STUN.</summary>
    private async Task<bool> LoopAsync(ConnectionContext connection, CancellationTokenSource deadline, CancellationToken cancellation)
    {
        PipeReader input = connection.Transport.Input;
        PipeWriter output = connection.Transport.Output;
        TransportAddress remote = TransportAddress.From((IPEndPoint)connection.RemoteEndPoint!);
        while (true)
        {
            ReadResult read = await input.ReadAsync(cancellation).ConfigureAwait(false);
            ReadOnlySequence<byte> buffer = read.Buffer;
            bool good = Serve(ref buffer, output, remote, out int messages);
            input.AdvanceTo(buffer.Start, buffer.End);
            if (messages > 0)
            {
                Interlocked.Add(ref _messages, messages);
                deadline.CancelAfter(IdleTimeout);
                await output.FlushAsync(cancellation).ConfigureAwait(false);
            }

            if (!good || read.IsCompleted)
            {
                return good;
            }
        }
    }

    /// <summary>Takes every whole message off the buffer and writes its answer; false for bytes that are no STUN.</summary>
    private static bool Serve(ref ReadOnlySequence<byte> buffer, PipeWriter output, in TransportAddress remote, out int messages)
    {
        messages = 0;
        Span<byte> bytes = stackalloc byte[MaxMessageLength];
        while (!buffer.IsEmpty)
        {
            int length = (int)Math.Min(buffer.Length, bytes.Length);
            buffer.Slice(0, length).CopyTo(bytes);
            StunFrame frame = StunFraming.Read(bytes[..length], MaxMessageLength, out int frameLength, out int consumed);
            if (frame == StunFrame.Incomplete)
            {
                return true;
            }

            if (frame != StunFrame.Message || !StunReader.TryParse(bytes[..frameLength], out StunReader request))
            {
                return false;
            }

            output.Advance(BindingServer.Respond(request, remote, output.GetSpan(BindingServer.MaxResponseLength)));
            buffer = buffer.Slice(consumed);
            messages++;
        }

        return true;
    }

    private static MetricSample Closed(string reason, ref long count) => new(
        "v100_tcp_closed_total", "TCP connections that the server closed, by reason.", MetricKind.Counter, $"reason=\"{reason}\"", Interlocked.Read(ref count));
}
