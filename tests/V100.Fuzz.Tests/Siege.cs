using V100.Net;
using V100.Sfu.Peers;
using V100.Sfu.Sdp;
using V100.Simulation.World;
using Xunit.Abstractions;

namespace V100.Fuzz;

/// <summary>
/// A server of two shards with two calls: alice and bob, who want no more than to be left alone, and mallory and eve, who have sessions
/// and keys, and send what they like. Every datagram that goes in is accounted for, and none that comes out may be empty.
/// </summary>
internal sealed class Siege : IDisposable
{
    private const int PerMillisecond = 25;
    private const int MaxSeen = 1000;

    private static readonly OfferedFormat[] _video =
    [
        new(96, "VP8/90000", 97), new(98, "VP9/90000", 99, "profile-id=0"), new(102, "H264/90000", 103, "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"),
        new(45, "AV1/90000", 46),
    ];

    private static readonly OfferedFormat[] _audio = [new(111, "opus/48000/2", Parameters: "minptime=10;useinbandfec=1"), new(63, "red/48000/2", Parameters: "111/111")];

    private readonly List<byte[]> _seen = [];

    public Siege(ITestOutputHelper output, ShardLimits? limits = null)
    {
        World = new SimulatedWorld(Seed.One(output), shardCount: 2, limits);
        Random = World.Random;
        Mutator = new Mutator(Random);
        Ledger = new Ledger(World.Server);
        World.BeforeServer = packet =>
        {
            Remember(packet.Bytes);
            Ledger.Note(packet);
        };
        World.Network.Tap = packet => Assert.True(packet.To == SimulatedServer.Address || packet.Bytes.Length is > 0 and < 2500, "an empty or endless datagram");
        Alice = World.Publish("alice");
        Bob = World.Subscribe("bob", "alice");
        Mallory = World.Publish("mallory", client => client.Publications.ForEach(publication => publication.StartAt(1000)), WithFormats(ClientOffer.Publisher(Random)));
        Eve = World.Subscribe("eve", "mallory", WithFormats(ClientOffer.Subscriber()));
        // A call's own packets come to one worker; hostile ones to any, so that they are handed over.
        World.Server.Routing = client => client == Alice.Address ? 0 : client == Bob.Address ? 1 : Random.Next(2);
        World.Network.Admits = packet => !(packet.To == Eve.Address && packet.IsMedia && !packet.IsRtcp);
        World.RunUntilConnected();
        World.Run(0.5);
    }

    public SimulatedWorld World { get; }
    public Random Random { get; }
    public Mutator Mutator { get; }
    public Ledger Ledger { get; }
    public SimulatedClient Alice { get; }
    public SimulatedClient Bob { get; }
    public SimulatedClient Mallory { get; }
    public SimulatedClient Eve { get; }

    public long Count(SfuCounter counter) => World.Server.Count(counter);

    /// <summary>A packet of the corpus or of these calls.</summary>
    public byte[] Pick() => Random.Next(8) switch
    {
        0 => Corpus.ClientHellos[Random.Next(Corpus.ClientHellos.Length)],
        1 => Corpus.StunMessages[Random.Next(Corpus.StunMessages.Length)],
        _ => _seen[Random.Next(_seen.Count)],
    };

    /// <summary>Noise, a damaged packet, or one as it was sent; but no check that is valid, which is nobody's without a password.</summary>
    public byte[] Hostile()
    {
        byte[] bytes = Random.Next(10) switch
        {
            0 => Mutator.Noise(Random.Next(1, 1500)),
            1 => [.. Pick()],
            _ => Mutator.Mutate(Pick(), Pick()),
        };
        if (bytes.Length >= 20 && bytes[0] <= 3)
        {
            // Of the transaction id, so that nobody takes the answer for one to a check of its own either.
            Random.NextBytes(bytes.AsSpan(8, 12));
        }

        return bytes;
    }

    public TransportAddress Stranger() => TransportAddress.FromIPv4(0xCB007100 + (uint)Random.Next(256), (ushort)Random.Next(1, 65536));

    /// <summary>Gives the server so many datagrams, a few in each millisecond of the calls.</summary>
    public void Flood(int count, Func<(byte[] Bytes, TransportAddress From)> next)
    {
        for (int sent = 0; sent < count; sent++)
        {
            (byte[] bytes, TransportAddress from) = next();
            Inject(bytes, from);
            if (sent % PerMillisecond == PerMillisecond - 1)
            {
                World.Run(0.001);
            }
        }
    }

    public void Inject(byte[] bytes, TransportAddress from)
    {
        var packet = new SimulatedPacket(bytes, from, SimulatedServer.Address);
        Ledger.Note(packet);
        World.Server.HandleDatagram(packet, World.Now);
    }

    /// <summary>Mallory's own media ends, so that hostile media has its numbers to itself.</summary>
    public void SilenceMallory() => Mallory.Publications.ForEach(publication => publication.Stop());

    /// <summary>The call of alice and bob lost nothing, and nothing in it is changed.</summary>
    public void AssertCallIsWhole()
    {
        World.Settle();
        PlaybackChecks.IsWhole(Bob.AudioPlayback);
        PlaybackChecks.IsWhole(Bob.VideoPlayback);
        Assert.Equal(Alice.Audio.Number - 1, Bob.AudioPlayback.Packets.Values.Last().Mark.Number);
        Assert.Equal(Alice.Video.Number - 1, Bob.VideoPlayback.Packets.Values.Last().Mark.Number);
    }

    /// <summary>Every datagram had one end; after the last session no peer, address, buffer or handshake is left.</summary>
    public void AssertAccountsAndEnd(ITestOutputHelper output)
    {
        World.Run(0.1);
        CloseAll(); // What waited for a path with room has its end now.
        output.WriteLine($"{Ledger.DatagramCount} datagrams for the shards: {Ledger.Describe()}");
        Ledger.AssertBalanced();
        World.AssertEmpty();
    }

    public void CloseAll()
    {
        World.Server.Use(
            rooms =>
            {
                rooms.CloseEverything(World.Now);
                return 0;
            },
            World.Now);
        World.Run(2);
    }

    private static ClientOffer WithFormats(ClientOffer offer) => offer with
    {
        Sections = [.. offer.Sections.Select(section => section with { Formats = section.Kind == MediaKind.Audio ? _audio : _video })],
    };

    private void Remember(byte[] bytes)
    {
        if (_seen.Count < MaxSeen)
        {
            _seen.Add([.. bytes]);
        }
        else
        {
            _seen[Random.Next(MaxSeen)] = [.. bytes];
        }
    }

    public void Dispose() => World.Dispose();
}
