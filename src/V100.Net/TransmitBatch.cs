using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace V100.Net;

/// <summary>Takes the packets of a full or finished batch: a socket, or a simulated network.</summary>
public interface IPacketTransmitter
{
    /// <summary>Sends, or drops and counts, every entry of the batch, in order for each destination. Called by <see cref="TransmitBatch.Flush"/> only.</summary>
    void Transmit(TransmitBatch batch);
}

/// <summary>
/// What one loop turn of a worker sends: packets written in place, one behind the other in native memory, with their
/// addresses. It is the packet output of every protocol machine.
/// </summary>
/// <remarks>
/// The producer: <see cref="Reserve"/> room, write, then <see cref="Commit(int)"/> the true length (or not, which gives the
/// room back at the next <see cref="Reserve"/>). A batch without room flushes itself, so a fan-out of any width fits.
/// The driver calls <see cref="Flush"/> at the end of each loop turn.
/// A packet may end in a payload that lies elsewhere, such as the receive buffer that a relay passes on: it is sent from
/// there, so it must stay as it is until the flush.
/// </remarks>
public sealed unsafe class TransmitBatch : IDisposable
{
    /// <summary>The largest packet that can be reserved: the largest UDP payload.</summary>
    public const int MaxPacketLength = 65_507;

    private readonly IPacketTransmitter _transmitter;
    private byte* _memory;
    private int _memoryLength;
    private readonly Entry[] _entries;
    private byte* _assembled;
    private int _used;
    private int _reserved = -1;

    internal struct Entry
    {
        public byte* Data;
        public int DataLength;
        public int PayloadLength;

        /// <summary>What is sent behind the data, from where it lies.</summary>
        public byte* Payload;
        public TransportAddress Remote;
        public TransportAddress Local;
        public IpFields Fields;

        public readonly int Length => DataLength + PayloadLength;
        public readonly bool IsDiscarded => DataLength < 0;
    }

    /// <param name="transmitter">Where flushed packets go.</param>
    /// <param name="capacity">Packets that the batch holds before it flushes itself.</param>
    public TransmitBatch(IPacketTransmitter transmitter, int capacity = 1024)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(capacity);
        _transmitter = transmitter;
        _entries = new Entry[capacity];
        _memoryLength = Math.Max(capacity * 1500, MaxPacketLength);
        _memory = (byte*)NativeMemory.AlignedAlloc((nuint)_memoryLength, 4096);
    }

    public int Count { get; private set; }

    internal ReadOnlySpan<Entry> Entries => _entries.AsSpan(0, Count);

    /// <summary>Room for one packet of at most <paramref name="maxLength"/> bytes.</summary>
    /// <param name="remote">Where it goes.</param>
    /// <param name="local">The address of this machine that it must come from; <c>default</c> leaves it to the system.</param>
    /// <param name="maxLength">At most <see cref="MaxPacketLength"/>.</param>
    /// <param name="fields">Of its IP header, where the system can set them for one packet.</param>
    public Span<byte> Reserve(in TransportAddress remote, in TransportAddress local, int maxLength, IpFields fields = default)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)maxLength, (uint)MaxPacketLength, nameof(maxLength));
        if (Count == _entries.Length || _memoryLength - _used < maxLength)
        {
            ObjectDisposedException.ThrowIf(_memory is null, this);
            Flush();
        }

        ref Entry entry = ref _entries[Count];
        entry.Data = _memory + _used;
        entry.DataLength = maxLength;
        entry.PayloadLength = 0;
        entry.Remote = remote;
        entry.Local = local;
        entry.Fields = fields;
        _reserved = maxLength;
        return new Span<byte>(entry.Data, maxLength);
    }

    /// <summary>Makes the packet last reserved part of the batch, with its first <paramref name="length"/> bytes. Once for each reservation.</summary>
    public void Commit(int length)
    {
        if ((uint)length > (uint)_reserved || _reserved < 0)
        {
            ThrowNotReserved();
        }

        _entries[Count].DataLength = length;
        _used += length;
        _reserved = -1;
        Count++;
    }

    /// <summary>As <see cref="Commit(int)"/>, with a payload behind the packet's first bytes that is not copied.</summary>
    /// <param name="length">Bytes written where <see cref="Reserve"/> said.</param>
    /// <param name="payload">Native or pinned memory, unchanged until the flush. The whole packet has at most <see cref="MaxPacketLength"/> bytes.</param>
    public void Commit(int length, ReadOnlySpan<byte> payload)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length + payload.Length, MaxPacketLength, nameof(payload));
        ref Entry entry = ref _entries[Count];
        entry.Payload = (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(payload));
        entry.PayloadLength = payload.Length;
        Commit(length);
    }

    /// <summary>One packet in one piece, valid until the next call: what a backend needs that cannot gather.</summary>
    public ReadOnlySpan<byte> GetPacket(int index, out TransportAddress remote, out TransportAddress local)
    {
        ref readonly Entry entry = ref Entries[index];
        remote = entry.Remote;
        local = entry.Local;
        return entry.PayloadLength == 0 ? new ReadOnlySpan<byte>(entry.Data, entry.DataLength) : AssembleSlow(in entry);
    }

    /// <summary>Takes a packet out of the batch that is being transmitted: it went another way.</summary>
    internal void Discard(int index) => _entries[index].DataLength = -1;

    private ReadOnlySpan<byte> AssembleSlow(ref readonly Entry entry)
    {
        if (_assembled is null)
        {
            _assembled = (byte*)NativeMemory.Alloc(MaxPacketLength);
        }

        Span<byte> packet = new(_assembled, entry.Length);
        new ReadOnlySpan<byte>(entry.Data, entry.DataLength).CopyTo(packet);
        new ReadOnlySpan<byte>(entry.Payload, entry.PayloadLength).CopyTo(packet[entry.DataLength..]);
        return packet;
    }

    public void Flush()
    {
        if (Count > 0)
        {
            _transmitter.Transmit(this);
            Count = 0;
        }

        _used = 0;
        _reserved = -1;
    }

    /// <summary>Frees the memory; what was not flushed is lost.</summary>
    public void Dispose()
    {
        NativeMemory.AlignedFree(_memory);
        NativeMemory.Free(_assembled);
        _memory = _assembled = null;
        _memoryLength = -1;
        Count = 0;
    }

    [DoesNotReturn]
    private static void ThrowNotReserved() => throw new InvalidOperationException("Commit needs a reservation of at least its length.");
}
