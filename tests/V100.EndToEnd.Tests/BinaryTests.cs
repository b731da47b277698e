using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Xunit.Abstractions;

namespace V100.EndToEnd.Tests;

/// <summary>What the published binary is: one native file, and SQLite's library, that need nothing else, start at once and idle small.</summary>
public sealed class BinaryTests(ITestOutputHelper output)
{
    private const long SizeLimitBytes = 13 * 1024 * 1024;
    private const double FirstAnswerLimitMs = 100;
    private const long IdleLimitKibibytes = 35 * 1024;

    [Fact]
    public void It_is_one_native_file_and_the_library_of_its_store()
    {
        string binary = Repository.Binary;
        string folder = Path.GetDirectoryName(binary)!;
        Assert.Equal([Path.Combine(folder, "libe_sqlite3.so"), binary], Directory.GetFileSystemEntries(folder).Order(StringComparer.Ordinal));
        using FileStream stream = File.OpenRead(binary);
        byte[] head = new byte[4];
        stream.ReadExactly(head);
        Assert.Equal("\u007fELF"u8.ToArray(), head);
        long library = new FileInfo(Path.Combine(folder, "libe_sqlite3.so")).Length;
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"figure: size of the binary: {stream.Length / 1e6:0.0} MB, and {library / 1e6:0.0} MB of SQLite beside it"));
        Assert.True(stream.Length <= SizeLimitBytes, $"{stream.Length} bytes");
    }

    [Fact]
    public async Task It_answers_soon_after_its_start_without_dotnet_on_the_machine()
    {
        const int starts = 9;
        List<double> times = [];
        using HttpClient http = new(new SocketsHttpHandler { UseProxy = false, ConnectTimeout = TimeSpan.FromSeconds(1) });
        for (int i = 0; i < starts; i++)
        {
            int port = FreePort();
            await using ServerProcess server = ServerProcess.LaunchBare(port);
            times.Add(await FirstAnswerAsync(http, server, new Uri($"http://127.0.0.1:{port}/healthz")));
        }

        times.Sort();
        double median = times[starts / 2];
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"figure: start of the process to its first HTTP answer: median {median:0} ms of {starts} starts ({times[0]:0} to {times[^1]:0})"));
        Assert.True(median < FirstAnswerLimitMs, string.Join(' ', times));
    }

    [Fact]
    public async Task It_idles_small()
    {
        await using ServerProcess server = await ServerProcess.StartAsync();
        Assert.Equal(HttpStatusCode.OK, await server.Api.StatusAsync("/healthz"));

        // Settled: the same in twenty readings, one after the other.
        long last = 0;
        int same = 0;
        await Poll.UntilAsync(
            "the memory settles", TimeSpan.FromSeconds(20),
            () =>
            {
                long now = server.StatusKibibytes("VmRSS");
                same = now == last ? same + 1 : 0;
                last = now;
                return Task.FromResult(same >= 20);
            },
            () => $"{last} KiB");
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"figure: resident memory when idle: {last / 1024.0:0.0} MiB"));
        Assert.True(last < IdleLimitKibibytes, $"{last} KiB");
    }

    [Theory]
    [InlineData("--V100:Udp:Prot=1")]
    [InlineData("--V100:Udp:Port=seven")]
    public async Task Bad_configuration_stops_the_start_with_one_line(string argument)
    {
        ProcessStartInfo start = new(Repository.Binary, [argument]) { RedirectStandardError = true, RedirectStandardOutput = true };
        using Process process = Process.Start(start)!;
        string errors = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.NotEqual(0, process.ExitCode);
        string line = Assert.Single(errors.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains(argument[2..].Split('=')[0], line, StringComparison.Ordinal);
    }

    /// <summary>Asks without pause until the first answer; the failure to connect costs nothing.</summary>
    private static async Task<double> FirstAnswerAsync(HttpClient http, ServerProcess server, Uri url)
    {
        while (true)
        {
            try
            {
                using HttpResponseMessage response = await http.GetAsync(url);
                Assert.Equal(HttpStatusCode.OK, response.StatusCode);
                return Stopwatch.GetElapsedTime(server.Started).TotalMilliseconds;
            }
            catch (HttpRequestException) when (Stopwatch.GetElapsedTime(server.Started) < TimeSpan.FromSeconds(10))
            {
                Assert.False(server.HasExited, server.Log);
                await Task.Yield();
            }
        }
    }

    private static int FreePort()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
