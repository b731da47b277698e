using System.Buffers.Binary;
using System.Text.Json;
using V100.Net.Crypto;
using V100.Sfu.Tests.Rtp;
using Xunit.Abstractions;

namespace V100.Net.Tests.Crypto;

public class DtlsListenerTests(ITestOutputHelper output)
{
    private const int CookieLengthOffset = 13 + 12 + 2 + 32 + 1;

    private static readonly TransportAddress Client = TransportAddress.FromIPv4(0xC0000201, 50000);
    private static readonly Instant Start = new(5_000_000_000);

    private readonly DtlsListener _listener = new(new SeededEntropy(1));
    private readonly byte[] _response = new byte[DtlsListener.MaxResponseLength];

    private static byte[] MakeHello()
    {
        using var session = new DtlsClientSession();
        session.Start(Start);
        Assert.True(session.TryPollDatagram(out ReadOnlySpan<byte> hello));
        Assert.Equal(0, hello[CookieLengthOffset]);
        return hello.ToArray();
    }

    /// <summary>The hello as a client repeats it: with the cookie, as message 1, with lengths to match.</summary>
    private static byte[] WithCookie(byte[] hello, ReadOnlySpan<byte> cookie)
    {
        int at = 13 + 12 + 2 + 32;
        at += 1 + hello[at];
        byte[] repeated = [.. hello[..at], (byte)cookie.Length, .. cookie, .. hello[(at + 1)..]];
        Add(repeated.AsSpan(11, 2), cookie.Length);
        Add(repeated.AsSpan(14, 3), cookie.Length);
        Add(repeated.AsSpan(22, 3), cookie.Length);
        repeated[10] = 1;
        BinaryPrimitives.WriteUInt16BigEndian(repeated.AsSpan(17), 1);
        // Some clients put the second fragment into the same datagram.
        int recordEnd = 13 + BinaryPrimitives.ReadUInt16BigEndian(repeated.AsSpan(11));
        return recordEnd == repeated.Length ? repeated : [.. repeated[..recordEnd], .. LaterFragment(repeated[recordEnd..], cookie.Length)];
    }

    /// <summary>A later fragment of the repeated hello.</summary>
    private static byte[] LaterFragment(byte[] fragment, int cookieLength)
    {
        byte[] repeated = [.. fragment];
        Add(repeated.AsSpan(14, 3), cookieLength);
        Add(repeated.AsSpan(19, 3), cookieLength);
        repeated[10] += 2;
        BinaryPrimitives.WriteUInt16BigEndian(repeated.AsSpan(17), 1);
        return repeated;
    }

    private static void Add(Span<byte> number, int addend)
    {
        for (int index = number.Length - 1; index >= 0; index--)
        {
            int sum = number[index] + addend;
            number[index] = (byte)sum;
            addend = sum >> 8;
        }
    }

    private DtlsVerdict Examine(byte[] datagram, out int length) => Examine(datagram, Client, Start, out length);

    private DtlsVerdict Examine(byte[] datagram, TransportAddress from, Instant now, out int length) =>
        _listener.Examine(datagram, session: null, from, now, _response, out length);

    private byte[] CookieFor(byte[] hello, TransportAddress from, Instant now)
    {
        Assert.Equal(DtlsVerdict.Answer, Examine(hello, from, now, out int length));
        return _response[(13 + 12 + 3)..length];
    }

    [Fact]
    public void A_hello_without_a_cookie_gets_a_request_that_is_shorter_and_has_its_number()
    {
        byte[] hello = MakeHello();
        BinaryPrimitives.WriteUInt16BigEndian(hello.AsSpan(9), 0x1234);
        Assert.Equal(DtlsVerdict.Answer, Examine(hello, out int length));
        byte[] answer = _response[..length];
        Assert.True(length < hello.Length);
        Assert.Equal([22, 0xFE, 0xFF], answer[..3]);
        Assert.Equal(hello[3..11], answer[3..11]);
        Assert.Equal(length - 13, BinaryPrimitives.ReadUInt16BigEndian(answer.AsSpan(11)));
        byte bodyLength = (byte)(length - 25);
        // HelloVerifyRequest, its length, message 0, whole, version, cookie.
        Assert.Equal([3, 0, 0, bodyLength, 0, 0, 0, 0, 0, 0, 0, bodyLength, 0xFE, 0xFF, (byte)(bodyLength - 3)], answer[13..28]);
    }

