namespace V100.Sfu.Sdp;

/// <summary>
/// Which local identifier (RFC 8285) stands for which header extension, looked up both ways in constant time. Filled
/// while the answer is made, read-only afterwards.
/// </summary>
public sealed class NegotiatedExtensions
{
    /// <summary>The largest identifier that the one-byte form can hold (RFC 8285, 4.2).</summary>
    public const byte MaxOneByteId = 14;

    private readonly byte[] _idByKind = new byte[HeaderExtensionUri.KindCount];
    private readonly HeaderExtensionKind[] _kindById = new HeaderExtensionKind[256];

    /// <summary>0 where the extension was not agreed on.</summary>
    public byte IdOf(HeaderExtensionKind kind) => _idByKind[(int)kind];

    /// <summary><see cref="HeaderExtensionKind.None"/> where the identifier was not agreed on.</summary>
    public HeaderExtensionKind KindOf(byte id) => _kindById[id];

    /// <summary>How many extensions were agreed on.</summary>
    public int Count { get; private set; }

    /// <summary>Whether an identifier needs the two-byte form (RFC 8285, 4.3).</summary>
    public bool NeedsTwoByteHeader { get; private set; }

    internal void Add(HeaderExtensionKind kind, byte id)
    {
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
        for (int id = 1; id < _kindById.Length; id++)
        {
            HeaderExtensionKind kind = other._kindById[id];
            if (kind == HeaderExtensionKind.None || conflicting[id])
            {
                continue;
            }

            if (_kindById[id] == HeaderExtensionKind.None)
            {
                byte first = _idByKind[(int)kind];
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
