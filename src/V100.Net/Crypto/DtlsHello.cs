namespace V100.Net.Crypto;

/// <summary>
/// The start of a ClientHello (RFC 6347 section 4.2.1): the record that begins a datagram and holds its first fragment, which
/// reaches to the cookie at least. A hello of several fragments, as one with a post-quantum key share is, has all that a
/// server answers without state in the first.
/// </summary>
internal readonly ref struct DtlsHello
{
    public const int RandomLength = 32;
    public const byte MessageType = 1;

    private const byte MajorVersion = 0xFE;

    /// <summary>Epoch and number of the record, 8 bytes: the answer's record has the same.</summary>
    public readonly ReadOnlySpan<byte> RecordNumber;

    /// <summary>0 for the first hello of a client, 1 for that with the cookie.</summary>
    public readonly ushort MessageSequence;

    /// <summary>What stands before the cookie: version, random and session id. A client repeats it with the cookie.</summary>
    public readonly ReadOnlySpan<byte> Parameters;
    public readonly ReadOnlySpan<byte> Random;
    public readonly ReadOnlySpan<byte> Cookie;

    private DtlsHello(
        ReadOnlySpan<byte> recordNumber, ushort messageSequence, ReadOnlySpan<byte> parameters, ReadOnlySpan<byte> random, ReadOnlySpan<byte> cookie)
    {
        RecordNumber = recordNumber;
        MessageSequence = messageSequence;
        Parameters = parameters;
        Random = random;
        Cookie = cookie;
    }

    public static bool TryParse(ReadOnlySpan<byte> datagram, out DtlsHello hello)
    {
        hello = default;
        var reader = new SpanReader(datagram);
        return reader.TryReadByte(out byte contentType) && contentType == DtlsRecord.Handshake
            && reader.TryReadByte(out byte major) && major == MajorVersion && reader.TrySkip(1)
            && reader.TryRead(8, out ReadOnlySpan<byte> number)
            // The first two bytes are the epoch: a hello of an association to come is not encrypted.
            && number[0] == 0 && number[1] == 0
            && reader.TryReadUInt16(out ushort length) && reader.TryRead(length, out ReadOnlySpan<byte> message)
            && TryParseMessage(message, number, out hello);
    }

    private static bool TryParseMessage(ReadOnlySpan<byte> message, ReadOnlySpan<byte> number, out DtlsHello hello)
    {
        hello = default;
        var reader = new SpanReader(message);
        if (!reader.TryReadByte(out byte type) || type != MessageType || !reader.TryReadUInt24(out uint length)
            || !reader.TryReadUInt16(out ushort sequence) || !reader.TryReadUInt24(out uint offset)
            || !reader.TryReadUInt24(out uint fragmentLength)
            || offset != 0 || fragmentLength > length || fragmentLength != reader.Remaining)
        {
            return false;
        }

        ReadOnlySpan<byte> body = reader.Rest;
        var fields = new SpanReader(body);
        if (!fields.TrySkip(2) || !fields.TryRead(RandomLength, out ReadOnlySpan<byte> random)
            || !fields.TryReadByte(out byte sessionIdLength) || !fields.TrySkip(sessionIdLength))
        {
            return false;
        }

        ReadOnlySpan<byte> parameters = body[..fields.Position];
        if (!fields.TryReadByte(out byte cookieLength) || !fields.TryRead(cookieLength, out ReadOnlySpan<byte> cookie))
        {
            return false;
        }

        hello = new DtlsHello(number, sequence, parameters, random, cookie);
        return true;
    }
}
