using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace V100.Net.Native;

/// <summary>The system calls of Linux that the UDP path uses, with the layouts and numbers of its 64-bit little-endian machines.</summary>
/// <remarks>Calls that may do real work keep the GC transition: leaving it out gains nothing on I/O and stops a collection for its length.</remarks>
internal static unsafe partial class Libc
{
    private const string Name = "libc";

    [LibraryImport(Name, EntryPoint = "socket", SetLastError = true)]
    public static partial int Socket(int family, int type, int protocol);

    [LibraryImport(Name, EntryPoint = "close", SetLastError = true)]
    public static partial int Close(int descriptor);

    [LibraryImport(Name, EntryPoint = "bind", SetLastError = true)]
    public static partial int Bind(int descriptor, SocketAddress* address, uint length);

    [LibraryImport(Name, EntryPoint = "getsockname", SetLastError = true)]
    public static partial int GetSocketName(int descriptor, SocketAddress* address, uint* length);

    [LibraryImport(Name, EntryPoint = "setsockopt", SetLastError = true)]
    public static partial int SetSocketOption(int descriptor, int level, int option, void* value, uint length);

    [LibraryImport(Name, EntryPoint = "getsockopt", SetLastError = true)]
    public static partial int GetSocketOption(int descriptor, int level, int option, void* value, uint* length);

    [LibraryImport(Name, EntryPoint = "recvmmsg", SetLastError = true)]
    public static partial int ReceiveMessages(int descriptor, BatchHeader* messages, uint count, int flags, void* timeout);

    [LibraryImport(Name, EntryPoint = "sendmmsg", SetLastError = true)]
    public static partial int SendMessages(int descriptor, BatchHeader* messages, uint count, int flags);

    /// <summary>Of a struct mmsghdr it uses the struct msghdr at its beginning.</summary>
    [LibraryImport(Name, EntryPoint = "recvmsg", SetLastError = true)]
    public static partial nint ReceiveMessage(int descriptor, BatchHeader* message, int flags);

    /// <summary>See <see cref="ReceiveMessage"/>.</summary>
    [LibraryImport(Name, EntryPoint = "sendmsg", SetLastError = true)]
    public static partial nint SendMessage(int descriptor, BatchHeader* message, int flags);

    [LibraryImport(Name, EntryPoint = "sendto", SetLastError = true)]
    public static partial nint SendTo(int descriptor, byte* data, nuint length, int flags, SocketAddress* destination, uint destinationLength);

    [LibraryImport(Name, EntryPoint = "poll", SetLastError = true)]
    public static partial int Poll(PollRequest* requests, nuint count, int timeoutMs);

    [LibraryImport(Name, EntryPoint = "epoll_create1", SetLastError = true)]
    public static partial int EpollCreate(int flags);

    [LibraryImport(Name, EntryPoint = "epoll_ctl", SetLastError = true)]
    public static partial int EpollControl(int epoll, int operation, int descriptor, byte* request);

    [LibraryImport(Name, EntryPoint = "epoll_wait", SetLastError = true)]
    public static partial int EpollWait(int epoll, byte* events, int count, int timeoutMs);

    [LibraryImport(Name, EntryPoint = "epoll_pwait2", SetLastError = true)]
    public static partial int EpollWait2(int epoll, byte* events, int count, TimeSpecification* timeout, void* signals);

    [LibraryImport(Name, EntryPoint = "eventfd", SetLastError = true)]
    public static partial int EventDescriptor(uint initial, int flags);

    [LibraryImport(Name, EntryPoint = "write", SetLastError = true)]
    public static partial nint Write(int descriptor, void* bytes, nuint count);

    public static int LastError
    {
        get => Marshal.GetLastPInvokeError();
        set => Marshal.SetLastPInvokeError(value);
    }

    /// <summary>Sets an int option and says whether the system took it.</summary>
    public static bool TrySetOption(int descriptor, int level, int option, int value) =>
        SetSocketOption(descriptor, level, option, &value, sizeof(int)) == 0;

    /// <summary>Reads an int option.</summary>
    public static bool TryGetOption(int descriptor, int level, int option, out int value)
    {
        int read = 0;
        uint length = sizeof(int);
        bool known = GetSocketOption(descriptor, level, option, &read, &length) == 0;
        value = read;
        return known;
    }

    public static IOException Failure(string doing) =>
        new($"{doing}: {Marshal.GetPInvokeErrorMessage(LastError)}");

    /// <summary>struct sockaddr_in6, and struct sockaddr_in in its first 16 bytes.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 28)]
    public struct SocketAddress
    {
        public const int LengthV4 = 16;
        public const int LengthV6 = 28;

