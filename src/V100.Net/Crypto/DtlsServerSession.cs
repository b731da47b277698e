using V100.Net.Native;

namespace V100.Net.Crypto;

/// <summary>The server's end of an association that carries packets, with a client that shows no certificate.</summary>
/// <remarks>
/// The calling contract is that of <see cref="DtlsPacketAssociation"/>: <see cref="Start"/> with the datagram for which
/// <see cref="DtlsListener.Examine"/> said <see cref="DtlsVerdict.Begin"/>, then each datagram for which it says
/// <see cref="DtlsVerdict.Deliver"/>.
/// </remarks>
public sealed unsafe class DtlsServerSession : DtlsPacketAssociation
{
    private readonly byte[] _random = new byte[DtlsHello.RandomLength];

    /// <param name="context">Must outlive the construction only.</param>
    /// <param name="maxDatagramLength">No datagram of the handshake becomes longer.</param>
    public DtlsServerSession(DtlsServerContext context, int maxDatagramLength = 1200)
        : base(Required(context).Handle, DtlsRole.Server, maxDatagramLength)
    {
    }

    /// <param name="hello">The datagram whose cookie the listener found good.</param>
    /// <param name="now">The time, from which the handshake is bounded.</param>
    public void Start(ReadOnlySpan<byte> hello, Instant now)
    {
        BeginHandshake(now);
        if (State == DtlsState.Failed)
        {
            return;
        }

        ReadOnlySpan<byte> rest = hello;
        if (!DtlsHello.TryParse(hello, out DtlsHello parsed) || !DtlsRecord.TryRead(ref rest, out _) || !TryListen(hello[..^rest.Length]))
        {
            Fail("the datagram begins no handshake");
            return;
        }

        parsed.Random.CopyTo(_random);
        LastReceivedAt = now;
        // OpenSSL keeps the record that it listened to; there may be more in the datagram.
        Advance(rest, now);
    }

    /// <summary>Whether a hello is of the handshake that began this session, perhaps a repeated one: a client takes its random once.</summary>
    internal bool BeganWith(in DtlsHello hello) => hello.Random.SequenceEqual(_random);

    /// <summary>
    /// Takes the record of the hello as what came after a HelloVerifyRequest: OpenSSL goes on with the numbers of messages that follow one,
    /// and asks for the cookie no more.
    /// </summary>
    private bool TryListen(ReadOnlySpan<byte> record)
    {
        nint address = OpenSsl.BIO_ADDR_new();
        if (address == 0)
        {
            return false;
        }

        OpenSsl.ClearErrors();
        int result;
        fixed (byte* input = record)
        {
            Bio->BeginCall(input, record.Length);
            result = OpenSsl.DTLSv1_listen(Ssl, address);
            Bio->EndCall();
        }

        OpenSsl.BIO_ADDR_free(address);
        OpenSsl.ClearErrors();
        return result == 1;
    }

    private static DtlsServerContext Required(DtlsServerContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        return context;
    }
}
