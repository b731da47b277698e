using System.Diagnostics;

namespace V100.Net;

/// <summary>
/// Room for one packet in native memory, counted by reference, so that several workers and caches can hold the same
/// plaintext. The object is made once with its slab and lives as long as its <see cref="PacketPool"/>.
/// </summary>
/// <remarks>
/// The producer: <see cref="PacketPool.TryRent"/> gives it with one reference; fill <see cref="Room"/>, set
/// <see cref="Start"/> and <see cref="Length"/>. Before it is handed to another holder, that holder's reference is added with
/// <see cref="AddReferences"/>. From then on the bytes are read only. Every holder calls <see cref="Release"/> once,
/// from any thread; the last one gives the buffer back.
/// </remarks>
public sealed unsafe class PacketBuffer
{
    /// <summary>Bytes that one buffer holds: an Ethernet frame's worth with room for what a path with larger frames sends.</summary>
    public const int Capacity = 2048;

    private readonly PacketPool _pool;
    private readonly byte* _memory;
    private int _references;

    internal PacketBuffer(PacketPool pool, byte* memory)
    {
        _pool = pool;
        _memory = memory;
    }

    /// <summary>The next buffer in the list that this one is in, while nobody holds it.</summary>
    internal PacketBuffer? Next;

    /// <summary>All the bytes, for the producer.</summary>
    public Span<byte> Room => new(_memory, Capacity);

    /// <summary>Where the packet begins in <see cref="Room"/>: a producer that takes bytes off the front moves it.</summary>
    public int Start { get; set; }

    /// <summary>Bytes of the packet from <see cref="Start"/> on.</summary>
    public int Length { get; set; }

    /// <summary>The packet.</summary>
    public ReadOnlySpan<byte> Bytes => Room.Slice(Start, Length);

    public void AddReferences(int count)
    {
        Debug.Assert(_references > 0, "only a holder may add references");
        Interlocked.Add(ref _references, count);
    }

    public void Release()
    {
        int left = Interlocked.Decrement(ref _references);
        Debug.Assert(left >= 0, "released more often than held");
        if (left == 0)
        {
            _pool.Return(this);
        }
    }

    internal void Begin()
    {
        Debug.Assert(_references == 0);
        _references = 1;
        Length = 0;
        Start = 0;
    }
}
