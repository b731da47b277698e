using V100.Turn.Tests.World;
using Xunit.Abstractions;

namespace V100.Turn.Tests;

/// <summary>Whatever bytes come, nothing throws, every message has one outcome, and what is held stays within its bounds.</summary>
public class MutatedInputTests(ITestOutputHelper output)
{
    private static readonly TurnCounter s_firstFigure = TurnCounter.BytesToPeer;

    private readonly TurnWorld _world = new(TurnWorld.Settings(portMax: 50_019, maxPerUser: 5, unauthenticatedPerSecond: 1000));

    [Fact]
    public void Mutated_messages_have_one_outcome_each()
    {
        var random = new Random(Seeds.New(output));
        RawClient udp = _world.Client();
        udp.Allocate();
        udp.ChannelBind(0x4000, "192.0.2.10:7000");
        RawClient stream = _world.StreamClient();
        stream.Allocate(protocol: 6);
        for (int i = 0; i < 20_000 * Seeds.Scale; i++)
        {
            RawClient client = random.Next(2) == 0 ? udp : stream;
            byte[] bytes = Mutate(Message(random, client), random);
            long before = Outcomes();
            Outcome outcome = client.Give(bytes);
            Assert.Equal(before + 1, Outcomes());
            if (outcome.Route.Kind == TurnRouteKind.Respond)
            {
                RawMessage.Parse(outcome.Bytes);
            }

            while (_world.Shard.TryPollOutput(out _))
            {
            }
        }

        Assert.InRange(_world.Server.Quotas.Total, 0, 5);
        _world.Shard.Close(_world.Now);
        _world.Advance(60);
        _world.AssertEmpty();
    }

    [Fact]
    public void Signed_messages_with_odd_attributes_have_one_sealed_answer()
    {
        var random = new Random(Seeds.New(output));
        for (int i = 0; i < 3_000 * Seeds.Scale; i++)
        {
            RawClient client = random.Next(2) == 0 ? _world.Client() : _world.StreamClient();
            client.NamesAlgorithm = random.Next(2) == 0;
            var message = new RawMessage((ushort)new[] { 3, 4, 8, 9, 10, 11 }[random.Next(6)]);
            for (int attributes = random.Next(6); attributes > 0; attributes--)
            {
                AddOdd(message, random);
            }

            RawMessage? answer = client.Exchange(client.Sign(message));
            Assert.True(answer is null ? message.Type == Wire.ConnectRequest : answer.IsSealed(client.Key, client.NamesAlgorithm));
            while (_world.Shard.TryPollOutput(out _))
            {
            }

            _world.Advance(random.NextDouble() * 10);
        }

        _world.Shard.Close(_world.Now);
        _world.Advance(60);
        _world.AssertEmpty();
    }

    private long Outcomes() => Enum.GetValues<TurnCounter>().Where(counter => counter < s_firstFigure).Sum(counter => _world.Count(counter));

    private static RawMessage Message(Random random, RawClient client)
    {
        var message = new RawMessage((ushort)new[] { 1, 3, 4, 8, 9, 10, 11, 0x16, 0x17, 0x11 }[random.Next(10)]);
        for (int attributes = random.Next(5); attributes > 0; attributes--)
        {
            AddOdd(message, random);
        }

        return random.Next(3) == 0 ? message : client.Sign(message);
    }

    private static void AddOdd(RawMessage message, Random random)
    {
        switch (random.Next(8))
        {
            case 0:
                message.AddXorAddress(Wire.XorPeerAddress, new[] { "192.0.2.10:7000", "192.0.2.11:80", "10.0.0.1:1", "[::1]:1", "[2001:db8::7]:9" }[random.Next(5)]);
                break;
            case 1:
                message.AddUInt32(Wire.RequestedTransport, new[] { 17u, 6u, 99u }[random.Next(3)] << 24);
                break;
            case 2:
                message.AddUInt32(Wire.ChannelNumber, (uint)(0x3FFE + random.Next(6)) << 16);
                break;
            case 3:
                message.AddUInt32(Wire.Lifetime, (uint)random.Next(3) * 500);
                break;
            case 4:
                message.Add(Wire.EvenPort, (byte)random.Next(256));
                break;
            default:
                ushort[] types = [.. Enumerable.Range(1, 0x30).Select(type => (ushort)type), .. Enumerable.Range(0x8000, 0x32).Select(type => (ushort)type)];
                ushort type = types[random.Next(types.Length)];
                // What seals a message is for Sign to add, and a second name would be another user's.
                if (type is not (Wire.MessageIntegrity or Wire.MessageIntegritySha256 or Wire.Fingerprint or Wire.Username or Wire.Userhash
                    or Wire.Realm or Wire.Nonce or Wire.PasswordAlgorithm or Wire.PasswordAlgorithms))
                {
                    var value = new byte[random.Next(24)];
                    random.NextBytes(value);
                    message.Add(type, value);
                }

                break;
        }
    }

    private static byte[] Mutate(RawMessage message, Random random)
    {
        byte[] bytes = random.Next(8) == 0 ? [0x40, (byte)random.Next(3), 0, (byte)random.Next(9), .. new byte[random.Next(9)]] : message.Bytes;
        for (int changes = random.Next(4); changes > 0; changes--)
        {
            bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
        }

        return random.Next(10) == 0 ? bytes[..random.Next(bytes.Length)] : bytes;
    }
}
