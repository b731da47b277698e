using System.Buffers.Binary;
using System.Diagnostics;
using V100.Net.Native;

namespace V100.Net.Sockets;

internal sealed unsafe partial class UdpSocketLinux
{
    private CounterBlock<SocketCounter> _counters;

    // Pending errors that one Receive may meet before it gives the worker back.
    private const int MaxReceiveErrors = 8;

    private readonly bool _isShared;
    private bool _readyBefore;
    private int _lastReady = -1;

    public override bool MayHaveMore => _area.WasFilled;

    public override bool KeepsBytes => true;

    public override bool CanKeep => _area.HasRoom;

    public override bool Receive()
    {
        _area.Restart(UdpAreaLinux.ControlLength);
        return ReceiveKeeping();
    }

    public override bool ReceiveKeeping()
    {
        Debug.Assert(CanKeep);
        for (int attempt = 0; attempt < MaxReceiveErrors; attempt++)
        {
            int count = ReceiveSome(_area.NextHeaders);
            int error = count < 0 ? Libc.LastError : 0;
            _area.FinishReceive(this, count);
            _counters.Increment(SocketCounter.ReceiveCalls);
            if (count > 0)
            {
                return true;
            }

            if (error == Libc.WouldBlock)
            {
                return false;
            }

            // An ICMP error of what was sent, or no memory: the next call may do better.
            if (error != Libc.Interrupted)
            {
                _counters.Increment(SocketCounter.ReceiveErrors);
            }
        }

        return false;
    }

    /// <summary>
    /// As recvmmsg, which looks for a second message where there is one, and finds none on most relayed addresses: of 0.75 µs that look
    /// takes 0.2. What is left over makes the socket ready in the next turn again, and two turns in a row are a reason to look.
    /// </summary>
    private int ReceiveSome(Libc.BatchHeader* headers)
    {
        if (_isShared || _readyBefore)
        {
            return Libc.ReceiveMessages(Descriptor, headers, UdpAreaLinux.ReceiveBatch, Libc.DoNotWait, null);
        }

        nint length = Libc.ReceiveMessage(Descriptor, headers, Libc.DoNotWait);
        headers->Length = (uint)length;
        return length < 0 ? -1 : 1;
    }

    /// <summary>The poller found it ready.</summary>
    /// <param name="wait">The number of the poller's wait.</param>
    public void SetReady(int wait)
    {
        _readyBefore = wait - 1 == _lastReady;
        _lastReady = wait;
    }

    public override bool TryRead(out Datagram datagram)
    {
        ref UdpAreaLinux.ReceiveCursor cursor = ref _area.Cursor;
        if (cursor.Remaining < 0 && !TryOpenMessage(ref cursor))
        {
            datagram = default;
            return false;
        }

        // A message of length 0 is one empty datagram; any other is cut at the segment length until nothing is left.
        int length = Math.Min(cursor.SegmentLength, cursor.Remaining);
        datagram = new Datagram(new Span<byte>(cursor.Data, length), cursor.Remote, cursor.Local, cursor.Fields);
        cursor.Data += length;
        cursor.Remaining -= length;
        if (cursor.Remaining == 0)
        {
            cursor.Remaining = -1;
        }

        return true;
    }

    private bool TryOpenMessage(ref UdpAreaLinux.ReceiveCursor cursor)
    {
        if (cursor.Socket != this)
        {
            return false;
        }

        while (++cursor.Message < cursor.MessageCount)
        {
            Libc.BatchHeader* header = _area.ReceiveHeaders + cursor.Message;
            if ((header->Flags & Libc.Truncated) != 0)
            {
                _counters.Increment(SocketCounter.ReceivedTruncated);
                continue;
            }

            int length = (int)header->Length;
            cursor.Data = header->Vectors->Data;
            cursor.Remaining = length;
            cursor.SegmentLength = length;
            cursor.Remote = ReadName(header->Name);
            cursor.Local = Bound;
            cursor.Fields = default;
            ReadControl(header, ref cursor);
            _counters.Add(SocketCounter.BytesReceived, length);
            _counters.Add(SocketCounter.DatagramsReceived, length <= cursor.SegmentLength ? 1 : (length + cursor.SegmentLength - 1) / cursor.SegmentLength);
            return true;
        }

        cursor.Socket = null;
        return false;
    }

    private void ReadControl(Libc.BatchHeader* header, ref UdpAreaLinux.ReceiveCursor cursor)
    {
        byte* next = header->Control;
        byte* end = next + header->ControlLength;
        while (end - next >= sizeof(Libc.ControlHeader))
        {
            Libc.ControlHeader* control = (Libc.ControlHeader*)next;
            byte* data = next + sizeof(Libc.ControlHeader);
            switch (control->Level, control->Type)
            {
                case (Libc.LevelUdp, Libc.UdpCoalesce):
                    int segment = *(int*)data;
                    cursor.SegmentLength = segment > 0 ? segment : cursor.SegmentLength;
                    break;
                case (Libc.LevelIPv6, Libc.PacketInformationV6):
                    Libc.PacketInfoV6* v6 = (Libc.PacketInfoV6*)data;
                    cursor.Local = TransportAddress.FromIPv6(v6->Address, Bound.Port, v6->Interface);
                    break;
                case (Libc.LevelIPv4, Libc.PacketInformationV4):
                    Libc.PacketInfoV4* v4 = (Libc.PacketInfoV4*)data;
                    cursor.Local = TransportAddress.FromIPv4(BinaryPrimitives.ReverseEndianness(v4->LocalBigEndian), Bound.Port);
                    break;
                case (Libc.LevelIPv4, Libc.TrafficClassV4):
                    // A byte, where all others are an int.
                case (Libc.LevelIPv6, Libc.TrafficClassV6):
                    cursor.Fields = cursor.Fields with { TrafficClass = *data };
                    break;
                case (Libc.LevelIPv4, Libc.HopLimitV4):
                case (Libc.LevelIPv6, Libc.HopLimitV6):
                    // One that came with 0 goes as far as one with 1: here.
                    cursor.Fields = cursor.Fields with { HopLimit = Math.Max(*data, (byte)1) };
                    break;
            }

            next += (control->Length + 7) & ~(nuint)7;
            if (control->Length < (nuint)sizeof(Libc.ControlHeader))
            {
                break;
            }
        }
    }
}
