using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using V100.Net;
using V100.Net.Crypto;
using V100.Net.Tests.Crypto;
using V100.Server.Workers;

namespace V100.Server.Tests.Workers;

public sealed class DtlsClientsTests : IDisposable
{
    private static readonly TransportAddress Local = TransportAddress.FromIPv4(0xC0000201, 5349);
    private readonly Wire _wire = new();
    private readonly Instant _now = new(1_000_000_000);
    private readonly DtlsClients _clients;

    public DtlsClientsTests()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new("CN=turn.example", key, HashAlgorithmName.SHA256);
        using X509Certificate2 certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        _clients = new DtlsClients(0, _wire, _wire, maxPerSource: 2, _now);
        _clients.Use(new DtlsServerContext(certificate.ExportCertificatePem(), key.ExportPkcs8PrivateKeyPem()));
    }

    public void Dispose() => _clients.Dispose();

    [Fact]
    public void One_address_has_no_more_sessions_than_it_may()
    {
        using DtlsClientSession first = Connect(Client(1, 1));
        using DtlsClientSession second = Connect(Client(1, 2));
        using DtlsClientSession third = Connect(Client(1, 3));
        using DtlsClientSession other = Connect(Client(2, 1));
        Assert.Equal(
            (DtlsState.Established, DtlsState.Established, DtlsState.Handshaking, DtlsState.Established),
            (first.State, second.State, third.State, other.State));
        Assert.Equal(3, _clients.Count);
        Assert.True(_clients.Counters.Read(DtlsClientCounter.DroppedAddressLimit) > 0);

        first.Close();
        Exchange(first, Client(1, 1));
        using DtlsClientSession fourth = Connect(Client(1, 4));
        Assert.Equal((DtlsState.Established, 3), (fourth.State, _clients.Count));
    }

    [Fact]
    public void A_session_for_which_there_is_no_memory_is_counted_and_leaves_nothing()
    {
        var clients = new DtlsClients(0, _wire, _wire, maxPerSource: 1, _now);
        clients.Use(ContextsWithoutMemory.Server);
        using DtlsClientSession client = new();
        client.Start(_now);
        for (int flight = 0; flight < 2; flight++)
        {
            Assert.True(client.TryPollDatagram(out ReadOnlySpan<byte> hello));
            clients.HandleDatagram(new Datagram(hello.ToArray(), Client(1, 1), Local), _now);
            clients.Flush();
            while (_wire.Sent.TryDequeue(out byte[]? answer))
            {
                client.HandleDatagram(answer, _now);
            }
        }

        Assert.Equal(1, clients.Counters.Read(DtlsClientCounter.SessionsFailed));
        Assert.Equal((0, Instant.Never), (clients.Count, clients.NextDeadline));
        Assert.Equal(0, clients.Counters.Read(DtlsClientCounter.DroppedAddressLimit));
        clients.Dispose();
    }

    [Theory]
    [InlineData(DtlsPacketAssociation.MaxPacketLength, true)]
    [InlineData(DtlsPacketAssociation.MaxPacketLength + 1, false)]
    [InlineData(TransmitBatch.MaxPacketLength, false)]
    public void What_is_too_long_for_a_record_is_dropped_and_counted(int length, bool sent)
    {
        using DtlsClientSession session = Connect(Client(1, 1));
        session.TryWritePacket([1], _wire.Room, _now, out int written);
        _clients.HandleDatagram(new Datagram(_wire.Room.AsSpan(0, written), Client(1, 1), Local), _now);
        Assert.Equal(sent, _clients.TrySend(_wire.LastRemote, new byte[length], _now));
        Assert.Equal(sent ? 0 : 1, _clients.Counters.Read(DtlsClientCounter.DroppedTooLong));
    }

    private static TransportAddress Client(uint host, ushort port) => TransportAddress.FromIPv4(0xC0000200 | host, port);

    private DtlsClientSession Connect(in TransportAddress remote)
    {
        DtlsClientSession session = new();
        session.Start(_now);
        Exchange(session, remote);
        return session;
    }

    /// <summary>Until neither side has anything to say.</summary>
    private void Exchange(DtlsClientSession session, TransportAddress remote)
    {
        bool more = true;
        while (more)
        {
            more = false;
            while (session.TryPollDatagram(out ReadOnlySpan<byte> datagram))
            {
                more = true;
                _clients.HandleDatagram(new Datagram(datagram.ToArray(), remote, Local), _now);
            }

            _clients.Flush();
            while (_wire.Sent.TryDequeue(out byte[]? answer))
            {
                session.HandleDatagram(answer, _now);
            }
        }
    }

    private sealed class Wire : IPacketTransmitter, IDtlsInlet
    {
        public byte[] Room { get; } = new byte[256];

        public Queue<byte[]> Sent { get; } = new();

        public TransportAddress LastRemote { get; private set; }

        public void Transmit(TransmitBatch batch)
        {
            for (int index = 0; index < batch.Count; index++)
            {
                Sent.Enqueue(batch.GetPacket(index, out _, out _).ToArray());
            }
        }

        public void HandlePacket(in TransportAddress remote, in TransportAddress local, Span<byte> packet, Instant now) => LastRemote = remote;

        public void HandleEnd(in TransportAddress remote, in TransportAddress local, Instant now)
        {
        }

        public bool IsServed(in TransportAddress remote, in TransportAddress local) => true;
    }
}
