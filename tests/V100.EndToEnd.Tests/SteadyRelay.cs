using System.Buffers.Binary;
using System.Net;

namespace V100.EndToEnd.Tests;

/// <summary>
/// A client over UDP whose allocation goes on beside whatever else happens: numbered messages to a peer that sends them back, the next
/// one when the one before has come. The first that is lost, or is not what was sent, fails <see cref="StopAsync"/>.
/// </summary>
internal sealed class SteadyRelay : IAsyncDisposable
{
    /// <summary>A user of its own, so that what is done to others' quotas does not reach it.</summary>
    public const string User = "beside";

    private const int Channel = 0x4000;
    private const int PayloadLength = 400;

    // Some hundred a second: enough to meet every trouble, too few to be one.
    private static readonly TimeSpan _pace = TimeSpan.FromMilliseconds(5);

    private readonly TurnClient _client;
    private readonly EchoPeer _peer = EchoPeer.Start("127.0.0.1");
    private Task _running = Task.CompletedTask;
    private volatile bool _stopping;
    private int _passed;

    private SteadyRelay(TurnClient client) => _client = client;

    public static string ServerArgument => $"--V100:Turn:Users:{User}={TurnClient.Password}";

    public int Passed => Volatile.Read(ref _passed);

    public static async Task<SteadyRelay> StartAsync(ServerProcess server)
    {
        SteadyRelay relay = new(TurnClient.OverUdp(server.UdpPort, user: User));
        await relay._client.AllocateAsync();
        await relay._client.BindAsync(Channel, new IPEndPoint(IPAddress.Loopback, relay._peer.Port));
        relay._running = relay.RunAsync();
        return relay;
    }

    /// <summary>Sees further messages pass, ends the allocation, and says how many have passed in all.</summary>
    public async Task<int> StopAsync()
    {
        int before = Passed;
        await Poll.UntilAsync("the relay goes on", TimeSpan.FromSeconds(10), () => Task.FromResult(_running.IsCompleted || Passed > before + 10));
        _stopping = true;
        await _running;
        Assert.Equal(0, (await _client.RefreshAsync(0)).Code);
        return Passed;
    }

    public async ValueTask DisposeAsync()
    {
        _stopping = true;
        await ((Task)_running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _client.DisposeAsync();
        _peer.Dispose();
    }

    private async Task RunAsync()
    {
        using PeriodicTimer pace = new(_pace);
        byte[] payload = new byte[PayloadLength];
        while (!_stopping)
        {
            BinaryPrimitives.WriteInt32BigEndian(payload, _passed);
            await _client.SendChannelAsync(Channel, payload);
            Assert.Equal(TurnClient.ChannelData(Channel, payload), await _client.NextAsync());
            Interlocked.Increment(ref _passed);
            await pace.WaitForNextTickAsync();
        }
    }
}
