using V100.Net.Crypto;

namespace V100.Net.Tests.Crypto;

/// <summary>A client and a server session joined by a network with its own clock, which loses, repeats and delays datagrams.</summary>
internal sealed class DtlsPair : IDisposable
{
    public static readonly DtlsContext ClientContext = new(DtlsCertificate.Create());
    public static readonly DtlsContext ServerContext = new(DtlsCertificate.Create());

    private readonly PriorityQueue<(DtlsSession To, byte[] Bytes), (Instant At, int Order)> _network = new();
    private readonly Random _random;
    private int _order;

    public DtlsPair(int seed = 0, int maxDatagramLength = 1200, byte[]? expectedByClient = null, byte[]? expectedByServer = null)
    {
        _random = new Random(seed);
        Client = new DtlsSession(
            ClientContext, DtlsRole.Client, expectedByClient ?? ServerContext.Certificate.FingerprintSha256, maxDatagramLength);
        Server = new DtlsSession(
            ServerContext, DtlsRole.Server, expectedByServer ?? ClientContext.Certificate.FingerprintSha256, maxDatagramLength);
    }

    public DtlsSession Client { get; }
    public DtlsSession Server { get; }
    public Instant Now { get; private set; } = new(1_000_000_000);
    public double Loss { get; init; }
    public double Duplication { get; init; }

    /// <summary>Each datagram takes from this half to this whole: more than the gap between two makes them change places.</summary>
    public TimeSpan Delay { get; init; } = TimeSpan.FromMilliseconds(10);

    /// <summary>Says true for a datagram that the network shall lose.</summary>
    public Func<DtlsSession, byte[], bool>? Drop { get; set; }

    public List<byte[]> Sent { get; } = [];

    public bool Established => Client.State == DtlsState.Established && Server.State == DtlsState.Established;

    public void Start()
    {
        Server.Start(Now);
        Client.Start(Now);
        Collect();
    }

    /// <summary>Goes on until both are where they want to be, or one has ended, or the time is over.</summary>
    public void Run(TimeSpan atMost, bool untilEstablished = true)
    {
        Instant end = Now + atMost;
        while (!(untilEstablished && Established))
        {
            Instant next = Instant.Earlier(Client.NextDeadline, Server.NextDeadline);
            if (_network.TryPeek(out _, out (Instant At, int Order) arrival))
            {
                next = Instant.Earlier(next, arrival.At);
            }

            if (next > end)
            {
                Now = end;
                return;
            }

            Now = next > Now ? next : Now;
            Step(next);
            Collect();
        }
    }

    public void Deliver(DtlsSession to, byte[] bytes)
    {
        to.HandleDatagram(bytes, Now);
        Collect();
    }

    /// <summary>Puts what both want to send on the network.</summary>
    public void Collect()
    {
        Collect(Client, Server);
        Collect(Server, Client);
    }

    public void Dispose()
    {
        Client.Dispose();
        Server.Dispose();
    }

    private void Step(Instant next)
    {
        if (_network.TryPeek(out _, out (Instant At, int Order) arrival) && arrival.At <= next)
        {
            (DtlsSession to, byte[] bytes) = _network.Dequeue();
            to.HandleDatagram(bytes, Now);
        }
        else if (Client.NextDeadline <= next)
        {
            Client.HandleDeadline(Now);
        }
        else
        {
            Server.HandleDeadline(Now);
        }
    }

    private void Collect(DtlsSession from, DtlsSession to)
    {
        while (from.TryPollDatagram(out ReadOnlySpan<byte> datagram))
        {
            byte[] bytes = datagram.ToArray();
            Sent.Add(bytes);
            if (Drop?.Invoke(to, bytes) == true || _random.NextDouble() < Loss)
            {
                continue;
            }

            int copies = _random.NextDouble() < Duplication ? 2 : 1;
            for (int copy = 0; copy < copies; copy++)
            {
                _network.Enqueue((to, bytes), (Now + Delay * (0.5 + _random.NextDouble() / 2), _order++));
            }
        }
    }
}