    [Fact]
    public void The_cookie_is_good_for_its_client_and_its_hello_alone()
    {
        byte[] hello = MakeHello();
        byte[] cookie = CookieFor(hello, Client, Start);
        byte[] repeated = WithCookie(hello, cookie);
        Assert.Equal(DtlsVerdict.Begin, Examine(repeated, out int length));
        Assert.Equal(0, length);
        Assert.Equal(DtlsVerdict.Answer, Examine(repeated, Client.WithPort(50001), Start, out _));
        Assert.Equal(DtlsVerdict.Answer, Examine(repeated, TransportAddress.FromIPv4(0xC0000202, 50000), Start, out _));
        Assert.Equal(DtlsVerdict.Answer, Examine(WithCookie(MakeHello(), cookie), out _));
        Assert.Equal(DtlsVerdict.Answer, Examine(WithCookie(hello, cookie.AsSpan(0, cookie.Length - 1)), out _));
        for (int bit = 0; bit < cookie.Length * 8; bit++)
        {
            byte[] forged = [.. cookie];
            forged[bit / 8] ^= (byte)(1 << bit % 8);
            Assert.Equal(DtlsVerdict.Answer, Examine(WithCookie(hello, forged), out _));
        }

        // Another server, or this one after a start, has another key.
        var other = new DtlsListener(new SeededEntropy(2));
        Assert.Equal(DtlsVerdict.Answer, other.Examine(repeated, null, Client, Start, _response, out _));
        Assert.Equal(1, _listener.Begun);
    }

    [Theory]
    [InlineData(0, 0.99, true)]
    [InlineData(0, 1.99, true)]
    [InlineData(0, 2.01, false)]
    [InlineData(0.5, 1.01, true)]
    [InlineData(0.99, 2.01, false)]
    [InlineData(0, 1000, false)]
    public void A_cookie_outlives_one_change_of_the_key(double madeAtLifetimes, double shownAtLifetimes, bool good)
    {
        byte[] hello = MakeHello();
        // The first hello starts the key's time.
        CookieFor(hello, Client, Start);
        byte[] repeated = WithCookie(hello, CookieFor(hello, Client, Start + At(madeAtLifetimes)));
        for (double lifetimes = Math.Ceiling(madeAtLifetimes); lifetimes < Math.Min(shownAtLifetimes, 5); lifetimes++)
        {
            CookieFor(MakeHello(), Client, Start + At(lifetimes));
        }

        Assert.Equal(good ? DtlsVerdict.Begin : DtlsVerdict.Answer, Examine(repeated, Client, Start + At(shownAtLifetimes), out _));

        static TimeSpan At(double lifetimes) => TimeSpan.FromMilliseconds(DtlsListener.KeyLifetimeMs) * lifetimes;
    }

    [Fact]
    public void After_a_long_silence_no_old_cookie_is_good()
    {
        byte[] hello = MakeHello();
        byte[] repeated = WithCookie(hello, CookieFor(hello, Client, Start));
        Assert.Equal(DtlsVerdict.Answer, Examine(repeated, Client, Start + TimeSpan.FromMilliseconds(2 * DtlsListener.KeyLifetimeMs), out _));
    }

