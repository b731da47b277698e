using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using V100.Fuzz;
using V100.Sfu.Tests.Rtp;
using Xunit.Abstractions;

namespace V100.EndToEnd.Tests;

/// <summary>
/// Clients that do not do their part, against the published binary. Each is bounded and counted; the relay beside loses nothing; when
/// they are gone, the server holds what it held before.
/// </summary>
public sealed class TurnHostileTests(ITestOutputHelper output)
{
    private const int Channel = 0x4001;
    private const int HalfHandshakes = 100;
    private const int DtlsSources = 3000;
    private const int Quota = 40;
    private const int Flood = 60;

    // Descriptors that are no connection of the test.
    private const int OtherDescriptors = 1000;

    // Of a client that does not read, the server holds a queue and what the kernel takes; the rest is for the heap's own room.
    private const long MaxGrowthKibibytes = 16 * 1024;

    private const long MaxHelloGrowthKibibytes = 1024;

    private static readonly int _fuzzedStreams = Seeds.Scaled(400);
    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(15);

    [Fact]
    public async Task A_client_that_does_not_read_what_is_relayed()
    {
        await using ServerProcess server = await StartAsync();
        Gauges start = await server.Api.GaugesAsync();
        await using SteadyRelay beside = await SteadyRelay.StartAsync(server);
        await using TurnClient client = await TurnClient.OverTcpAsync(server.TcpPort);
        client.Socket.ReceiveBufferSize = 4096;
        await client.AllocateAsync();
        using Socket peer = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        peer.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        await client.BindAsync(Channel, (IPEndPoint)peer.LocalEndPoint!);
        long before = server.StatusKibibytes("VmRSS");
        byte[] payload = new byte[1200];
        await Poll.UntilAsync(
            "the connection is closed", _limit,
            async () =>
            {
                for (int sent = 0; sent < 200; sent++)
                {
                    await peer.SendToAsync(payload, client.Relayed);
                }

                return await ClosedAsync(server, "stalled_write") == 1;
            },
            () => server.Log);
        long growth = server.StatusKibibytes("VmRSS") - before;
        Assert.True(await server.Api.MetricAsync("v100_tcp_dropped_media_total") > 0);
        Assert.True(growth < MaxGrowthKibibytes, $"{growth} KiB more");
        await AssertBackAsync(server, start, beside);
    }

    [Fact]
    public async Task A_client_that_asks_and_does_not_read_the_answers()
    {
        await using ServerProcess server = await StartAsync();
        Gauges start = await server.Api.GaugesAsync();
        await using SteadyRelay beside = await SteadyRelay.StartAsync(server);
        await using TurnClient client = await TurnClient.OverTcpAsync(server.TcpPort);
        client.Socket.ReceiveBufferSize = 4096;
        byte[] requests = [.. Enumerable.Range(0, 500).SelectMany(_ => StunMessage.Write(StunMessage.Binding, StunMessage.NewTransactionId(), []))];
        long before = server.StatusKibibytes("VmRSS");
        // Its writes wait while the server's buffers are full, and fail when it is thrown out.
        Task asking = Task.Run(async () =>
        {
            while (true)
            {
                await client.SendAsync(requests);
            }
        });
        await Poll.UntilAsync(
            "the connection is closed", _limit, async () => await ClosedAsync(server, "overflow") + await ClosedAsync(server, "stalled_write") == 1, () => server.Log);
        await Assert.ThrowsAnyAsync<IOException>(() => asking);
        long growth = server.StatusKibibytes("VmRSS") - before;
        Assert.True(growth < MaxGrowthKibibytes, $"{growth} KiB more");
        await AssertBackAsync(server, start, beside);
    }

    [Fact]
    public async Task Handshakes_that_stop_half_way()
    {
        using CertificateAuthority authority = new();
        int tlsPort = FreePort.Find();
        await using ServerProcess server = await StartAsync([.. authority.ServerArguments, $"--V100:Tls:Port={tlsPort}", "--V100:Tcp:HandshakeTimeoutSeconds=1"]);
        Gauges start = await server.Api.GaugesAsync();
        await using SteadyRelay beside = await SteadyRelay.StartAsync(server);
        // A record of 512 bytes, which is the head of a ClientHello of 508, and 11 bytes of them.
        byte[] begun = [0x16, 3, 1, 2, 0, 1, 0, 1, 0xFC, 3, 3, .. new byte[9]];
        Socket[] sockets = await ConnectAsync(tlsPort, HalfHandshakes);
        foreach (Socket socket in sockets)
        {
            await socket.SendAsync(begun);
        }

        await UntilClosedAsync(server, "tls_timeout", HalfHandshakes);
        Array.ForEach(sockets, socket => socket.Dispose());
        await AssertBackAsync(server, start, beside);
    }

