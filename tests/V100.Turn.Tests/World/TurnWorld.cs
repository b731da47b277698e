using V100.Net;
using V100.Stun;

namespace V100.Turn.Tests.World;

/// <summary>A TURN server without a network: shards with simulated sockets, and a clock that stands until it is moved.</summary>
internal sealed class TurnWorld
{
    public const string Realm = "v100.example";
    public const string RelayAddress = "198.51.100.1";
    public const string RelayAddress6 = "2001:db8:1::1";
    public const long StartUnixSeconds = 1_800_000_000;

    public static readonly Dictionary<string, string> Users = new() { ["alice"] = "wonderland", ["bob"] = "builder" };

    /// <param name="settings">Null for <see cref="Settings"/>.</param>
    /// <param name="shards">How many.</param>
    /// <param name="seed">Of all that is random in the server.</param>
    /// <param name="entropy">Instead of a seed, for shards on several threads.</param>
    public TurnWorld(TurnSettings? settings = null, int shards = 1, int seed = 1, IEntropy? entropy = null)
    {
        entropy ??= new SeededEntropy(seed);
        Server = new TurnServer(settings ?? Settings(), shards, entropy, StartUnixSeconds, Now);
        Sockets = [.. Enumerable.Range(0, shards).Select(_ => new SimulatedSockets())];
        Shards = [.. Enumerable.Range(0, shards).Select(index => new TurnShard(index, Server, Sockets[index], entropy, Now))];
    }

    public TurnServer Server { get; }
    public TurnShard[] Shards { get; }
    public SimulatedSockets[] Sockets { get; }
    public TurnShard Shard => Shards[0];
    public Instant Now { get; private set; } = new(5_000_000_000);

    public static TurnCredentials Credentials(params ReadOnlySpan<string> secrets) => new(Realm, Users, secrets);

    /// <summary>Two relay addresses, one of each family, 100 ports, no limiter, and a policy that knows its own addresses.</summary>
    public static TurnSettings Settings(
        TurnCredentials? credentials = null,
        PeerRules? rules = null,
        string[]? relays = null,
        int portMin = 50_000,
        int portMax = 50_099,
        int maxAllocations = 1000,
        int maxPerUser = 100,
        long maxBitsPerSecond = 0,
        int maxPermissions = 1024,
        int maxConnections = 64,
        bool mobility = true,
        bool tcpRelays = true,
        string[]? alternates = null,
        NatDiscovery? discovery = null,
        int unauthenticatedPerSecond = 0,
        int unauthenticatedBurst = 500) => new()
        {
            Credentials = credentials ?? Credentials(),
            Peers = new PeerPolicy(rules ?? Rules()),
            RelayAddresses = [.. (relays ?? [RelayAddress, RelayAddress6]).Select(address => new RelayAddress(Address(address)))],
            RelayPortMin = portMin,
            RelayPortMax = portMax,
            MaxAllocations = maxAllocations,
            MaxAllocationsPerUser = maxPerUser,
            MaxBitsPerSecondPerUser = maxBitsPerSecond,
            MaxPermissionsPerAllocation = maxPermissions,
            MaxConnectionsPerAllocation = maxConnections,
            Mobility = mobility,
            TcpRelays = tcpRelays,
            AlternateServers = [.. (alternates ?? []).Select(Parse)],
            Discovery = discovery,
            UnauthenticatedAnswersPerSecond = unauthenticatedPerSecond,
            UnauthenticatedBurst = unauthenticatedBurst,
        };

    public static PeerRules Rules() => new()
    {
        OwnAddresses = [Address(RelayAddress), Address(RelayAddress6)],
        RelayAddresses = [Address(RelayAddress), Address(RelayAddress6)],
        RelayPortMin = 50_000,
        RelayPortMax = 50_099,
    };

    public static TransportAddress Parse(string text)
    {
        Assert.True(TransportAddress.TryParse(text, out TransportAddress address), text);
        return address;
    }

    public static TransportAddress Address(string address) => TransportAddress.From(System.Net.IPAddress.Parse(address), 0);

    public void Advance(TimeSpan time)
    {
        Instant target = Now + time;
        foreach (TurnShard shard in Shards)
        {
            while (shard.NextDeadline <= target)
            {
                Now = shard.NextDeadline > Now ? shard.NextDeadline : Now;
                shard.HandleDeadline(Now);
            }
        }

        Now = target;
        foreach (TurnShard shard in Shards)
        {
            shard.HandleDeadline(Now);
        }
    }

    public void Advance(double seconds) => Advance(TimeSpan.FromSeconds(seconds));

    /// <summary>A client over UDP with its own address.</summary>
    public RawClient Client(string address = "203.0.113.5:40000", string user = "alice", string? password = null, int shard = 0) =>
        new(this, new ClientFlow(Parse(address), ServerFor(address, 3478)), user, password ?? Users[user], shard);

    /// <summary>A client over a stream.</summary>
    public RawClient StreamClient(uint connection = 1, string address = "203.0.113.5:40000", string user = "alice", TransportProtocol transport = TransportProtocol.Tcp, int shard = 0) =>
        new(this, new ClientFlow(Parse(address).Over(transport, connection), ServerFor(address, 3478)), user, Users[user], shard);

    private static TransportAddress ServerFor(string client, ushort port) =>
        Address(client.StartsWith('[') ? RelayAddress6 : RelayAddress).WithPort(port);

    /// <summary>The port's socket is closed, the charge is gone, nobody finds anything.</summary>
    public void AssertEmpty()
    {
        Assert.All(Sockets, sockets => Assert.Empty(sockets.Open));
        Assert.All(Sockets, sockets => Assert.Empty(sockets.Held));
        Assert.Equal(0, Server.Ports.TakenCount);
        Assert.Equal(0, Server.Quotas.Total);
        Assert.Equal(0, Server.Quotas.Users);
        Assert.Equal(0, Server.Directory.Count);
        Assert.All(Shards, shard => Assert.Equal(Instant.Never, shard.NextDeadline));
    }

    public long Count(TurnCounter counter) => Shards.Sum(shard => shard.Counters.Read(counter));
}
