using System.Runtime.InteropServices;
using V100.Net.Native;

namespace V100.Net.Sockets;

/// <summary>
/// The native memory of one worker through which all its Linux sockets receive and send: headers, addresses, control messages
/// and receive buffers, laid out once. A socket of its own holds a descriptor only, so a worker can have thousands.
/// </summary>
internal sealed unsafe class UdpAreaLinux : IDisposable
{
    /// <summary>Messages that one system call receives.</summary>
    public const int ReceiveBatch = 64;

    /// <summary>Messages that stay as they are while more are received.</summary>
    public const int ReceiveSlots = 2 * ReceiveBatch;

    /// <summary>Messages that one system call sends; the kernel takes at most 1,024.</summary>
    public const int SendBatch = 512;

    public const int ReceiveLength = 65_536;
    public const int ControlLength = 128;

    // Not a power of two: else the first lines of all buffers would compete for the same cache sets.
    private const int ReceiveStride = ReceiveLength + 1_600;

    private static readonly bool SystemSegments = ProbeSegmentation();

    private byte* _memory;
    private int _usedSlots;

    public UdpAreaLinux(CounterBlock<SocketCounter> counters, bool segmentation)
    {
        Counters = counters;
        Segmentation = segmentation && SystemSegments;

        // A packet has at most two pieces.
        const int VectorCount = 2 * (SendBatch + TransmitGroups.MaxSegments);
        nuint headers = (nuint)(sizeof(Libc.BatchHeader) * (ReceiveSlots + SendBatch + 1));
        nuint vectors = (nuint)(sizeof(Libc.Vector) * (ReceiveSlots + VectorCount + 2));
        nuint names = (nuint)(32 * (ReceiveSlots + SendBatch + 1));
        nuint controls = ControlLength * (ReceiveSlots + SendBatch + 1);
        nuint length = headers + vectors + names + controls + ReceiveStride * ReceiveSlots;
        _memory = (byte*)NativeMemory.AlignedAlloc(length, 4096);

        // The buffers stay untouched, and so without pages, until packets fill them.
        NativeMemory.Clear(_memory, headers + vectors + names + controls);
        ReceiveHeaders = (Libc.BatchHeader*)_memory;
        SendHeaders = ReceiveHeaders + ReceiveSlots;
        Libc.Vector* receiveVectors = (Libc.Vector*)(_memory + headers);
        SendVectors = receiveVectors + ReceiveSlots;
        SendVectorCount = VectorCount;
        byte* nextName = _memory + headers + vectors;
        byte* nextControl = nextName + names;
        byte* nextBuffer = nextControl + controls;
        for (int index = 0; index <= ReceiveSlots + SendBatch; index++)
        {
            ReceiveHeaders[index].Name = (Libc.SocketAddress*)(nextName + 32 * index);
            ReceiveHeaders[index].Control = nextControl + ControlLength * index;
        }

        for (int index = 0; index < ReceiveSlots; index++)
        {
            receiveVectors[index] = new Libc.Vector { Data = nextBuffer + ReceiveStride * index, Length = ReceiveLength };
            ReceiveHeaders[index].Vectors = receiveVectors + index;
            ReceiveHeaders[index].VectorCount = 1;
        }

        // No header is prepared yet.
        _usedSlots = ReceiveSlots;
    }

    public CounterBlock<SocketCounter> Counters { get; }

    /// <summary>Turned off when an interface turns out not to carry segmented messages.</summary>
    public bool Segmentation { get; set; }

    public TransmitGroups Groups { get; } = new();

    public Libc.BatchHeader* ReceiveHeaders { get; }

    /// <summary>One more than <see cref="SendBatch"/>: the last is for packets that go out singly.</summary>
    public Libc.BatchHeader* SendHeaders { get; }

    /// <summary>Two more than <see cref="SendVectorCount"/>, for the same.</summary>
    public Libc.Vector* SendVectors { get; }

    public int SendVectorCount { get; }

    /// <summary>Which packet of the last received batch is read next; messages are counted from the first slot on.</summary>
    public ReceiveCursor Cursor;

    internal struct ReceiveCursor
    {
        public UdpSocketLinux? Socket;
        public int Message;
        public int MessageCount;
        public byte* Data;
        public int Remaining;
        public int SegmentLength;
        public TransportAddress Remote;
        public TransportAddress Local;
        public IpFields Fields;
    }

    /// <summary>Whether a whole batch can be received behind what is there.</summary>
    public bool HasRoom => _usedSlots <= ReceiveSlots - ReceiveBatch;

    /// <summary>The last call took as much as it could.</summary>
    public bool WasFilled { get; private set; }

    /// <summary>Gives up what was received: the next call begins at the first slot again.</summary>
    public void Restart(int controlLength)
    {
        // Headers that were not filled keep what was prepared.
        for (int index = 0; index < _usedSlots; index++)
        {
            ReceiveHeaders[index].NameLength = Libc.SocketAddress.LengthV6;
            ReceiveHeaders[index].ControlLength = (nuint)controlLength;
        }

        _usedSlots = 0;
    }

    /// <summary>Where the next call receives to.</summary>
    public Libc.BatchHeader* NextHeaders => ReceiveHeaders + _usedSlots;

    /// <param name="socket">Whose packets they are.</param>
    /// <param name="count">Messages that came, or -1 of a failed call, which fills none.</param>
    public void FinishReceive(UdpSocketLinux socket, int count)
    {
        WasFilled = count == ReceiveBatch;
        Cursor.Socket = socket;
        Cursor.Message = _usedSlots - 1;
        _usedSlots += Math.Max(count, 0);
        Cursor.MessageCount = _usedSlots;
        Cursor.Remaining = -1;
    }

    private static bool ProbeSegmentation()
    {
        int descriptor = Libc.Socket(Libc.FamilyV4, Libc.TypeDatagram | Libc.CloseOnExec, 0);
        if (descriptor < 0)
        {
            return false;
        }

        bool known = Libc.TryGetOption(descriptor, Libc.LevelUdp, Libc.UdpSegment, out _);
        _ = Libc.Close(descriptor);
        return known;
    }

    public void Dispose()
    {
        NativeMemory.AlignedFree(_memory);
        _memory = null;
    }
}