    [Fact]
    public async Task Handshakes_over_UDP_from_everywhere_that_never_answer()
    {
        using CertificateAuthority authority = new();
        int tlsPort = FreePort.Find();
        await using ServerProcess server = await StartAsync([.. authority.ServerArguments, $"--V100:Tls:Port={tlsPort}"]);
        Gauges start = await server.Api.GaugesAsync();
        await using SteadyRelay beside = await SteadyRelay.StartAsync(server);
        byte[] hello = Corpus.ClientHellos[0];
        long before = 0;
        for (int number = 0; number < DtlsSources; number++)
        {
            if (number == DtlsSources / 10)
            {
                before = server.StatusKibibytes("VmRSS");
            }

            // RFC 6347, 4.2.1: handshake record (22), HelloVerifyRequest (3), and nothing that is kept.
            await using TurnClient client = TurnClient.OverUdp(tlsPort, source: new IPAddress([127, (byte)(1 + (number >> 8)), (byte)number, 1]));
            await client.SendAsync(hello);
            byte[] answer = (await client.NextAsync())!;
            Assert.Equal((22, 3), (answer[0], answer[13]));
            Assert.True(answer.Length <= hello.Length);
        }

        long growth = server.StatusKibibytes("VmRSS") - before;
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"figure: {DtlsSources} sources with a ClientHello each: {before} KiB grew by {growth} KiB"));
        Assert.True(growth < MaxHelloGrowthKibibytes, $"{growth} KiB more");
        Assert.Equal(0, (await server.Api.GaugesAsync())["v100_dtls_sessions"]);
        await AssertBackAsync(server, start, beside);
    }

    [Fact]
    public async Task Connections_without_a_word()
    {
        int count = Math.Min(Seeds.Scaled(2000), DescriptorLimit() - OtherDescriptors);
        int seconds = 8 + count / 500;
        await using ServerProcess server = await StartAsync(
            $"--V100:Tcp:MaxConnections={count + 1}", $"--V100:Tcp:MaxConnectionsPerAddress={count + 1}", $"--V100:Tcp:FirstMessageTimeoutSeconds={seconds}");
        Gauges start = await server.Api.GaugesAsync();
        await using SteadyRelay beside = await SteadyRelay.StartAsync(server);
        long before = server.StatusKibibytes("VmRSS");
        long began = Stopwatch.GetTimestamp();
        Socket[] sockets = await ConnectAsync(server.TcpPort, count);
        await Poll.UntilAsync(
            "all are open at a time", _limit, async () => (await server.Api.GaugesAsync())["v100_tcp_connections"] == count, () => server.Log);
        double opened = Stopwatch.GetElapsedTime(began).TotalSeconds;
        long growth = server.StatusKibibytes("VmRSS") - before;
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"figure: {count} connections without a word in {opened:0.0} s, {(double)growth / count:0.0} KiB each"));

        // One that speaks meanwhile is served.
        await using (TurnClient client = await TurnClient.OverTcpAsync(server.TcpPort))
        {
            Assert.Equal(0, (await client.AskAsync(StunMessage.Binding)).Code);
        }

        await Poll.UntilAsync(
            "all are closed", TimeSpan.FromSeconds(seconds) + _limit, async () => await ClosedAsync(server, "first_message_timeout") == count, () => server.Log);
        Array.ForEach(sockets, socket => socket.Dispose());
        await AssertBackAsync(server, start, beside);
    }

    [Fact]
    public async Task Streams_of_damaged_messages()
    {
        Random random = Seeds.NewRandom(output);
        Mutator mutator = new(random);
        await using ServerProcess server = await StartAsync();
        Gauges start = await server.Api.GaugesAsync();
        await using SteadyRelay beside = await SteadyRelay.StartAsync(server);
        for (int stream = 0; stream < _fuzzedStreams; stream++)
        {
            await using TurnClient client = await TurnClient.OverTcpAsync(server.TcpPort);
            if (random.Next(2) == 0)
            {
                await client.AllocateAsync();
            }

            byte[][] corpus =
            [
                .. Corpus.StunMessages, TurnClient.ChannelData(Channel, new byte[random.Next(400)]),
                StunMessage.Write(StunMessage.Allocate, StunMessage.NewTransactionId(), [StunAttribute.UdpTransport]),
            ];
            try
            {
                for (int message = random.Next(1, 20); message > 0; message--)
                {
                    byte[] whole = corpus[random.Next(corpus.Length)];
                    await client.SendAsync(random.Next(3) == 0 ? mutator.Mutate(whole, corpus[random.Next(corpus.Length)]) : whole);
                }

                client.Socket.Shutdown(SocketShutdown.Send);
            }
            catch (Exception closed) when (closed is IOException or SocketException)
            {
                // The server knew garbage when it saw it.
            }

            Assert.True(await client.EndsAsync());
        }

        double garbage = await ClosedAsync(server, "garbage");
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"figure: {garbage} of {_fuzzedStreams} streams were closed as garbage"));
        Assert.InRange(garbage, _fuzzedStreams / 10, _fuzzedStreams);
        await AssertBackAsync(server, start, beside);
    }

    [Fact]
    public async Task Channel_data_that_promises_more_than_comes()
    {
        await using ServerProcess server = await StartAsync("--V100:Tcp:IdleTimeoutSeconds=1");
        Gauges start = await server.Api.GaugesAsync();
        await using SteadyRelay beside = await SteadyRelay.StartAsync(server);
        byte[] lie = [.. TurnClient.ChannelHeader(Channel, 60_000), 1, 2, 3, 4];
        // As the first of a stream it is garbage, and so is it from a client without an allocation: only a short one is waited for, not for long.
        await using TurnClient first = await TurnClient.OverTcpAsync(server.TcpPort);
        await first.SendAsync(lie);
        Assert.True(await first.EndsAsync());
        await using TurnClient second = await TurnClient.OverTcpAsync(server.TcpPort);
        Assert.Equal(0, (await second.AskAsync(StunMessage.Binding)).Code);
        await second.SendAsync(lie);
        Assert.True(await second.EndsAsync());
        await UntilClosedAsync(server, "garbage", 2);
        await using TurnClient waiting = await TurnClient.OverTcpAsync(server.TcpPort);
        Assert.Equal(0, (await waiting.AskAsync(StunMessage.Binding)).Code);
        await waiting.SendAsync(TurnClient.ChannelHeader(Channel, 2_000));
        Assert.True(await waiting.EndsAsync());
        await UntilClosedAsync(server, "idle_timeout", 1);

        // An allocation keeps its stream open, and takes what was promised for data.
        await using TurnClient allocated = await TurnClient.OverTcpAsync(server.TcpPort);
        await allocated.AllocateAsync();
        await allocated.SendAsync(lie);
        await allocated.SendAsync(new byte[60_000 - 4]);
        await allocated.AssertSilenceAsync();
        Assert.Equal(1, await server.Api.MetricAsync("v100_turn_total{kind=\"dropped_no_channel\"}"));
        // More than a message may have.
        await allocated.SendAsync(TurnClient.ChannelHeader(Channel, ushort.MaxValue));
        Assert.True(await allocated.EndsAsync());
        await UntilClosedAsync(server, "garbage", 3);
        await AssertBackAsync(server, start, beside);
    }

    [Fact]
    public async Task Allocations_up_to_the_quota_and_beyond()
    {
        await using ServerProcess server = await StartAsync($"--V100:Turn:MaxAllocationsPerUser={Quota}");
        Gauges start = await server.Api.GaugesAsync();
        await using SteadyRelay beside = await SteadyRelay.StartAsync(server);
        TurnClient[] clients = [.. Enumerable.Range(0, Flood).Select(_ => TurnClient.OverUdp(server.UdpPort))];
        for (int round = 0; round < 2; round++)
        {
            List<TurnClient> served = [];
            foreach (TurnClient client in clients)
            {
                StunMessage answer = await client.RequestAsync(StunMessage.Allocate, StunAttribute.UdpTransport);
                // RFC 8656, 7.2.
                Assert.Equal(served.Count < Quota ? 0 : 486, answer.Code);
                if (answer.Code == 0)
                {
                    served.Add(client);
                }
            }

            Assert.Equal(Quota + 1, (await server.Api.GaugesAsync())["v100_turn_allocations"]);
            foreach (TurnClient client in served)
            {
                Assert.Equal(0, (await client.RefreshAsync(0)).Code);
            }
        }

        foreach (TurnClient client in clients)
        {
            await client.DisposeAsync();
        }

        await AssertBackAsync(server, start, beside);
    }

    private static Task<ServerProcess> StartAsync(params string[] arguments) =>
        ServerProcess.StartRelayAsync([SteadyRelay.ServerArgument, "--V100:Tcp:WriteTimeoutSeconds=1", .. arguments]);

    private static Task<double> ClosedAsync(ServerProcess server, string reason) => server.Api.MetricAsync($"v100_tcp_closed_total{{reason=\"{reason}\"}}");

    /// <summary>The client may see the end a moment before it is counted.</summary>
    private static Task UntilClosedAsync(ServerProcess server, string reason, int count) => Poll.UntilAsync(
        $"{count} connections are closed by {reason}", _limit, async () => await ClosedAsync(server, reason) == count, () => server.Log);

    private static async Task<Socket[]> ConnectAsync(int port, int count)
    {
        Socket[] sockets = new Socket[count];
        for (int index = 0; index < count; index++)
        {
            sockets[index] = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            await sockets[index].ConnectAsync(IPAddress.Loopback, port);
        }

        return sockets;
    }

    private static int DescriptorLimit()
    {
        string line = File.ReadLines("/proc/self/limits").Single(text => text.StartsWith("Max open files", StringComparison.Ordinal));
        return int.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[3], CultureInfo.InvariantCulture);
    }

    /// <summary>The relay beside has lost nothing, and the server holds nothing more than at the start.</summary>
    private async Task AssertBackAsync(ServerProcess server, Gauges start, SteadyRelay beside)
    {
        output.WriteLine($"{await beside.StopAsync()} messages passed beside");
        string difference = "";
        await Poll.UntilAsync(
            "every gauge is back where it began", _limit,
            async () => (difference = (await server.Api.GaugesAsync()).Difference(start)).Length == 0, () => $"{difference}\n{server.Log}");
        Assert.False(server.HasExited);
    }
}
