using System.Buffers;
using System.IO.Pipelines;
using V100.Stun;

namespace V100.Server.Connections;

/// <summary>The way in: the stream is cut into packets, and each goes to the sink.</summary>
internal sealed partial class ClientConnection
{
    /// <summary>The longest packet: the longest datagram with a TURN header around it.</summary>
    public const int MaxMessageLength = 65_535;

    /// <summary>The longest message of a client that nobody has said to keep.</summary>
    public const int MaxFirstMessageLength = 2048;

    // The length and the cookie of a message, or of one with its length before it.
    private const int HeadLength = 16;

    private bool _delivered;

    private enum ReceiveStep
    {
        /// <summary>The next packet is not whole yet.</summary>
        Starved,
        Garbage,

        /// <summary>The sink has no room.</summary>
        Refused,

        /// <summary>The connection was closed, or taken over.</summary>
        Over,
    }

    /// <summary>Returns when the client ends its stream, or when the connection is closed or no longer taken over.</summary>
    private async Task ReceiveAsync()
    {
        PipeReader input = _transport.Input;
        Task? room = null;
        while (true)
        {
            ReadResult read = await input.ReadAsync().ConfigureAwait(false);
            ReadOnlySequence<byte> buffer = read.Buffer;
            ReceiveStep step = TakePackets(ref buffer);
            input.AdvanceTo(buffer.Start, step == ReceiveStep.Starved ? buffer.End : buffer.Start);
            switch (step)
            {
                case ReceiveStep.Starved when read.IsCompleted:
                    return;
                case ReceiveStep.Garbage:
                    Close(ConnectionCloseReason.Garbage);
                    return;
                case ReceiveStep.Over:
                    await HandOverAsync().ConfigureAwait(false);
                    return;
                case ReceiveStep.Refused:
                    room = await PauseAsync(room).ConfigureAwait(false);
                    break;
                default:
                    room = null;
                    break;
            }
        }
    }

    /// <summary>After a first refusal asks to be told of room, for the next try; after a second one waits.</summary>
    private async Task<Task?> PauseAsync(Task? room)
    {
        if (room is null)
        {
            _table.Counters.Paused();
            return _sink.WaitForRoomAsync(this);
        }

        await room.ConfigureAwait(false);
        return _sink.WaitForRoomAsync(this);
    }

    /// <summary>Takes every whole packet off the buffer, as far as the sink has room.</summary>
    private ReceiveStep TakePackets(ref ReadOnlySequence<byte> buffer)
    {
        int messages = 0;
        long before = buffer.Length;
        ReceiveStep step;
        while (true)
        {
            step = TakePacket(ref buffer, out bool taken);
            if (!taken)
            {
                break;
            }

            messages++;
        }

        if (messages > 0)
        {
            SetDeadline(ConnectionCloseReason.IdleTimeout);
            _table.Counters.Received(messages, before - buffer.Length);
        }

        return step;
    }

    private ReceiveStep TakePacket(ref ReadOnlySequence<byte> buffer, out bool taken)
    {
        taken = false;
        if (IsTakenOver || CloseReason != ConnectionCloseReason.None)
        {
            return ReceiveStep.Over;
        }

        Span<byte> head = stackalloc byte[HeadLength];
        head = head[..(int)Math.Min(buffer.Length, head.Length)];
        buffer.Slice(0, head.Length).CopyTo(head);
        if (Framing == StreamFraming.Undecided && !head.IsEmpty)
        {
            Framing = StreamFramings.Detect(head, MaxFirstMessageLength);
        }

        return Framing switch
        {
            StreamFraming.Stun => TakeMessage(head, ref buffer, out taken),
            StreamFraming.LengthPrefixed => TakePrefixed(head, ref buffer, out taken),
            StreamFraming.Garbage => ReceiveStep.Garbage,
            _ => ReceiveStep.Starved,
        };
    }

    private ReceiveStep TakeMessage(ReadOnlySpan<byte> head, ref ReadOnlySequence<byte> buffer, out bool taken)
    {
        taken = false;
        int maxLength = _kept ? MaxMessageLength : MaxFirstMessageLength;
        StunFrame frame = StunFraming.Read(head, maxLength, out int length, out int consumed);
        if (frame == StunFrame.Garbage)
        {
            return ReceiveStep.Garbage;
        }

        // Of a message that is not within its head, the head says how long the whole is.
        int whole = frame == StunFrame.Incomplete ? length : consumed;
        if (buffer.Length < whole)
        {
            return ReceiveStep.Starved;
        }

        taken = TryDeliver(buffer.Slice(0, whole), maxLength);
        buffer = taken ? buffer.Slice(whole) : buffer;
        return ReceiveStep.Refused;
    }

    private ReceiveStep TakePrefixed(ReadOnlySpan<byte> head, ref ReadOnlySequence<byte> buffer, out bool taken)
    {
        taken = false;
        int length = StreamFramings.ReadPrefix(head);
        if (length > (_kept ? MaxMessageLength : MaxFirstMessageLength))
        {
            return ReceiveStep.Garbage;
        }

        if (length < 0 || buffer.Length < StreamFramings.PrefixLength + length)
        {
            return ReceiveStep.Starved;
        }

        taken = length == 0 || TryDeliver(buffer.Slice(StreamFramings.PrefixLength, length), MaxMessageLength);
        buffer = taken ? buffer.Slice(StreamFramings.PrefixLength + length) : buffer;
        return ReceiveStep.Refused;
    }

    /// <summary>Gives the sink one packet in one piece, without its padding.</summary>
    private bool TryDeliver(in ReadOnlySequence<byte> packet, int maxLength)
    {
        if (packet.IsSingleSegment)
        {
            return TryDeliver(packet.FirstSpan, maxLength);
        }

        int length = (int)packet.Length;
        byte[] whole = ArrayPool<byte>.Shared.Rent(length);
        packet.CopyTo(whole);
        bool delivered = TryDeliver(whole.AsSpan(0, length), maxLength);
        ArrayPool<byte>.Shared.Return(whole);
        return delivered;
    }

    private bool TryDeliver(ReadOnlySpan<byte> packet, int maxLength)
    {
        int length = packet.Length;
        if (Framing == StreamFraming.Stun)
        {
            StunFraming.Read(packet, maxLength, out length, out _);
        }

        bool delivered = _sink.TryDeliver(this, ConnectionMessageKind.Message, packet[..length]);
        _delivered |= delivered;
        return delivered;
    }

    /// <summary>Tells the sink that the connection is over, whenever it has room for that.</summary>
    private async Task DeliverClosedAsync()
    {
        Task? room = null;
        while (!_sink.TryDeliver(this, ConnectionMessageKind.Closed, default))
        {
            room = await PauseAsync(room).ConfigureAwait(false);
        }
    }
}
