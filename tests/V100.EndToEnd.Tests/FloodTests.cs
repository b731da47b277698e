using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using V100.Fuzz;
using V100.Sfu.Tests.Rtp;
using V100.Sfu.Tests.Sdp;
using Xunit.Abstractions;

namespace V100.EndToEnd.Tests;

/// <summary>
/// The published server under hostile datagrams and hostile offers, beside a call of two browsers that must not notice. It stays, what
/// it dropped is counted, and when the call has ended it holds what it held before.
/// </summary>
public sealed class FloodTests(ITestOutputHelper output)
{
    private const string Room = "flood";
    private const int SocketCount = 4;
    private const int DatagramsPerSecond = 5_000;

    // What the server may take for good: buffers of more connections, and the heap's own room. A leak of 64 bytes for each datagram
    // of the longer run is above it.
    private const long MaxGrowthKibibytes = 48 * 1024;

    private static readonly int _datagramCount = Seeds.Scaled(50_000);
    private static readonly int _offerCount = Seeds.Scaled(5_000);
    private static readonly TimeSpan _cleanupLimit = TimeSpan.FromSeconds(45); // A session waits 30 s for its client.
    private static readonly TimeSpan _burstInterval = TimeSpan.FromMilliseconds(10);

    private static readonly string[] _drops =
    [
        "v100_demux_total{kind=\"dropped_malformed_stun\"}", "v100_demux_total{kind=\"dropped_unknown_protocol\"}", "v100_turn_total{kind=\"binding_answered\"}",
        "v100_sfu_total{kind=\"dropped_unknown_flow\"}", "v100_sfu_total{kind=\"dropped_unknown_ufrag\"}", "v100_sfu_total{kind=\"stun_rejected\"}",
    ];

