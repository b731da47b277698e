using System.Buffers.Binary;

namespace V100.Stun;

/// <summary>One attribute as it stands in a message: any type, the value without padding.</summary>
public readonly ref struct StunAttribute(StunAttributeType type, ReadOnlySpan<byte> value)
{
    public readonly StunAttributeType Type = type;
    public readonly ReadOnlySpan<byte> Value = value;
}

/// <summary>
/// Walks the attributes of a message that <see cref="StunReader.TryParse"/> accepted, up to the one that seals it.
/// </summary>
public ref struct StunAttributeEnumerator
{
    private readonly ReadOnlySpan<byte> _message;
    private int _position;

    internal StunAttributeEnumerator(ReadOnlySpan<byte> message)
    {
        _message = message;
        _position = StunHeader.Length;
    }

    public StunAttribute Current { get; private set; }

    public bool MoveNext()
    {
        if (_position >= _message.Length)
        {
            return false;
        }

        var type = (StunAttributeType)BinaryPrimitives.ReadUInt16BigEndian(_message[_position..]);
        int length = BinaryPrimitives.ReadUInt16BigEndian(_message[(_position + 2)..]);
        if (type is StunAttributeType.MessageIntegrity or StunAttributeType.MessageIntegritySha256 or StunAttributeType.Fingerprint)
        {
            _position = _message.Length;
            return false;
        }

        Current = new StunAttribute(type, _message.Slice(_position + StunHeader.AttributeHeaderLength, length));
        _position += StunHeader.AttributeHeaderLength + StunHeader.Padded(length);
        return true;
    }
}
