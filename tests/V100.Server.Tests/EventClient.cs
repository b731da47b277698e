using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text.Json;

namespace V100.Server.Tests;

/// <summary>One server-sent event.</summary>
internal sealed record ServerEvent(string Id, string Type, string Data)
{
    public JsonElement Json => JsonDocument.Parse(Data).RootElement;

    public IEnumerable<JsonElement> Changes => Json.GetProperty("changes").EnumerateArray();
}

/// <summary>Reads a room's stream of events as a browser's fetch does.</summary>
internal sealed class EventClient : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly HttpClient _http;
    private readonly StreamReader _reader;

    private EventClient(HttpClient http, HttpResponseMessage response, StreamReader reader)
    {
        _http = http;
        Response = response;
        _reader = reader;
    }

    public HttpResponseMessage Response { get; }

    /// <summary>Comments that came so far.</summary>
    public int Comments { get; private set; }

    public static async Task<EventClient> OpenAsync(RunningServer server, string room, string token, string? lastEventId = null, int? receiveBufferBytes = null)
    {
        using HttpRequestMessage request = new(HttpMethod.Get, $"/v1/rooms/{room}/events");
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        if (lastEventId is not null)
        {
            request.Headers.Add("Last-Event-ID", lastEventId);
        }

        // A connection of its own, which ends with it: what is left of a stream is never read to its end.
        SocketsHttpHandler handler = new()
        {
            MaxResponseDrainSize = 0,
            ConnectCallback = async (connecting, cancellation) =>
            {
                Socket socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                socket.ReceiveBufferSize = receiveBufferBytes ?? socket.ReceiveBufferSize;
                await socket.ConnectAsync(connecting.DnsEndPoint, cancellation);
                return new NetworkStream(socket, ownsSocket: true);
            },
        };
        HttpClient http = new(handler) { BaseAddress = server.Http.BaseAddress };
        HttpResponseMessage response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType?.ToString());
        return new EventClient(http, response, new StreamReader(await response.Content.ReadAsStreamAsync()));
    }

    /// <summary>The next event; null at the end of the stream.</summary>
    public async Task<ServerEvent?> ReadAsync()
    {
        string id = "", type = "message", data = "";
        while (await _reader.ReadLineAsync().WaitAsync(Patience) is { } line)
        {
            if (line.Length == 0 && data.Length > 0)
            {
                return new ServerEvent(id, type, data);
            }

            int colon = line.IndexOf(':', StringComparison.Ordinal);
            string value = colon < 0 ? "" : line[(colon + 1)..].TrimStart(' ');
            switch (colon < 0 ? line : line[..colon])
            {
                case "id":
                    id = value;
                    break;
                case "event":
                    type = value;
                    break;
                case "data":
                    data = value;
                    break;
                case "" when line.Length > 0:
                    Comments++;
                    break;
            }
        }

        return null;
    }

    /// <summary>The next event, which is of that type.</summary>
    public async Task<ServerEvent> ReadAsync(string type)
    {
        ServerEvent? read = await ReadAsync();
        Assert.NotNull(read);
        Assert.Equal(type, read.Type);
        return read;
    }

    public void Dispose()
    {
        _reader.Dispose();
        Response.Dispose();
        _http.Dispose();
    }
}
