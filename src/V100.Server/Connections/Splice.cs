using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;

namespace V100.Server.Connections;

/// <summary>
/// Joins a client's data connection and a peer's connection (RFC 6062, 5.4): bytes go both ways as they come. An end of one direction is passed on and the
/// other goes on, unless the client came through the HTTPS port, where one direction cannot end alone; a break ends both.
/// </summary>
/// <remarks>
/// Memory: <see cref="BufferBytes"/> toward the client while bytes are there, the listener's bounded pipe toward the peer. A side that does not read
/// slows the other down, and so does the rate of the user: what may not pass yet is not read, and waits with its sender.
/// </remarks>
internal sealed class Splice
{
    public const int BufferBytes = 16 * 1024;

    private readonly ClientConnection _client;
    private readonly PeerConnection _peer;
    private readonly SplicePace? _pace;
    private long _bytesToPeer;
    private long _bytesToClient;

    private Splice(ClientConnection client, PeerConnection peer, SplicePace? pace)
    {
        _client = client;
        _peer = peer;
        _pace = pace;
    }

    /// <summary>Takes both connections. Any thread; it does not wait.</summary>
    /// <param name="client">The client data connection, whose ConnectionBind was delivered.</param>
    /// <param name="answer">The success that its client still gets as a message.</param>
    /// <param name="peer">The peer's connection.</param>
    /// <param name="pace">Null for no limit.</param>
    public static Splice Start(ClientConnection client, ReadOnlySpan<byte> answer, PeerConnection peer, SplicePace? pace = null)
    {
        Splice splice = new(client, peer, pace);
        splice.Completion = splice.RunAsync(client.TakeOver(answer));
        return splice;
    }

    /// <summary>Both directions have ended, and both connections are closed or closing.</summary>
    public Task Completion { get; private set; } = Task.CompletedTask;

    public long BytesToPeer => Interlocked.Read(ref _bytesToPeer);

    public long BytesToClient => Interlocked.Read(ref _bytesToClient);

    /// <summary>Ends both connections at once. Any thread, any number of times.</summary>
    public void Close(ConnectionCloseReason reason = ConnectionCloseReason.Owner)
    {
        _client.Close(reason);
        _peer.Dispose();
    }

    private async Task RunAsync(Task<ConnectionTransport?> taking)
    {
        ConnectionTransport? transport = await taking.ConfigureAwait(false);
        if (transport is null || !_peer.TryTake(out Socket? socket))
        {
            Close();
        }
        else
        {
            await Task.WhenAll(
                GuardAsync(CopyToPeerAsync(transport.Input, socket)),
                GuardAsync(CopyToClientAsync(socket, transport))).ConfigureAwait(false);
            _peer.Dispose();
        }

        _client.GiveBack();
    }

    /// <summary>A direction that breaks ends the other too.</summary>
    private async Task GuardAsync(Task copying)
    {
        try
        {
            await copying.ConfigureAwait(false);
        }
        catch (Exception exception) when (ClientConnection.IsBroken(exception))
        {
            Close(ConnectionCloseReason.Reset);
        }
    }

    private async Task CopyToPeerAsync(PipeReader input, Socket peer)
    {
        NetworkStream output = new(peer, ownsSocket: false);
        await using (output.ConfigureAwait(false))
        {
            bool ended = false;
            while (!ended)
            {
                ReadResult read = await input.ReadAsync().ConfigureAwait(false);
                ended = read.IsCompleted;
                if (_peer.IsClosed)
                {
                    return;
                }

                foreach (ReadOnlyMemory<byte> segment in read.Buffer)
                {
                    await output.WriteAsync(segment).ConfigureAwait(false);
                    Interlocked.Add(ref _bytesToPeer, segment.Length);
                    await PaceAsync(segment.Length).ConfigureAwait(false);
                }

                input.AdvanceTo(read.Buffer.End);
            }

            peer.Shutdown(SocketShutdown.Send);
        }
    }

    /// <summary>Between a piece and the next, with no buffer in hand.</summary>
    private ValueTask PaceAsync(int bytes) => _pace is null || bytes == 0 ? default : _pace.PassAsync(bytes, () => _peer.IsClosed);

    private async Task CopyToClientAsync(Socket peer, ConnectionTransport client)
    {
        bool ended = false;
        int count = 0;
        while (!ended)
        {
            await PaceAsync(count).ConfigureAwait(false);
            // Waits without a buffer.
            await peer.ReceiveAsync(Memory<byte>.Empty, SocketFlags.None).ConfigureAwait(false);
            byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
            try
            {
                count = await peer.ReceiveAsync(buffer, SocketFlags.None).ConfigureAwait(false);
                ended = count == 0;
                await client.Output.WriteAsync(buffer.AsMemory(0, count)).ConfigureAwait(false);
                await client.Output.FlushAsync().ConfigureAwait(false);
                Interlocked.Add(ref _bytesToClient, count);
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(buffer);
            }
        }

        await client.EndOutputAsync().ConfigureAwait(false);
        if (!client.CanEndOutput)
        {
            _peer.Dispose();
            client.Input.CancelPendingRead();
        }
    }
}