        [FieldOffset(0)] public ushort Family;
        [FieldOffset(2)] public ushort PortBigEndian;
        [FieldOffset(4)] public uint AddressV4BigEndian;
        [FieldOffset(4)] public uint FlowInformation;
        [FieldOffset(8)] public AddressBytes AddressV6;
        [FieldOffset(24)] public uint Scope;
    }

    [InlineArray(16)]
    public struct AddressBytes
    {
        private byte _first;
    }

    /// <summary>struct iovec.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Vector
    {
        public byte* Data;
        public nuint Length;
    }

    /// <summary>struct mmsghdr: a struct msghdr and the bytes that went or came.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 64)]
    public struct BatchHeader
    {
        [FieldOffset(0)] public SocketAddress* Name;
        [FieldOffset(8)] public uint NameLength;
        [FieldOffset(16)] public Vector* Vectors;
        [FieldOffset(24)] public nuint VectorCount;
        [FieldOffset(32)] public byte* Control;
        [FieldOffset(40)] public nuint ControlLength;
        [FieldOffset(48)] public int Flags;
        [FieldOffset(56)] public uint Length;
    }

    /// <summary>struct cmsghdr; its data follow, and the next one stands at a multiple of 8.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct ControlHeader
    {
        public nuint Length;
        public int Level;
        public int Type;
    }

    /// <summary>struct in_pktinfo.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct PacketInfoV4
    {
        public int Interface;
        public uint LocalBigEndian;
        public uint DestinationBigEndian;
    }

    /// <summary>struct in6_pktinfo.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct PacketInfoV6
    {
        public AddressBytes Address;
        public uint Interface;
    }

    [StructLayout(LayoutKind.Sequential)]
    public struct TimeSpecification
    {
        public long Seconds;
        public long Nanoseconds;
    }

    /// <summary>struct pollfd.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct PollRequest
    {
        public int Descriptor;
        public short Events;
        public short Results;
    }

    public const int FamilyV4 = 2;
    public const int FamilyV6 = 10;
    public const int TypeDatagram = 2;
    public const int NonBlocking = 0x800;
    public const int CloseOnExec = 0x8_0000;

    public const int LevelSocket = 1;
    public const int SendBuffer = 7;
    public const int ReceiveBuffer = 8;
    public const int ReusePort = 15;
    public const int SendBufferForce = 32;
    public const int ReceiveBufferForce = 33;

    public const int LevelIPv4 = 0;
    public const int TrafficClassV4 = 1;
    public const int HopLimitV4 = 2;
    public const int PacketInformationV4 = 8;
    public const int MtuDiscoverV4 = 10;
    public const int ReceiveErrorsV4 = 11;
    public const int ReceiveHopLimitV4 = 12;
    public const int ReceiveTrafficClassV4 = 13;

    public const int LevelIPv6 = 41;
    public const int MtuDiscoverV6 = 23;
    public const int ReceiveErrorsV6 = 25;
    public const int OnlyV6 = 26;
    public const int ReceivePacketInformationV6 = 49;
    public const int PacketInformationV6 = 50;
    public const int ReceiveHopLimitV6 = 51;
    public const int HopLimitV6 = 52;
    public const int ReceiveTrafficClassV6 = 66;
    public const int TrafficClassV6 = 67;

    /// <summary>IP_PMTUDISC_PROBE: the DF bit, and no path MTU taken from ICMP.</summary>
    public const int MtuDiscoverProbe = 3;

    /// <summary>IP_PMTUDISC_OMIT: no DF bit, and no path MTU taken from ICMP, which anybody can send.</summary>
    public const int MtuDiscoverOmit = 5;

    public const int LevelUdp = 17;
    public const int UdpSegment = 103;
    public const int UdpCoalesce = 104;

    public const int DoNotWait = 0x40;
    public const int ErrorQueue = 0x2000;
    public const int Truncated = 0x20;

    public const short PollWritable = 4;
    public const uint EpollReadable = 1;
    public const uint EpollError = 8;
    public const uint EpollEdge = 1U << 31;
    public const int EpollAdd = 1;
    public const int EpollDelete = 2;

    public const int NotPermitted = 1;
    public const int Interrupted = 4;
    public const int InputOutputError = 5;
    public const int WouldBlock = 11;
    public const int NoMemory = 12;
    public const int AccessDenied = 13;
    public const int InvalidArgument = 22;
    public const int NotImplemented = 38;
    public const int MessageTooLong = 90;
    public const int AddressFamilyNotSupported = 97;
    public const int AddressNotAvailable = 99;
    public const int NetworkDown = 100;
    public const int NetworkUnreachable = 101;
    public const int NoBuffers = 105;
    public const int ConnectionRefused = 111;
    public const int HostDown = 112;
    public const int HostUnreachable = 113;
}
