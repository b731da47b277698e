using System.Diagnostics;
using System.Net.Http.Headers;
using System.Text;

namespace V100.Load;

/// <summary>Requests of the control API at a fixed rate over connections that are kept open, whatever the answers take.</summary>
internal sealed class ApiLoad : IDisposable
{
    private const int Cycle = 20;
    private const int CreateTurn = 7;
    private const int DeleteTurn = 17;

    private readonly ApiLoadOptions _options;
    private readonly ControlClient _control;
    private readonly AuthenticationHeaderValue _key;
    private readonly string _room = "api-" + Guid.NewGuid().ToString("N")[..8];
    private readonly LatencyHistogram _reads = new();
    private readonly LatencyHistogram _creates = new();
    private readonly Lock _gate = new();
    private AuthenticationHeaderValue _participant = null!;
    private long _failures;
    private string? _firstFailure;

    private ApiLoad(ApiLoadOptions options)
    {
        _options = options;
        _control = new ControlClient(options.Url, options.Key, options.Secret);
        _key = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{options.Key}:{options.Secret}")));
    }

    public static async Task<int> RunAsync(string[] arguments)
    {
        if (arguments is ["--help", ..])
        {
            Console.WriteLine(ApiLoadOptions.Usage);
            return 0;
        }

        var options = ApiLoadOptions.Parse(arguments);
        using var run = new ApiLoad(options);
        ApiLoadResult result = await run.RunAsync().ConfigureAwait(false);
        Console.WriteLine(result);
        LoadJson.Write(result, options.Json);
        return 0;
    }

    private async Task<ApiLoadResult> RunAsync()
    {
        _participant = new AuthenticationHeaderValue("Bearer", await _control.CreateTokenAsync(_room, "reader").ConfigureAwait(false));
        using HttpClient http = Connect();
        await SendAsync(http, HttpMethod.Post, "/v1/rooms", _key, Room(_room), 201).ConfigureAwait(false);
        ServerFigures before = ReadServer();
        long began = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, _options.Connections).Select(connection => Task.Run(() => LoadAsync(connection, began)))).ConfigureAwait(false);
        double seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        ServerFigures after = ReadServer();
        await SendAsync(http, HttpMethod.Delete, $"/v1/rooms/{_room}", _key, null, 204).ConfigureAwait(false);
        long requests = _reads.Count + _creates.Count;
        return new ApiLoadResult
        {
            Seconds = seconds,
            Requests = requests,
            RequestsPerSecond = requests / seconds,
            Failures = _failures,
            FirstFailure = _firstFailure,
            ReadP50Us = _reads.PercentileMicroseconds(0.5),
            ReadP99Us = _reads.PercentileMicroseconds(0.99),
            ReadP999Us = _reads.PercentileMicroseconds(0.999),
            CreateP50Us = _creates.PercentileMicroseconds(0.5),
            CreateP99Us = _creates.PercentileMicroseconds(0.99),
            CreateP999Us = _creates.PercentileMicroseconds(0.999),
            ServerUsPerRequest = _options.ServerPid == 0 ? null : 1e6 * (after.ProcessorSeconds - before.ProcessorSeconds) / Math.Max(requests, 1),
        };
    }

    /// <summary>One connection: every so many requests of the schedule are its own.</summary>
    private async Task LoadAsync(int connection, long began)
    {
        using HttpClient http = Connect();
        LatencyHistogram reads = new();
        LatencyHistogram creates = new();
        string made = "";
        for (long turn = 0; ; turn++)
        {
            var due = TimeSpan.FromSeconds((double)(turn * _options.Connections + connection) / _options.Rate);
            if (due.TotalSeconds >= _options.Seconds)
            {
                break;
            }

            TimeSpan early = due - Stopwatch.GetElapsedTime(began);
            if (early > TimeSpan.Zero)
            {
                await Task.Delay(early).ConfigureAwait(false);
            }

            int kind = (int)(turn % Cycle);
            if (kind == CreateTurn)
            {
                made = $"{_room}-{connection}-{turn}";
                await SendAsync(http, HttpMethod.Post, "/v1/rooms", _key, Room(made), 201).ConfigureAwait(false);
            }
            else if (kind == DeleteTurn && made.Length > 0)
            {
                await SendAsync(http, HttpMethod.Delete, $"/v1/rooms/{made}", _key, null, 204).ConfigureAwait(false);
                made = "";
            }
            else
            {
                await ReadAsync(http, kind % 4).ConfigureAwait(false);
            }

            (kind == CreateTurn ? creates : reads).Add((long)(Stopwatch.GetElapsedTime(began) - due).TotalNanoseconds);
        }

        if (made.Length > 0)
        {
            await SendAsync(http, HttpMethod.Delete, $"/v1/rooms/{made}", _key, null, 204).ConfigureAwait(false);
        }

        lock (_gate)
        {
            _reads.Add(reads);
            _creates.Add(creates);
        }
    }

    private Task ReadAsync(HttpClient http, int kind) => kind switch
    {
        0 => SendAsync(http, HttpMethod.Get, $"/v1/rooms/{_room}", _participant, null, 200),
        1 => SendAsync(http, HttpMethod.Get, $"/v1/rooms/{_room}/participants", _participant, null, 200),
        2 => SendAsync(http, HttpMethod.Get, "/v1/rooms?limit=10", _key, null, 200),
        _ => SendAsync(http, HttpMethod.Get, "/v1/ice-servers", _participant, null, 200),
    };

    private async Task SendAsync(HttpClient http, HttpMethod method, string path, AuthenticationHeaderValue authorization, string? body, int expected)
    {
        using var request = new HttpRequestMessage(method, path);
        request.Headers.Authorization = authorization;
        request.Content = body is null ? null : new StringContent(body, Encoding.UTF8, "application/json");
        try
        {
            using HttpResponseMessage response = await http.SendAsync(request).ConfigureAwait(false);
            string text = await response.Content.ReadAsStringAsync().ConfigureAwait(false);
            if ((int)response.StatusCode != expected)
            {
                Fail($"{method} {path}: {(int)response.StatusCode} {text}");
            }
        }
        catch (Exception failure) when (failure is HttpRequestException or TaskCanceledException)
        {
            Fail($"{method} {path}: {failure.Message}");
        }
    }

    private void Fail(string what)
    {
        Interlocked.Increment(ref _failures);
        Interlocked.CompareExchange(ref _firstFailure, what, null);
    }

    private HttpClient Connect() => new(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false, MaxConnectionsPerServer = 1 })
    {
        BaseAddress = _options.Url,
        Timeout = TimeSpan.FromSeconds(20),
    };

    private static string Room(string name) => $$"""{"name":"{{name}}"}""";

    private ServerFigures ReadServer() => _options.ServerPid == 0 ? default : ServerFigures.Read(_options.ServerPid);

    public void Dispose() => _control.Dispose();
}