    [Fact]
    public async Task A_call_goes_on_beside_a_flood_of_datagrams_and_offers()
    {
        Random random = Seeds.NewRandom(output);
        await using ServerProcess server = await ServerProcess.StartAsync("--V100:Rooms:EmptyTimeoutSeconds=1");
        Gauges start = await server.Api.GaugesAsync();
        ClientOptions small = new() { Width = 320, Height = 180, FramesPerSecond = 15 };
        await using Call call = await Call.StartAsync(server, "life", ClientKind.Chromium, ClientKind.Chromium, small);
        await call.AssertPlaysAsync();
        string[] offers = [.. Directory.GetFiles(Path.Combine(Repository.Root, "tests", "V100.Sfu.Tests", "Sdp", "Offers"), "*.sdp").Order(StringComparer.Ordinal).Select(File.ReadAllText)];

        // Some before the first figure: a server that has seen no request yet is smaller than one that has.
        await PostOffersAsync(server, offers, _offerCount / 10, new Random(random.Next()));
        double[] dropsBefore = await DropsAsync(server);
        long residentBefore = server.StatusKibibytes("VmRSS");

        long began = Stopwatch.GetTimestamp();
        Task flood = SendDatagramsAsync(server, await UsernameAsync(server, offers), new Random(random.Next()));
        Task<int> posts = PostOffersAsync(server, offers, _offerCount, new Random(random.Next()));
        await call.AssertPlaysAsync();
        Assert.False(flood.IsCompleted, "the call was looked at when the flood was over");
        int created = await posts;
        await flood;
        TimeSpan took = Stopwatch.GetElapsedTime(began);
        await call.AssertPlaysAsync();

        double[] dropped = [.. (await DropsAsync(server)).Zip(dropsBefore, (after, before) => after - before)];
        long growth = server.StatusKibibytes("VmRSS") - residentBefore;
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"figure: {_datagramCount} hostile datagrams and {_offerCount} damaged offers ({created} answered) in {took.TotalSeconds:0} s: {residentBefore / 1024.0:0.0} MB grew by {growth / 1024.0:0.0} MB"));
        output.WriteLine(string.Join('\n', _drops.Zip(dropped, (name, count) => $"{name} {count}")));
        Assert.All(dropped, count => Assert.True(count > _datagramCount / 1000));
        Assert.True(growth < MaxGrowthKibibytes, $"{growth} KiB more");
        Assert.Equal(200, await call.Player.StopAsync());
        Assert.Equal(200, await call.Publisher.StopAsync());
        string difference = "";
        await Poll.UntilAsync(
            "every gauge is back where it began", _cleanupLimit,
            async () => (difference = (await server.Api.GaugesAsync()).Difference(start)).Length == 0, () => $"{difference}\n{server.Log}");
        Assert.False(server.HasExited);
    }

    /// <summary>Paced, so that the system's buffers take them and the server sees nearly all.</summary>
    private static async Task SendDatagramsAsync(ServerProcess server, string username, Random random)
    {
        var mutator = new Mutator(random);
        byte[][] corpus = [.. Corpus.ClientHellos, .. Corpus.StunMessages, Check(username), Check("nobody:here"), Media(96), Media(200)];
        Socket[] sockets = [.. Enumerable.Range(0, SocketCount).Select(_ => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp))];
        try
        {
            foreach (Socket socket in sockets)
            {
                await socket.ConnectAsync(IPAddress.Loopback, server.UdpPort);
            }

            long began = Stopwatch.GetTimestamp();
            using PeriodicTimer pace = new(_burstInterval);
            for (int sent = 0; sent < _datagramCount && await pace.WaitForNextTickAsync();)
            {
                for (int due = Math.Min(_datagramCount, (int)(Stopwatch.GetElapsedTime(began).TotalSeconds * DatagramsPerSecond)); sent < due; sent++)
                {
                    byte[] picked = corpus[random.Next(corpus.Length)];
                    byte[] bytes = random.Next(10) switch
                    {
                        0 => mutator.Noise(random.Next(1, 1400)),
                        < 4 => picked,
                        _ => mutator.Mutate(picked, corpus[random.Next(corpus.Length)]),
                    };
                    _ = await sockets[random.Next(SocketCount)].SendAsync(bytes);
                }
            }
        }
        finally
        {
            Array.ForEach(sockets, socket => socket.Dispose());
        }
    }

    /// <summary>Each is answered or refused with a reason. Returns how many were answered; their sessions are ended again.</summary>
    private static async Task<int> PostOffersAsync(ServerProcess server, string[] offers, int count, Random random)
    {
        Dictionary<HttpStatusCode, int> outcomes = [];
        for (int posted = 0; posted < count; posted++)
        {
            string offer = OfferMutator.Mutate(offers, random);
            (HttpStatusCode status, string? session, string body) = await server.Api.OfferAsync(Room, random.Next(2) == 0 ? "whip" : "whep", "mallory", offer);
            outcomes[status] = outcomes.GetValueOrDefault(status) + 1;
            bool expected = status is HttpStatusCode.Created or HttpStatusCode.BadRequest or HttpStatusCode.UnprocessableEntity or HttpStatusCode.RequestEntityTooLarge;
            Assert.True(expected, $"{(int)status} {body}\nfor the offer\n{offer}");
            if (session is not null)
            {
                Assert.Equal(HttpStatusCode.OK, await server.Api.DeleteSessionAsync(session));
            }
        }

        Assert.All(
            (HttpStatusCode[])[HttpStatusCode.Created, HttpStatusCode.BadRequest, HttpStatusCode.UnprocessableEntity],
            status => Assert.True(outcomes.GetValueOrDefault(status) > count / 100, $"{status} is too rare for a test of it"));
        return outcomes[HttpStatusCode.Created];
    }

    /// <summary>A session that nobody connects to: checks that name it are looked at as far as their integrity.</summary>
    private static async Task<string> UsernameAsync(ServerProcess server, string[] offers)
    {
        foreach (string offer in offers)
        {
            (HttpStatusCode status, _, string answer) = await server.Api.OfferAsync(Room, "whep", "nobody", offer);
            if (status == HttpStatusCode.Created)
            {
                return answer.Split("a=ice-ufrag:")[1].Split("\r\n")[0] + ":client";
            }
        }

        throw new InvalidOperationException("No offer was answered.");
    }

    /// <summary>A Binding request with this USERNAME and an integrity that no password has.</summary>
    private static byte[] Check(string username)
    {
        byte[] name = Encoding.ASCII.GetBytes(username);
        byte[] attributes = [0, 6, 0, (byte)name.Length, .. name, .. new byte[(4 - name.Length % 4) % 4], 0, 8, 0, 20, .. new byte[20]];
        return [0, 1, 0, (byte)attributes.Length, 0x21, 0x12, 0xA4, 0x42, .. new byte[12], .. attributes];
    }

    /// <summary>What looks like SRTP (a payload type) or SRTCP (a packet type of 192 to 223).</summary>
    private static byte[] Media(byte type) => [0x90, type, .. new byte[10], 0xBE, 0xDE, 0, 1, 0x10, 1, 0, 0, .. new byte[600]];

    private static async Task<double[]> DropsAsync(ServerProcess server)
    {
        double[] values = new double[_drops.Length];
        for (int index = 0; index < values.Length; index++)
        {
            values[index] = await server.Api.MetricAsync(_drops[index]);
        }

        return values;
    }
}
