using System.Buffers;
using V100.Stun;

namespace V100.Server.Connections;

/// <summary>The way out: packets wait in a bounded queue, and one task at a time of the thread pool writes them.</summary>
internal sealed partial class ClientConnection
{
    /// <summary>Bytes of one write: several packets in one segment, or one TLS record.</summary>
    public const int MaxWriteBytes = 16 * 1024;

    /// <summary>Bytes that the kernel may hold beyond what the congestion window lets it send.</summary>
    public const int MaxUnsentBytes = 64 * 1024;

    private readonly OutboundQueue _outbound;
    private volatile TaskCompletionSource? _drained;
    private int _isWriting;
    private volatile bool _outputEnded;

    /// <summary>
    /// Sends one packet, framed as the stream is framed. Any thread; it neither waits nor locks nor allocates. False when the packet is lost:
    /// media beyond its share of the queue is dropped and counted; for anything else that has no room the connection is closed.
    /// </summary>
    /// <param name="packet">A STUN message or ChannelData, or any packet where a length stands before each (ICE over TCP).</param>
    /// <param name="isMedia">Whether the packet may be lost.</param>
    public bool TrySend(ReadOnlySpan<byte> packet, bool isMedia) => !IsTakenOver && TryQueue(packet, isMedia);

    /// <summary>Writes what is queued, and what is queued meanwhile; then ends. Called by the thread pool.</summary>
    void IThreadPoolWorkItem.Execute() => _ = WriteAsync();

    private bool TryQueue(ReadOnlySpan<byte> packet, bool isMedia)
    {
        if (_outputEnded || Framing is StreamFraming.Undecided or StreamFraming.Garbage
            || CloseReason is not (ConnectionCloseReason.None or ConnectionCloseReason.Ended))
        {
            return false;
        }

        switch (_outbound.TryEnqueue(packet, Framing, isMedia))
        {
            case EnqueueOutcome.Queued:
                StartWriting();
                return true;
            case EnqueueOutcome.DroppedMedia:
                _table.Counters.DroppedMedia();
                return false;
            default:
                Close(ConnectionCloseReason.Overflow);
                return false;
        }
    }

    private void StartWriting()
    {
        if (Volatile.Read(ref _isWriting) == 0 && Interlocked.Exchange(ref _isWriting, 1) == 0)
        {
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }
    }

    /// <summary>Completes when everything queued before has been written, or cannot be.</summary>
    private Task DrainedAsync()
    {
        var drained = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _drained = drained;
        Interlocked.MemoryBarrier();
        StartWriting();
        return drained.Task;
    }

    private async Task WriteAsync()
    {
        byte[] bytes = ArrayPool<byte>.Shared.Rent(MaxWriteBytes);
        while (true)
        {
            // Read first: an empty queue after that means that all is written which was queued before it was set.
            TaskCompletionSource? drained = _drained;
            // A write is a record of TLS, and clients such as coturn's take a record for a message.
            int count = _outbound.Take(bytes.AsSpan(0, MaxWriteBytes), onePacket: _secured);
            if (count > 0)
            {
                await WriteAsync(bytes.AsMemory(0, count)).ConfigureAwait(false);
                continue;
            }

            drained?.TrySetResult();
            Interlocked.Exchange(ref _isWriting, 0);

            // Whoever queues, or waits, from here on starts another run, or is seen by this one.
            bool more = _outbound.HasNew || _drained is { Task.IsCompleted: false };
            if (!more || Interlocked.Exchange(ref _isWriting, 1) != 0)
            {
                break;
            }
        }

        ArrayPool<byte>.Shared.Return(bytes);
    }

    /// <summary>Writes, or drops where the connection is over.</summary>
    private async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes)
    {
        if (_outputEnded || CloseReason is not (ConnectionCloseReason.None or ConnectionCloseReason.Ended))
        {
            return;
        }

        Volatile.Write(ref _writeDeadlineTicks, (_table.Now + _table.Limits.WriteTimeout).Ticks);
        try
        {
            await _transport.Output.WriteAsync(bytes).ConfigureAwait(false);
            await _transport.Output.FlushAsync().ConfigureAwait(false);
            Volatile.Write(ref _writeDeadlineTicks, Never);
            _table.Counters.Sent(bytes.Length);
        }
#pragma warning disable CA1031 // Whatever a write throws, this run goes on to its end: others wait for it.
        catch (Exception)
#pragma warning restore CA1031
        {
            Close(ConnectionCloseReason.Reset);
            Volatile.Write(ref _writeDeadlineTicks, Never);
        }
    }
}
