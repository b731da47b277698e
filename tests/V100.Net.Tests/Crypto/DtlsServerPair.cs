using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using V100.Net.Crypto;

namespace V100.Net.Tests.Crypto;

/// <summary>
/// A client and a server's door joined by a network with its own clock, which loses, repeats and delays datagrams. Packets that
/// come in are noted on either side.
/// </summary>
internal sealed class DtlsServerPair : IDisposable
{
    public static readonly DtlsServerContext Context = MakeContext(ECDsa.Create(ECCurve.NamedCurves.nistP256));

    public static readonly TransportAddress ClientAddress = TransportAddress.FromIPv4(0xC0000201, 50000);

    private readonly PriorityQueue<(bool ToServer, byte[] Bytes), (Instant At, int Order)> _network = new();
    private readonly byte[] _buffer = new byte[4096];
    private readonly Random _random;
    private int _order;

    public DtlsServerPair(int seed = 0, DtlsServerContext? context = null, byte[]? applicationProtocols = null, int maxDatagramLength = 1200)
    {
        _random = new Random(seed);
        Listener = new DtlsListener(new SeededEntropy(seed));
        Client = new DtlsClientSession(applicationProtocols, maxDatagramLength);
        ServerContext = context ?? Context;
        MaxDatagramLength = maxDatagramLength;
    }

    public DtlsListener Listener { get; }
    public DtlsServerContext ServerContext { get; }
    public int MaxDatagramLength { get; }
    public DtlsClientSession Client { get; private set; }
    public DtlsServerSession? Server { get; private set; }
    public int Begun { get; private set; }
    public Instant Now { get; private set; } = new(1_000_000_000);
    public double Loss { get; init; }
    public double Duplication { get; init; }

    /// <summary>Each datagram takes from this half to this whole: more than the gap between two makes them change places.</summary>
    public TimeSpan Delay { get; init; } = TimeSpan.FromMilliseconds(10);

    /// <summary>Says true for a datagram (to the server or not) that the network shall lose.</summary>
    public Func<bool, byte[], bool>? Drop { get; set; }

    public List<(bool ToServer, byte[] Bytes)> Sent { get; } = [];
    public List<byte[]> ReceivedByServer { get; } = [];
    public List<byte[]> ReceivedByClient { get; } = [];

    public bool Established => Client.State == DtlsState.Established && Server?.State == DtlsState.Established;

    public static DtlsServerContext MakeContext(AsymmetricAlgorithm key)
    {
        (string certificate, string keyPem) = MakePem(key);
        return new DtlsServerContext(certificate, keyPem);
    }

    public static (string CertificatePem, string KeyPem) MakePem(AsymmetricAlgorithm key)
    {
        CertificateRequest request = key is RSA rsa
            ? new CertificateRequest("CN=turn.example", rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
            : new CertificateRequest("CN=turn.example", (ECDsa)key, HashAlgorithmName.SHA256);
        using X509Certificate2 certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(2));
        return (certificate.ExportCertificatePem(), key.ExportPkcs8PrivateKeyPem());
    }

    public void Start()
    {
        Client.Start(Now);
        Collect();
    }

    /// <summary>A new client from the same address, as after a crash: the old one never says goodbye.</summary>
    public void RestartClient()
    {
        Client.Dispose();
        Client = new DtlsClientSession();
        Start();
    }

    /// <summary>Goes on until both are where they want to be, or the time is over.</summary>
    public void Run(TimeSpan atMost, bool untilEstablished = true)
    {
        Instant end = Now + atMost;
        while (!(untilEstablished && Established))
        {
            Instant next = Instant.Earlier(Client.NextDeadline, Server?.NextDeadline ?? Instant.Never);
            bool arrives = _network.TryPeek(out _, out (Instant At, int Order) arrival) && arrival.At <= next;
            next = arrives ? arrival.At : next;
            if (next > end)
            {
                Now = end;
                return;
            }

            Now = next > Now ? next : Now;
            if (arrives)
            {
                (bool toServer, byte[] bytes) = _network.Dequeue();
                Deliver(toServer, bytes);
            }
            else
            {
                Client.HandleDeadline(Now);
                Server?.HandleDeadline(Now);
            }

            Collect();
        }
    }

    /// <summary>What a driver does with one datagram.</summary>
    public void Deliver(bool toServer, byte[] bytes)
    {
        if (!toServer)
        {
            Client.HandleDatagram(bytes, Now);
            Drain(Client, ReceivedByClient);
            return;
        }

        DtlsServerSession? live = Server is { State: DtlsState.Handshaking or DtlsState.Established } ? Server : null;
        byte[] response = new byte[DtlsListener.MaxResponseLength];
        switch (Listener.Examine(bytes, live, ClientAddress, Now, response, out int length))
        {
            case DtlsVerdict.Deliver:
                live!.HandleDatagram(bytes, Now);
                break;
            case DtlsVerdict.Answer:
                Put(toServer: false, response[..length]);
                break;
            case DtlsVerdict.Begin:
                Begun++;
                Server?.Dispose();
                Server = new DtlsServerSession(ServerContext, MaxDatagramLength);
                Server.Start(bytes, Now);
                break;
        }

        if (Server is not null)
        {
            Drain(Server, ReceivedByServer);
        }
    }

    public bool Send(DtlsPacketAssociation from, byte[] packet)
    {
        bool written = from.TryWritePacket(packet, _buffer, Now, out int length);
        if (written)
        {
            Put(from == Client, _buffer[..length]);
        }

        return written;
    }

    /// <summary>Puts what both want to send on the network.</summary>
    public void Collect()
    {
        while (Client.TryPollDatagram(out ReadOnlySpan<byte> datagram))
        {
            Put(toServer: true, datagram.ToArray());
        }

        while (Server is not null && Server.TryPollDatagram(out ReadOnlySpan<byte> datagram))
        {
            Put(toServer: false, datagram.ToArray());
        }
    }

    public void Dispose()
    {
        Client.Dispose();
        Server?.Dispose();
    }

    private void Drain(DtlsPacketAssociation from, List<byte[]> into)
    {
        while (from.TryReadPacket(_buffer, out int length))
        {
            into.Add(_buffer[..length]);
        }
    }

    private void Put(bool toServer, byte[] bytes)
    {
        Sent.Add((toServer, bytes));
        if (Drop?.Invoke(toServer, bytes) == true || _random.NextDouble() < Loss)
        {
            return;
        }

        int copies = _random.NextDouble() < Duplication ? 2 : 1;
        for (int copy = 0; copy < copies; copy++)
        {
            _network.Enqueue((toServer, bytes), (Now + Delay * (0.5 + _random.NextDouble() / 2), _order++));
        }
    }
}
