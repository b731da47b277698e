using V100.Server.Connections;
using static V100.Server.Tests.Connections.StreamClient;

namespace V100.Server.Tests.Connections;

/// <summary>Streams of strangers, from a seed: whatever they send, they end, nothing stays behind and the next client is served.</summary>
public sealed class FuzzedStreamTests
{
    private const int Streams = 300;

    // A ClientHello's beginning, PROXY lines, HTTP, and messages in both framings, whole and broken.
    private static readonly byte[][] Pieces =
    [
        Request(1),
        Prefixed(Request(2)),
        [0x40, 0, 0, 5, 1, 2, 3, 4, 5, 0, 0, 0],
        [0, 0],
        [0x16, 3, 1, 0, 4, 1, 0, 0, 0],
        "PROXY TCP4 192.0.2.7 198.51.100.1 40000 3478\r\n"u8.ToArray(),
        "GET / HTTP/1.1\r\n\r\n"u8.ToArray(),
        Request(3)[..11],
        Prefixed(Request(4))[..9],
    ];

    [Theory]
    [InlineData(1, "")]
    [InlineData(2, "--V100:Tcp:TrustedProxies=127.0.0.1/32")]
    public async Task Any_stream_ends_and_leaves_nothing_behind(int seed, string argument)
    {
        await using RunningServer server = await RunningServer.StartAsync(argument.Length == 0 ? [] : [argument]);
        Random random = new(seed);
        for (int number = 0; number < Streams; number++)
        {
            using StreamClient client = await ConnectAsync(server.Host.TcpPort);
            try
            {
                foreach (byte[] piece in Make(random))
                {
                    await client.SendAsync(piece);
                }

                client.Socket.Shutdown(System.Net.Sockets.SocketShutdown.Send);
                await client.ReceiveToEndAsync();
            }
            catch (Exception gone) when (gone is IOException or System.Net.Sockets.SocketException)
            {
                // The server was quicker.
            }
        }

        await UntilAsync(() => server.Host.Connections.Count == 0);
        Assert.Equal(0, server.Host.Connections.Outbound.InUse);
        ConnectionCounters counters = server.Host.Connections.Counters;
        await UntilAsync(() => Enum.GetValues<ConnectionCloseReason>().Sum(counters.ReadClosed) == Streams);
        ConnectionCloseReason common = argument.Length == 0 ? ConnectionCloseReason.Garbage : ConnectionCloseReason.ProxyHeader;
        Assert.True(counters.ReadClosed(common) > Streams / 10, $"seed {seed}: {common} {counters.ReadClosed(common)} times");
        if (argument.Length == 0)
        {
            using StreamClient next = await ConnectAsync(server.Host.TcpPort);
            await next.SendAsync(Request(9));
            await next.AssertAnswerAsync(9);
        }
    }

    [Fact]
    public async Task A_worker_gets_the_same_packets_however_the_stream_is_cut()
    {
        const int Seed = 3;
        Random random = new(Seed);
        InboxWorker worker = new(capacity: 4);
        await using RunningServer server = await RunningServer.StartAsync(worker.Sink);
        for (int round = 0; round < 20; round++)
        {
            bool prefixed = (round & 1) == 1;
            List<byte[]> packets = [Request(0)];
            for (int count = 0; count < 50; count++)
            {
                packets.Add(MakePacket(random, prefixed));
            }

            byte[] stream = [.. packets.SelectMany(packet => prefixed ? Prefixed(packet) : Padded(packet))];
            using StreamClient client = await ConnectAsync(server.Host.TcpPort);
            Task sending = SendCutAsync(client, stream, random.Next());
            foreach (byte[] packet in packets)
            {
                (_, ConnectionMessageKind kind, byte[] bytes) = await worker.ReadAsync();
                Assert.True(kind == ConnectionMessageKind.Message && packet.AsSpan().SequenceEqual(bytes), $"seed {Seed}, round {round}");
            }

            await sending;
            client.Socket.Shutdown(System.Net.Sockets.SocketShutdown.Send);
            Assert.Equal(ConnectionMessageKind.Closed, (await worker.ReadAsync()).Kind);
        }
    }

    private static async Task SendCutAsync(StreamClient client, byte[] stream, int seed)
    {
        Random random = new(seed);
        for (int at = 0; at < stream.Length;)
        {
            int count = Math.Min(stream.Length - at, 1 + random.Next(random.Next(2) == 0 ? 5 : 3000));
            await client.SendAsync(stream[at..(at + count)]);
            at += count;
        }
    }

    private static byte[] MakePacket(Random random, bool prefixed)
    {
        byte[] packet = new byte[4 + random.Next(random.Next(10) == 0 ? 2000 : 300)];
        random.NextBytes(packet);
        if (!prefixed)
        {
            (packet[0], packet[2], packet[3]) = (0x40, (byte)((packet.Length - 4) >> 8), (byte)(packet.Length - 4));
        }

        return packet;
    }

    private static byte[] Padded(byte[] packet) => [.. packet, .. new byte[-packet.Length & 3]];

    private static IEnumerable<byte[]> Make(Random random)
    {
        int count = 1 + random.Next(4);
        for (int piece = 0; piece < count; piece++)
        {
            byte[] bytes = [.. Pieces[random.Next(Pieces.Length)]];
            for (int flips = random.Next(4); flips > 1; flips--)
            {
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            }

            yield return bytes[..(1 + random.Next(bytes.Length))];
            yield return bytes;
        }
    }
}
