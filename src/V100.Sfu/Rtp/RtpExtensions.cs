namespace V100.Sfu.Rtp;

/// <summary>One header extension element: a view.</summary>
public readonly ref struct RtpExtension(byte id, ReadOnlySpan<byte> value)
{
    public readonly byte Id = id;
    public readonly ReadOnlySpan<byte> Value = value;
}

/// <summary>
/// The elements of a header extension block in the one-byte or two-byte form of RFC 8285. A block of another profile, or what
/// follows a malformed element, reads as no elements: a bad extension does not cost the packet.
/// </summary>
public readonly ref struct RtpExtensions(ushort profile, ReadOnlySpan<byte> block)
{
    /// <summary>RFC 8285, 4.2.</summary>
    public const ushort OneByteProfile = 0xBEDE;

    /// <summary>RFC 8285, 4.3; the low four bits are the application's.</summary>
    public const ushort TwoByteProfile = 0x1000;

    private readonly ushort _profile = profile;
    private readonly ReadOnlySpan<byte> _block = block;

    public bool IsOneByte => _profile == OneByteProfile;
    public bool IsTwoByte => (_profile & 0xFFF0) == TwoByteProfile;

    /// <summary>The bytes behind the block's own four-byte header.</summary>
    public ReadOnlySpan<byte> Block => _block;

    /// <summary>The first element with this id; with a value of no bytes it is found all the same.</summary>
    public bool TryGet(byte id, out ReadOnlySpan<byte> value)
    {
        foreach (RtpExtension extension in this)
        {
            if (extension.Id == id)
            {
                value = extension.Value;
                return true;
            }
        }

        value = default;
        return false;
    }

    public Enumerator GetEnumerator() => new(IsOneByte, IsOneByte || IsTwoByte ? _block : default);

    public ref struct Enumerator
    {
        private readonly ReadOnlySpan<byte> _block;
        private readonly bool _oneByte;
        private int _position;
        private int _valueStart;
        private byte _id;

        internal Enumerator(bool oneByte, ReadOnlySpan<byte> block)
        {
            _oneByte = oneByte;
            _block = block;
        }

        public readonly RtpExtension Current => new(_id, _block[_valueStart.._position]);

        public bool MoveNext()
        {
            // RFC 8285, 4.1.2: padding bytes of 0 may stand between and behind elements.
            while (_position < _block.Length && _block[_position] == 0)
            {
                _position++;
            }

            return _oneByte ? MoveNextOneByte() : MoveNextTwoByte();
        }

        private bool MoveNextOneByte()
        {
            if (_position >= _block.Length)
            {
                return false;
            }

            int header = _block[_position];
            int id = header >> 4;
            int length = (header & 0x0F) + 1;

            // RFC 8285, 4.2: id 15, or id 0 with a length, ends the processing of the whole block.
            return id is not (0 or 15) && Take((byte)id, _position + 1, length);
        }

        private bool MoveNextTwoByte() =>
            _position + 2 <= _block.Length && Take(_block[_position], _position + 2, _block[_position + 1]);

        private bool Take(byte id, int start, int length)
        {
            if (start + length > _block.Length)
            {
                _position = _block.Length;
                return false;
            }

            _id = id;
            _valueStart = start;
            _position = start + length;
            return true;
        }
    }
}