    [Fact]
    public void Spoofed_hellos_leave_no_memory_and_allocate_none()
    {
        byte[] hello = MakeHello();
        byte[] forged = WithCookie(hello, new byte[16]);
        int sessions = DtlsAssociation.LiveAssociations;
        long before = 0;
        for (uint number = 0; number < 3100; number++)
        {
            if (number == 100)
            {
                before = GC.GetAllocatedBytesForCurrentThread();
            }

            BinaryPrimitives.WriteUInt32BigEndian(hello.AsSpan(30), number);
            TransportAddress from = TransportAddress.FromIPv4(0x0A000000 + number, (ushort)(1024 + number));
            _listener.Examine(hello, null, from, Start, _response, out _);
            _listener.Examine(forged, null, from, Start, _response, out _);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal((6200, 0, 0), (_listener.Answered, _listener.Begun, _listener.Dropped));
        // Other tests run beside this one and have sessions for a moment.
        Assert.InRange(DtlsAssociation.LiveAssociations, 0, sessions + 16);
    }

    public static TheoryData<string> Clients() => ["aiortc", "chromium", "firefox", "gst", "pion", "wrtc"];

    /// <summary>Hellos with a post-quantum key share come in two datagrams: the first is answered and begins the session, the second completes it.</summary>
    [Theory]
    [MemberData(nameof(Clients))]
    public void The_hello_of_every_real_client_is_answered_and_then_begins_a_session(string client)
    {
        using Stream stream = typeof(DtlsListenerTests).Assembly.GetManifestResourceStream("client-hellos.json")!;
        byte[][] flight = [.. JsonSerializer.Deserialize<Dictionary<string, string[]>>(stream)![client].Select(Convert.FromHexString)];
        byte[] cookie = CookieFor(flight[0], Client, Start);
        foreach (byte[] later in flight[1..])
        {
            Assert.Equal(DtlsVerdict.Drop, Examine(later, out _));
        }

        byte[] first = WithCookie(flight[0], cookie);
        Assert.Equal(DtlsVerdict.Begin, Examine(first, out _));
        using var session = new DtlsServerSession(DtlsServerPair.Context);
        session.Start(first, Start);
        foreach (byte[] later in flight[1..])
        {
            Assert.False(session.TryPollDatagram(out _), "answered before the hello was whole");
            byte[] repeated = LaterFragment(later, cookie.Length);
            Assert.Equal(DtlsVerdict.Deliver, _listener.Examine(repeated, session, Client, Start, _response, out _));
            session.HandleDatagram(repeated, Start);
        }

        Assert.True(session.TryPollDatagram(out ReadOnlySpan<byte> answer), session.FailureReason);
        if (client == "firefox")
        {
            // It offers the protocols of WebRTC, which this server does not speak.
            Assert.Equal([2, 120], answer[13..15].ToArray());
            return;
        }

        // A handshake record that holds ServerHello as the server's second message.
        Assert.Equal(22, answer[0]);
        Assert.Equal([2, 0, 1], [answer[13], answer[17], answer[18]]);
    }

    [Fact]
    public void What_is_no_hello_is_dropped_and_what_a_session_began_with_is_delivered_to_it()
    {
        byte[] hello = MakeHello();
        foreach (int offset in new[] { 0, 1, 3, 4, 13, 19, 20, 21 })
        {
            byte[] other = [.. hello];
            other[offset]++;
            Assert.Equal(DtlsVerdict.Drop, Examine(other, out _));
        }

        for (int length = 0; length < hello.Length; length++)
        {
            Assert.Equal(DtlsVerdict.Drop, Examine(hello[..length], out _));
        }

        Assert.Equal(8 + hello.Length, _listener.Dropped);
        byte[] repeated = WithCookie(hello, CookieFor(hello, Client, Start));
        using var session = new DtlsServerSession(DtlsServerPair.Context);
        session.Start(repeated, Start);
        Assert.Equal(DtlsVerdict.Deliver, _listener.Examine(repeated, session, Client, Start, _response, out _));
        Assert.Equal(DtlsVerdict.Deliver, _listener.Examine(hello, session, Client, Start, _response, out _));
        Assert.Equal(DtlsVerdict.Answer, _listener.Examine(MakeHello(), session, Client, Start, _response, out _));
        Assert.Equal(DtlsVerdict.Deliver, _listener.Examine([23, 254, 253], session, Client, Start, _response, out _));
    }

    [Fact]
    public void Noise_is_answered_or_dropped_and_never_begins_a_session()
    {
        byte[] hello = MakeHello();
        byte[] repeated = WithCookie(hello, CookieFor(hello, Client, Start));
        Random random = Seeds.NewRandom(output);
        for (int turn = 0; turn < 20_000; turn++)
        {
            byte[] bytes = [.. repeated];
            // What the cookie covers, and what says where that is; a change elsewhere leaves the cookie good.
            bytes[random.Next(25, 25 + 2 + 32 + 1 + 1 + 16)] ^= (byte)(1 + random.Next(255));
            bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            DtlsVerdict verdict = Examine(bytes, out int length);
            Assert.True(verdict is DtlsVerdict.Answer or DtlsVerdict.Drop || bytes.AsSpan(25, 51).SequenceEqual(repeated.AsSpan(25, 51)), $"turn {turn}");
            Assert.True(length < bytes.Length);
        }
    }
}
