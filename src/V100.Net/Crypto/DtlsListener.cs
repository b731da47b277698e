using System.Buffers.Binary;
using System.Diagnostics;

namespace V100.Net.Crypto;

/// <summary>
/// The door of a DTLS server (RFC 6347 section 4.2.1): who has not shown that the address is their own gets an answer that
/// is shorter than the question, and no memory.
/// </summary>
/// <remarks>
/// <para>
/// The calling contract: <see cref="Examine"/> for each datagram, with the session that the client's address has, if any; then do
/// what the <see cref="DtlsVerdict"/> says. At <see cref="DtlsVerdict.Begin"/> dispose of the session that was there, make
/// one and give it the datagram by <see cref="DtlsServerSession.Start"/>. Of one thread at a time: each worker has its own, since the
/// kernel gives it all datagrams of a client.
/// </para>
/// <para>
/// The cookie is an HMAC over the client's address and what its hello says before the cookie. Its key is replaced each
/// <see cref="KeyLifetimeMs"/>, and the one before is still accepted: a cookie is good for one to two such times.
/// </para>
/// </remarks>
public sealed class DtlsListener
{
    public const int KeyLifetimeMs = 60_000;

    /// <summary>The longest response.</summary>
    public const int MaxResponseLength = DtlsRecord.HeaderLength + MessageHeaderLength + 3 + CookieLength;

    private const int KeyLength = 32;
    private const int CookieLength = 16;
    private const int MessageHeaderLength = 12;
    private const int AddressLength = 16 + 2 + 4;
    private const byte HelloVerifyRequest = 3;

    /// <summary>Of records and of the message. RFC 6347 section 4.2.1: that of DTLS 1.0, whatever will be agreed.</summary>
    private const ushort Dtls10Version = 0xFEFF;

    private readonly IEntropy _entropy;
    private HmacSha256Key _current;
    private HmacSha256Key _previous;
    private Instant _replaceAt = Instant.Never;

    public DtlsListener(IEntropy entropy)
    {
        ArgumentNullException.ThrowIfNull(entropy);
        _entropy = entropy;
        _current = MakeKey();
        _previous = MakeKey();
    }

    /// <summary>Hellos that were answered: without a cookie, or with one that is not, or no longer, good.</summary>
    public long Answered { get; private set; }

    /// <summary>Hellos that began a session.</summary>
    public long Begun { get; private set; }

    /// <summary>Datagrams of no session that begin none.</summary>
    public long Dropped { get; private set; }

    /// <param name="datagram">As received.</param>
    /// <param name="session">Of this client address, not ended; null where there is none.</param>
    /// <param name="client">Where it came from.</param>
    /// <param name="now">The time.</param>
    /// <param name="response">Room for <see cref="MaxResponseLength"/> bytes.</param>
    /// <param name="responseLength">Bytes to send for <see cref="DtlsVerdict.Answer"/>, else 0.</param>
    public DtlsVerdict Examine(
        ReadOnlySpan<byte> datagram, DtlsServerSession? session, in TransportAddress client, Instant now, Span<byte> response, out int responseLength)
    {
        responseLength = 0;
        // RFC 6347 section 4.2.8: a hello from the address of an association may be a client that has started again. The
        // association ends when the new hello has a good cookie, and not before.
        if (!DtlsHello.TryParse(datagram, out DtlsHello hello) || session is not null && session.BeganWith(hello))
        {
            Dropped += session is null ? 1 : 0;
            return session is null ? DtlsVerdict.Drop : DtlsVerdict.Deliver;
        }

        ReplaceKeys(now);
        Span<byte> address = stackalloc byte[AddressLength];
        WriteAddress(client, address);
        Span<byte> mac = stackalloc byte[HmacSha256Key.MacLength];
        // RFC 6347 section 4.2.2: the hello with the cookie is the client's second message.
        if (hello.MessageSequence == 1 && hello.Cookie.Length == CookieLength
            && (Matches(_current, address, hello, mac) || Matches(_previous, address, hello, mac)))
        {
            Begun++;
            return DtlsVerdict.Begin;
        }

        // RFC 6347 section 4.2.1: an invalid cookie is treated as none.
        _current.Compute(address, hello.Parameters, mac);
        responseLength = WriteRequest(hello, mac[..CookieLength], response);
        Debug.Assert(responseLength < datagram.Length, "an answer that is longer than its question amplifies");
        Answered++;
        return DtlsVerdict.Answer;
    }

    private static bool Matches(HmacSha256Key key, ReadOnlySpan<byte> address, in DtlsHello hello, Span<byte> mac)
    {
        key.Compute(address, hello.Parameters, mac);
        return ConstantTime.Equals(mac[..CookieLength], hello.Cookie);
    }

    private static void WriteAddress(in TransportAddress client, Span<byte> destination)
    {
        client.WriteIPv6(destination);
        BinaryPrimitives.WriteUInt16BigEndian(destination[16..], client.Port);
        BinaryPrimitives.WriteUInt32BigEndian(destination[18..], client.Scope);
    }

    /// <summary>The HelloVerifyRequest, in a record with the number of the hello's, as the server's first message.</summary>
    private static int WriteRequest(in DtlsHello hello, ReadOnlySpan<byte> cookie, Span<byte> destination)
    {
        int bodyLength = 3 + cookie.Length;
        var writer = new SpanWriter(destination);
        writer.WriteByte(DtlsRecord.Handshake);
        writer.WriteUInt16(Dtls10Version);
        writer.Write(hello.RecordNumber);
        writer.WriteUInt16((ushort)(MessageHeaderLength + bodyLength));
        writer.WriteByte(HelloVerifyRequest);
        writer.WriteUInt24((uint)bodyLength);
        // Message 0, whole: a fragment from 0 on, as long as the message.
        writer.WriteUInt16(0);
        writer.WriteUInt24(0);
        writer.WriteUInt24((uint)bodyLength);
        writer.WriteUInt16(Dtls10Version);
        writer.WriteByte((byte)cookie.Length);
        writer.Write(cookie);
        Debug.Assert(!writer.Overflowed, "the caller gives too little room");
        return writer.Overflowed ? 0 : writer.Position;
    }

    private void ReplaceKeys(Instant now)
    {
        TimeSpan lifetime = TimeSpan.FromMilliseconds(KeyLifetimeMs);
        if (_replaceAt == Instant.Never)
        {
            _replaceAt = now + lifetime;
        }
        else if (now >= _replaceAt)
        {
            // After a long silence both are too old.
            _previous = now >= _replaceAt + lifetime ? MakeKey() : _current;
            _current = MakeKey();
            _replaceAt = now + lifetime;
        }
    }

    private HmacSha256Key MakeKey()
    {
        Span<byte> key = stackalloc byte[KeyLength];
        _entropy.Fill(key);
        return new HmacSha256Key(key);
    }
}
