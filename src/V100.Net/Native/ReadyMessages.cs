using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace V100.Net.Native;

/// <summary>
/// Messages laid out once and sent by bare sendmmsg, from an IPv4 socket of its own, with no work between the calls: the least
/// that sending them can cost. <c>perf</c> measures the server's sockets against it, and nothing else uses it.
/// </summary>
internal sealed unsafe class ReadyMessages : IDisposable
{
    /// <summary>What the kernel takes in one call (UIO_MAXIOV).</summary>
    private const int MaxMessagesPerCall = 1024;

    private readonly int _descriptor;
    private readonly int _count;
    private byte* _memory;
    private readonly Libc.BatchHeader* _headers;

    /// <param name="destinations">IPv4; a message for each.</param>
    /// <param name="packetLength">Bytes of each packet, of no meaning; every packet has memory of its own.</param>
    /// <param name="packetsPerMessage">More than one go as one message that the system cuts (UDP_SEGMENT).</param>
    public ReadyMessages(ReadOnlySpan<TransportAddress> destinations, int packetLength, int packetsPerMessage)
    {
        _count = destinations.Length;
        int payload = packetLength * packetsPerMessage;
        int controlLength = sizeof(Libc.ControlHeader) + 8;
        int stride = sizeof(Libc.BatchHeader) + sizeof(Libc.Vector) + 32 + 32;
        _memory = (byte*)NativeMemory.AlignedAlloc((nuint)(_count * (stride + payload)), 4096);
        NativeMemory.Clear(_memory, (nuint)(_count * (stride + payload)));
        _headers = (Libc.BatchHeader*)_memory;
        Libc.Vector* vectors = (Libc.Vector*)(_headers + _count);
        byte* names = (byte*)(vectors + _count);
        byte* controls = names + 32 * _count;
        byte* payloads = controls + 32 * _count;
        for (int index = 0; index < _count; index++)
        {
            Libc.SocketAddress* name = (Libc.SocketAddress*)(names + 32 * index);
            name->Family = Libc.FamilyV4;
            name->PortBigEndian = BinaryPrimitives.ReverseEndianness(destinations[index].Port);
            name->AddressV4BigEndian = BinaryPrimitives.ReverseEndianness(destinations[index].IPv4);
            vectors[index] = new Libc.Vector { Data = payloads + payload * index, Length = (nuint)payload };
            _headers[index].Name = name;
            _headers[index].NameLength = Libc.SocketAddress.LengthV4;
            _headers[index].Vectors = vectors + index;
            _headers[index].VectorCount = 1;
            if (packetsPerMessage > 1)
            {
                Libc.ControlHeader* control = (Libc.ControlHeader*)(controls + 32 * index);
                *control = new Libc.ControlHeader
                {
                    Length = (nuint)sizeof(Libc.ControlHeader) + sizeof(ushort),
                    Level = Libc.LevelUdp,
                    Type = Libc.UdpSegment,
                };
                *(ulong*)(control + 1) = (ushort)packetLength;
                _headers[index].Control = (byte*)control;
                _headers[index].ControlLength = (nuint)controlLength;
            }
        }

        _descriptor = Libc.Socket(Libc.FamilyV4, Libc.TypeDatagram | Libc.CloseOnExec, 0);
        if (_descriptor < 0)
        {
            throw Libc.Failure("cannot open a UDP socket");
        }
    }

    /// <summary>Sends them all, waiting where the send buffer is full.</summary>
    public void Send()
    {
        int done = 0;
        while (done < _count)
        {
            int sent = Libc.SendMessages(_descriptor, _headers + done, (uint)Math.Min(_count - done, MaxMessagesPerCall), 0);
            if (sent <= 0 && Libc.LastError != Libc.Interrupted)
            {
                throw Libc.Failure("cannot send");
            }

            done += Math.Max(sent, 0);
        }
    }

    public void Dispose()
    {
        if (_memory is not null)
        {
            _ = Libc.Close(_descriptor);
            NativeMemory.AlignedFree(_memory);
            _memory = null;
        }
    }
}
