using System.Net.Sockets;
using V100.Server.Connections;
using static V100.Server.Tests.Connections.StreamClient;

namespace V100.Server.Tests.Connections;

/// <summary>STUN over TCP with a raw client; numbers in names are lines of the conformance list.</summary>
public sealed class BindingOverTcpTests : IAsyncLifetime
{
    private RunningServer _server = null!;

    public async Task InitializeAsync() => _server = await RunningServer.StartAsync();

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task Line_13_single_bytes_make_a_message()
    {
        using StreamClient client = await ConnectAsync();
        foreach (byte value in Request(1))
        {
            await client.SendAsync(value);
        }

        await client.AssertAnswerAsync(1);
    }

    [Fact]
    public async Task Line_13_two_messages_in_a_segment_are_both_served()
    {
        using StreamClient client = await ConnectAsync();
        await client.SendAsync([.. Request(1), .. Request(2), .. Request(3)[..7]]);
        await client.AssertAnswerAsync(1);
        await client.AssertAnswerAsync(2);
        await client.SendAsync(Request(3)[7..]);
        await client.AssertAnswerAsync(3);
    }

    [Fact]
    public async Task A_length_before_each_packet_is_told_and_kept()
    {
        using StreamClient client = await ConnectAsync();
        byte[] two = [.. Prefixed(Request(1)), 0, 0, .. Prefixed(Request(2))];
        foreach (byte value in two)
        {
            await client.SendAsync(value);
        }

        for (byte id = 1; id <= 2; id++)
        {
            Assert.Equal([0, 32], await client.ReceiveAsync(2));
            await client.AssertAnswerAsync(id);
        }

        // A message without its length is now a packet that is no STUN.
        await client.SendAsync([.. Request(3), .. Request(4)]);
        await client.AssertClosedAsync();
    }

    [Theory]
    [InlineData("474554202F20485454502F312E310D0A")]
    [InlineData("160301020001000001")]
    [InlineData("FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF")]
    [InlineData("00010003" + "2112A442" + "000000000000000000000000")]
    [InlineData("00010000" + "DEADBEEF")]
    [InlineData("0001FFFC" + "2112A442")]
    [InlineData("4000000401020304")]
    [InlineData("0014" + "0001" + "0004" + "2112A442")]
    public async Task Line_14_garbage_closes_at_once(string hex)
    {
        using StreamClient client = await ConnectAsync();
        await client.SendAsync(Convert.FromHexString(hex));
        await client.AssertClosedAsync();
        await UntilAsync(() => Closed(ConnectionCloseReason.Garbage) == 1);
    }

    [Fact]
    public async Task Line_14_garbage_behind_a_message_closes_after_its_answer_is_due()
    {
        using StreamClient client = await ConnectAsync();
        await client.SendAsync([.. Request(1), 0xFF]);
        byte[] received = await client.ReceiveToEndAsync();
        Assert.True(received.Length is 0 or 32, $"{received.Length} bytes");
    }

    [Fact]
    public async Task A_silent_client_is_closed_after_the_deadline_of_the_first_message()
    {
        using StreamClient client = await ConnectAsync();
        await OpenAsync(1);
        ConnectionLimits limits = _server.Host.Connections.Limits;
        _server.Time.Advance(limits.FirstMessageTimeout);
        await client.AssertClosedAsync();
        await UntilAsync(() => Closed(ConnectionCloseReason.FirstMessageTimeout) == 1);
    }

    [Fact]
    public async Task A_message_buys_time_and_a_byte_does_not()
    {
        using StreamClient client = await ConnectAsync();
        await OpenAsync(1);
        ConnectionLimits limits = _server.Host.Connections.Limits;
        _server.Time.Advance(limits.FirstMessageTimeout - TimeSpan.FromMilliseconds(1));
        await client.SendAsync(Request(1));
        await client.AssertAnswerAsync(1);

        // Both are counted when their deadlines are set: time may leap.
        await UntilAsync(() => _server.Host.Connections.Counters.ReadMessages() == 1);
        await UntilAsync(() => _server.Host.Metrics.Write().Contains("v100_tcp_sent_bytes_total 32\n", StringComparison.Ordinal));

        _server.Time.Advance(limits.IdleTimeout - TimeSpan.FromSeconds(1));
        await client.SendAsync(0);
        Assert.Equal(0, Closed(ConnectionCloseReason.IdleTimeout));
        _server.Time.Advance(TimeSpan.FromSeconds(2));
        await client.AssertClosedAsync();
        await UntilAsync(() => Closed(ConnectionCloseReason.IdleTimeout) == 1);
    }

    [Fact]
    public async Task What_is_no_request_gets_silence_and_the_next_request_its_answer()
    {
        using StreamClient client = await ConnectAsync();
        await client.SendAsync([.. Request(1, type: 0x11), .. Request(2)]);
        await client.AssertAnswerAsync(2);
    }

    [Fact]
    public async Task A_client_that_ends_its_half_still_gets_its_answer()
    {
        using StreamClient client = await ConnectAsync();
        await client.SendAsync(Request(1));
        client.Socket.Shutdown(SocketShutdown.Send);
        await client.AssertAnswerAsync(1);
        await client.AssertClosedAsync();
        await UntilAsync(() => Closed(ConnectionCloseReason.Ended) == 1);
    }

    [Fact]
    public async Task Connections_leave_nothing_behind()
    {
        for (byte round = 0; round < 20; round++)
        {
            using StreamClient client = await ConnectAsync();
            await client.SendAsync(Request(round));
            await client.AssertAnswerAsync(round);
        }

        await OpenAsync(0);
        Assert.Equal(0, _server.Host.Connections.Outbound.InUse);
        Assert.Contains("v100_tcp_accepted_total 20\n", _server.Host.Metrics.Write());
    }

    private Task<StreamClient> ConnectAsync() => StreamClient.ConnectAsync(_server.Host.TcpPort);

    private long Closed(ConnectionCloseReason reason) => _server.Host.Connections.Counters.ReadClosed(reason);

    /// <summary>Returns when the server counts so many connections.</summary>
    private Task OpenAsync(int count) => UntilAsync(() => _server.Host.Metrics.Write().Contains($"v100_tcp_connections {count}\n", StringComparison.Ordinal));
}
