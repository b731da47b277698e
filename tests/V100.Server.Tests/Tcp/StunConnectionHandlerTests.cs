using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using V100.Server.Tcp;

namespace V100.Server.Tests.Tcp;

/// <summary>STUN over TCP with a raw client; numbers in names are lines of the conformance list.</summary>
public sealed class StunConnectionHandlerTests : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private RunningServer _server = null!;

    public async Task InitializeAsync() => _server = await RunningServer.StartAsync();

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task Line_13_single_bytes_make_a_message()
    {
        using Socket client = await ConnectAsync();
        foreach (byte value in Request(1))
        {
            await client.SendAsync(new[] { value });
        }

        await AssertAnswerAsync(client, 1);
    }

    [Fact]
    public async Task Line_13_two_messages_in_a_segment_are_both_served()
    {
        using Socket client = await ConnectAsync();
        await client.SendAsync((byte[])[.. Request(1), .. Request(2), .. Request(3)[..7]]);
        await AssertAnswerAsync(client, 1);
        await AssertAnswerAsync(client, 2);
        await client.SendAsync(Request(3)[7..]);
        await AssertAnswerAsync(client, 3);
    }

    [Theory]
    [InlineData("474554202F20485454502F312E310D0A")]
    [InlineData("160301020001000001")]
    [InlineData("FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF")]
    [InlineData("00010003" + "2112A442" + "000000000000000000000000")]
    [InlineData("00010000" + "DEADBEEF")]
    [InlineData("0001FFFC" + "2112A442")]
    [InlineData("4000000401020304")]
    public async Task Line_14_garbage_closes_at_once(string hex)
    {
        using Socket client = await ConnectAsync();
        await client.SendAsync(Convert.FromHexString(hex));
        await AssertClosedAsync(client);
        Assert.Contains("v100_tcp_closed_total{reason=\"garbage\"} 1\n", _server.Host.Metrics.Write());
    }

    [Fact]
    public async Task Line_14_garbage_behind_a_message_closes_after_its_answer_is_due()
    {
        using Socket client = await ConnectAsync();
        await client.SendAsync((byte[])[.. Request(1), 0xFF]);
        byte[] received = await ReadToEndAsync(client);
        Assert.True(received.Length is 0 or 32, $"{received.Length} bytes");
    }

    [Fact]
    public async Task A_silent_client_is_closed_after_the_deadline_of_the_first_message()
    {
        using Socket client = await ConnectAsync();
        await OpenAsync(1);
        _server.Time.Advance(StunConnectionHandler.FirstMessageTimeout - TimeSpan.FromMilliseconds(1));
        await client.SendAsync(Request(1));
        await AssertAnswerAsync(client, 1);

        // The message bought time, a byte does not.
        _server.Time.Advance(StunConnectionHandler.IdleTimeout - TimeSpan.FromSeconds(1));
        await client.SendAsync(new byte[] { 0 });
        _server.Time.Advance(TimeSpan.FromSeconds(1));
        await AssertClosedAsync(client);
        Assert.Contains("v100_tcp_closed_total{reason=\"timeout\"} 1\n", _server.Host.Metrics.Write());
    }

    [Fact]
    public async Task What_is_no_request_gets_silence_and_the_next_request_its_answer()
    {
        using Socket client = await ConnectAsync();
        byte[] indication = Request(1);
        indication[1] = 0x11;
        await client.SendAsync((byte[])[.. indication, .. Request(2)]);
        await AssertAnswerAsync(client, 2);
    }

    [Fact]
    public async Task A_client_that_ends_its_half_still_gets_its_answer()
    {
        using Socket client = await ConnectAsync();
        await client.SendAsync(Request(1));
        client.Shutdown(SocketShutdown.Send);
        await AssertAnswerAsync(client, 1);
        Assert.Empty(await ReadToEndAsync(client));
    }

    [Fact]
    public async Task Connections_leave_nothing_behind()
    {
        for (int round = 0; round < 20; round++)
        {
            using Socket client = await ConnectAsync();
            await client.SendAsync(Request((byte)round));
            await AssertAnswerAsync(client, (byte)round);
        }

        await OpenAsync(0);
        Assert.Contains("v100_tcp_accepted_total 20\n", _server.Host.Metrics.Write());
    }

    private async Task<Socket> ConnectAsync()
    {
        Socket client = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await client.ConnectAsync(IPAddress.Loopback, _server.Host.TcpPort);
        return client;
    }

    /// <summary>Returns when the server counts so many connections.</summary>
    private async Task OpenAsync(int count)
    {
        using CancellationTokenSource patience = new(Patience);
        while (!_server.Host.Metrics.Write().Contains($"v100_tcp_connections {count}\n", StringComparison.Ordinal))
        {
            patience.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }

    private static byte[] Request(byte id)
    {
        byte[] request = new byte[20];
        request[1] = 1;
        BinaryPrimitives.WriteUInt32BigEndian(request.AsSpan(4), 0x2112A442);
        request[19] = id;
        return request;
    }

    /// <summary>A success with this transaction id and the client's own address.</summary>
    private static async Task AssertAnswerAsync(Socket client, byte id)
    {
        byte[] answer = new byte[32];
        using CancellationTokenSource patience = new(Patience);
        for (int received = 0; received < answer.Length;)
        {
            int count = await client.ReceiveAsync(answer.AsMemory(received), patience.Token);
            Assert.True(count > 0, "closed");
            received += count;
        }

        Assert.Equal((0x0101, 12, id), (BinaryPrimitives.ReadUInt16BigEndian(answer), BinaryPrimitives.ReadUInt16BigEndian(answer.AsSpan(2)), answer[19]));
        Assert.Equal(0x0020, BinaryPrimitives.ReadUInt16BigEndian(answer.AsSpan(20)));
        IPEndPoint local = (IPEndPoint)client.LocalEndPoint!;
        Assert.Equal(local.Port, BinaryPrimitives.ReadUInt16BigEndian(answer.AsSpan(26)) ^ 0x2112);
        Assert.Equal(0x7F000001u, BinaryPrimitives.ReadUInt32BigEndian(answer.AsSpan(28)) ^ 0x2112A442u);
    }

    private static async Task AssertClosedAsync(Socket client) => Assert.Empty(await ReadToEndAsync(client));

    private static async Task<byte[]> ReadToEndAsync(Socket client)
    {
        using CancellationTokenSource patience = new(Patience);
        using MemoryStream received = new();
        byte[] chunk = new byte[1024];
        try
        {
            while (await client.ReceiveAsync(chunk.AsMemory(), patience.Token) is int count and > 0)
            {
                received.Write(chunk, 0, count);
            }
        }
        catch (SocketException reset) when (reset.SocketErrorCode == SocketError.ConnectionReset)
        {
            // A reset is an end too.
        }

        return received.ToArray();
    }
}
