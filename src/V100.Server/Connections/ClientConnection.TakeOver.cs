namespace V100.Server.Connections;

/// <summary>Handing the raw stream to somebody else: the client data connection of RFC 6062.</summary>
internal sealed partial class ClientConnection
{
    private readonly TaskCompletionSource _spliced = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource<ConnectionTransport?>? _takeOver;
    private volatile bool _ending;

    private bool IsTakenOver => Volatile.Read(ref _takeOver) is not null;

    /// <summary>
    /// Stops the framing, sends the last message, and hands over the stream with every byte that came behind what was delivered. Any thread; who comes second gets null.
    /// </summary>
    /// <remarks>
    /// It completes when the answer is written, with null where the connection ended before. The taker reads and writes, then calls
    /// <see cref="GiveBack"/>; until then the connection counts and has no deadline. <see cref="Close"/> ends the taken stream too.
    /// </remarks>
    /// <param name="answer">The last message, such as the success of a ConnectionBind.</param>
    public Task<ConnectionTransport?> TakeOver(ReadOnlySpan<byte> answer)
    {
        var taken = new TaskCompletionSource<ConnectionTransport?>(TaskCreationOptions.RunContinuationsAsynchronously);
        if (Interlocked.CompareExchange(ref _takeOver, taken, null) is not null)
        {
            // A client that binds it twice, on two workers at the same time.
            return Task.FromResult<ConnectionTransport?>(null);
        }

        _kept = true;
        if (_ending || !TryQueue(answer, isMedia: false))
        {
            taken.TrySetResult(null);
        }

        _transport.Input.CancelPendingRead();
        return taken.Task;
    }

    /// <summary>The taker of the stream is done: what was written still goes out, then the connection ends.</summary>
    public void GiveBack() => _spliced.TrySetResult();

    /// <summary>The way in stops here: the stream goes to its taker, if there is one.</summary>
    private async Task HandOverAsync()
    {
        if (_takeOver is not { } taken || CloseReason != ConnectionCloseReason.None)
        {
            return;
        }

        await DrainedAsync().ConfigureAwait(false);
        if (taken.TrySetResult(_transport))
        {
            await _spliced.Task.ConfigureAwait(false);
        }
    }

    /// <summary>Nobody takes a connection that is over.</summary>
    private void EndTakeOver()
    {
        _ending = true;
        Interlocked.MemoryBarrier();
        Volatile.Read(ref _takeOver)?.TrySetResult(null);
    }
}
