using V100.Net.Native;

namespace V100.Net.Sockets;

internal sealed unsafe partial class UdpSocketLinux
{
    // struct sock_extended_err: the number of the error, then who says so.
    private const int OriginIcmp = 2;
    private const int OriginIcmpV6 = 3;

    public override bool TryReadError(out PathError error)
    {
        error = default;
        Libc.SocketAddress destination;
        byte* control = stackalloc byte[UdpAreaLinux.ControlLength * 4];
        byte payload;
        var vector = new Libc.Vector { Data = &payload, Length = 1 };
        while (_reportsErrors)
        {
            var header = new Libc.BatchHeader
            {
                Name = &destination,
                NameLength = Libc.SocketAddress.LengthV6,
                Vectors = &vector,
                VectorCount = 1,
                Control = control,
                ControlLength = UdpAreaLinux.ControlLength * 4,
            };
            if (Libc.ReceiveMessages(Descriptor, &header, 1, Libc.DoNotWait | Libc.ErrorQueue, null) != 1)
            {
                HasErrors = false;
                return false;
            }

            if (TryParseError(&header, out error))
            {
                return true;
            }
        }

        return false;
    }

    private static bool TryParseError(Libc.BatchHeader* header, out PathError error)
    {
        error = default;
        byte* next = header->Control;
        byte* end = next + header->ControlLength;
        while (end - next >= sizeof(Libc.ControlHeader))
        {
            Libc.ControlHeader* control = (Libc.ControlHeader*)next;
            if ((control->Level, control->Type) is (Libc.LevelIPv4, Libc.ReceiveErrorsV4) or (Libc.LevelIPv6, Libc.ReceiveErrorsV6))
            {
                byte* extended = next + sizeof(Libc.ControlHeader);
                error = new PathError(ReadName(header->Name), extended[5], extended[6], *(uint*)(extended + 8));
                return extended[4] is OriginIcmp or OriginIcmpV6 && header->NameLength > 0;
            }

            if (control->Length < (nuint)sizeof(Libc.ControlHeader))
            {
                break;
            }

            next += (control->Length + 7) & ~(nuint)7;
        }

        return false;
    }

    public override bool TrySetDontFragment(bool value) => _familyV6
        ? TrySet(Libc.LevelIPv6, Libc.MtuDiscoverV6, value ? Libc.MtuDiscoverProbe : Libc.MtuDiscoverOmit)
        : TrySet(Libc.LevelIPv4, Libc.MtuDiscoverV4, value ? Libc.MtuDiscoverProbe : Libc.MtuDiscoverOmit);
}
