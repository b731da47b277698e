using System.Runtime.InteropServices;

namespace V100.Net;

/// <summary>
/// Where a ring is written and read, on cache lines of their own. Each side may keep a copy of the other's position, and
/// reads the shared one only when the copy says full (or empty).
/// </summary>
/// <remarks>Not nested in the rings: a generic type has no explicit layout.</remarks>
[StructLayout(LayoutKind.Explicit, Size = 384)]
internal struct RingPositions
{
    [FieldOffset(128)] public long Tail;
    [FieldOffset(136)] public long HeadSeenByWriter;
    [FieldOffset(256)] public long Head;
    [FieldOffset(264)] public long TailSeenByReader;
}
