using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text.Json;
using V100.Sfu.Tests.Rtp;
using Xunit.Abstractions;

namespace V100.EndToEnd.Tests;

/// <summary>Webhooks of the published binary all arrive, in the order of their rooms, whatever happens to the receiver and to the server.</summary>
public sealed class WebhookTests(ITestOutputHelper output)
{
    private const int Rooms = 8;
    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan _outage = TimeSpan.FromSeconds(Seeds.Scaled(1) > 1 ? 30 : 5);

    [Fact]
    public async Task All_arrive_in_order_after_a_receiver_that_fails_and_a_kill_of_the_server()
    {
        using StoreFolder store = new();
        using HookReceiver receiver = new();
        string[] arguments = [$"--V100:Webhooks:Urls={receiver.Url}", $"--V100:Store:Path={store.Path}"];
        Dictionary<string, List<string>> expected = [];
        long began = Stopwatch.GetTimestamp();
        receiver.Fails = true;
        int told;
        await using (ServerProcess first = await ServerProcess.StartAsync(arguments))
        {
            told = await TellAsync(first, expected, _outage / 2);

            // What the API has answered a moment ago may still be on its way to the disk.
            await Poll.UntilAsync("the store has all", _limit, async () => await WaitingAsync(first) == told);
            first.Signal("KILL");
            await Poll.UntilAsync("the server is dead", _limit, () => Task.FromResult(first.HasExited));
        }

        await using ServerProcess second = await ServerProcess.StartAsync(arguments);
        told += await TellAsync(second, expected, _outage - Stopwatch.GetElapsedTime(began));
        Assert.True(receiver.Refused > 0);
        receiver.Fails = false;
        await Poll.UntilAsync(
            "all webhooks arrive", _limit, () => Task.FromResult(receiver.Distinct == told), () => $"{receiver.Distinct} of {told}\n{second.Log}");
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"figure: {told} webhooks of {Rooms} rooms, {receiver.Refused} refused, {receiver.Taken} taken, the last after {Stopwatch.GetElapsedTime(began).TotalSeconds:0.0} s"));
        foreach ((string room, List<string> events) in expected)
        {
            Assert.Equal(events, receiver.Of(room));
        }
    }

    /// <summary>Makes and ends rooms, again and again; returns how many events that makes.</summary>
    private static async Task<int> TellAsync(ServerProcess server, Dictionary<string, List<string>> expected, TimeSpan time)
    {
        int told = 0;
        long began = Stopwatch.GetTimestamp();
        await Poll.UntilAsync(
            "rooms come and go", time + _limit,
            async () =>
            {
                for (int index = 0; index < Rooms; index++)
                {
                    string room = $"room-{index}";
                    await server.Api.CreateRoomAsync(room);
                    await server.Api.DeleteRoomAsync(room);
                    expected.TryAdd(room, []);
                    expected[room].AddRange(["room_created", "room_ended"]);
                    told += 2;
                }

                return Stopwatch.GetElapsedTime(began) > time;
            });
        return told;
    }

    private static async Task<double> WaitingAsync(ServerProcess server) => await server.Api.MetricAsync("v100_webhooks_waiting");

    /// <summary>Takes posts, or refuses them all with 503.</summary>
    private sealed class HookReceiver : IDisposable
    {
        private readonly HttpListener _listener = new();
        private readonly ConcurrentDictionary<string, byte> _seen = new();
        private readonly ConcurrentDictionary<string, ConcurrentQueue<string>> _byRoom = new();
        private int _refused;
        private int _taken;

        public HookReceiver()
        {
            Url = $"http://127.0.0.1:{FreePort.Find()}/";
            _listener.Prefixes.Add(Url);
            _listener.Start();
            _ = Task.Run(RunAsync);
        }

        public string Url { get; }

        public volatile bool Fails;

        public int Refused => Volatile.Read(ref _refused);

        /// <summary>Posts, with those that came twice.</summary>
        public int Taken => Volatile.Read(ref _taken);

        public int Distinct => _seen.Count;

        /// <summary>The room's events, each once, in the order in which they came first.</summary>
        public string[] Of(string room) => [.. _byRoom[room]];

        public void Dispose() => _listener.Close();

        private async Task RunAsync()
        {
            while (_listener.IsListening)
            {
                try
                {
                    Answer(await _listener.GetContextAsync());
                }
                catch (Exception failure) when (failure is HttpListenerException or ObjectDisposedException)
                {
                    // The server was killed while it posted, or the test is over.
                }
            }
        }

        /// <summary>One after the other, so that the order in which they come is the order in which they are kept.</summary>
        private void Answer(HttpListenerContext context)
        {
            JsonElement body = JsonDocument.Parse(context.Request.InputStream).RootElement;
            bool fails = Fails;
            if (fails)
            {
                Interlocked.Increment(ref _refused);
            }
            else
            {
                Interlocked.Increment(ref _taken);
                if (_seen.TryAdd(body.GetProperty("id").GetString()!, 0))
                {
                    _byRoom.GetOrAdd(body.GetProperty("room").GetString()!, _ => new ConcurrentQueue<string>()).Enqueue(body.GetProperty("event").GetString()!);
                }
            }

            context.Response.StatusCode = fails ? 503 : 204;
            context.Response.Close();
        }
    }
}
