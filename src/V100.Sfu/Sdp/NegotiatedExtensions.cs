namespace V100.Sfu.Sdp;

/// <summary>
/// Which local identifier (RFC 8285) stands for which header extension, looked up both ways in constant time. Filled
/// while the answer is made, read-only afterwards.
/// </summary>
public sealed class NegotiatedExtensions
{
    /// <summary>The largest identifier that the one-byte form can hold (RFC 8285, 4.2).</summary>
    public const byte MaxOneByteId = 14;

    /// <summary>Empty where nothing was agreed on: a section that only sends, or only receives, has one map without entries.</summary>
    private byte[] _idByKind = [];

    /// <summary>As long as the largest identifier needs.</summary>
    private HeaderExtensionKind[] _kindById = [];

    /// <summary>0 where the extension was not agreed on.</summary>
    public byte IdOf(HeaderExtensionKind kind) => (int)kind < _idByKind.Length ? _idByKind[(int)kind] : (byte)0;

    /// <summary><see cref="HeaderExtensionKind.None"/> where the identifier was not agreed on.</summary>
    public HeaderExtensionKind KindOf(byte id) => id < _kindById.Length ? _kindById[id] : HeaderExtensionKind.None;

    /// <summary>How many extensions were agreed on.</summary>
    public int Count { get; private set; }

    /// <summary>Whether an identifier needs the two-byte form (RFC 8285, 4.3).</summary>
    public bool NeedsTwoByteHeader { get; private set; }

    internal void Add(HeaderExtensionKind kind, byte id)
    {
        if (_idByKind.Length == 0)
        {
            _idByKind = new byte[HeaderExtensionUri.KindCount];
        }

        if (id >= _kindById.Length)
        {
            Array.Resize(ref _kindById, id + 1);
        }

        _idByKind[(int)kind] = id;
        _kindById[id] = kind;
        Count++;
        NeedsTwoByteHeader |= id > MaxOneByteId;
    }

    /// <summary>
    /// Adds another section's map. An identifier on which the two differ (aiortc numbers each section by itself) is left out
    /// of the identifier-to-kind lookup; a kind keeps the identifier that came first.
    /// </summary>
    internal void Merge(NegotiatedExtensions other, bool[] conflicting)
    {
        for (int id = 1; id < other._kindById.Length; id++)
        {
            HeaderExtensionKind kind = other._kindById[id];
            if (kind == HeaderExtensionKind.None || conflicting[id])
            {
                continue;
            }

            if (KindOf((byte)id) == HeaderExtensionKind.None)
            {
                byte first = IdOf(kind);
                Add(kind, (byte)id);
                _idByKind[(int)kind] = first == 0 ? (byte)id : first;
            }
            else if (_kindById[id] != kind)
            {
                conflicting[id] = true;
                _kindById[id] = HeaderExtensionKind.None;
            }
        }
    }
}
