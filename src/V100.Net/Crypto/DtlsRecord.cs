namespace V100.Net.Crypto;

/// <summary>The header of one DTLS 1.2 record (RFC 6347 section 4.1), as far as it decides what a datagram is for.</summary>
internal readonly ref struct DtlsRecord
{
    public const int HeaderLength = 13;
    public const byte ChangeCipherSpec = 20;
    public const byte Alert = 21;
    public const byte Handshake = 22;
    public const byte ApplicationData = 23;

    /// <summary>Of alerts (RFC 5246 section 7.2).</summary>
    public const byte FatalLevel = 2;
    public const byte CloseNotify = 0;

    public readonly byte ContentType;
    public readonly ushort Epoch;

    private DtlsRecord(byte contentType, ushort epoch)
    {
        ContentType = contentType;
        Epoch = epoch;
    }

    /// <summary>Reads the record at the start of <paramref name="rest"/> and moves that behind it.</summary>
    public static bool TryRead(ref ReadOnlySpan<byte> rest, out DtlsRecord record)
    {
        var reader = new SpanReader(rest);
        if (reader.TryReadByte(out byte contentType) && reader.TrySkip(2) && reader.TryReadUInt16(out ushort epoch)
            && reader.TrySkip(6) && reader.TryReadUInt16(out ushort length) && reader.TrySkip(length))
        {
            record = new DtlsRecord(contentType, epoch);
            rest = reader.Rest;
            return true;
        }

        record = default;
        return false;
    }
}
