using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Options;
using V100.Server.Configuration;
using V100.Server.Connections;
using V100.Server.Control;
using V100.Server.Logging;

namespace V100.Server;

/// <summary>
/// Kestrel with everything that it listens for: the control HTTP, and STUN over TCP and TLS. It composes the control plane over
/// an <see cref="IConference"/> and knows nothing of workers.
/// </summary>
internal sealed class ServerHost : IAsyncDisposable
{
    /// <summary>Bytes that wait unread at most, for each connection; more than the longest message.</summary>
    private const int MaxUnreadBytes = 2 * ClientConnection.MaxMessageLength;

    private static readonly TimeSpan StopPatience = TimeSpan.FromSeconds(5);

    private readonly ConsoleLog _logger;
    private readonly Api _api;
    private readonly KestrelServer _server;
    private readonly OptionsReader _reader;
    private readonly ApiKeyRing _keys;
    private readonly IReadOnlyDictionary<string, string> _developmentKeys;
    private readonly TlsCertificate? _certificate;
    private readonly ConnectionAcceptor _acceptor;
    private readonly EventStreams _streams;
    private ListenOptions? _http;
    private ListenOptions? _tcp;
    private ListenOptions? _tls;

    /// <param name="reader">Reads the configuration again at a reload.</param>
    /// <param name="options">The configuration of this start.</param>
    /// <param name="apiKeys">The keys that count: configured, or made for this start.</param>
    /// <param name="conference">Rooms and sessions.</param>
    /// <param name="relays">The TURN relay.</param>
    /// <param name="addresses">What clients can reach.</param>
    /// <param name="udpPort">The port that the workers are bound to.</param>
    /// <param name="certificate">What TLS shows; null for none. A reload replaces what it holds.</param>
    /// <param name="records">Usage, audit and webhooks; the caller starts and ends them.</param>
    /// <param name="time">For tokens and deadlines.</param>
    /// <param name="sink">Who serves connections over TCP and TLS; null for STUN Binding alone.</param>
    /// <param name="connections">Their table, where others need it before this; belongs to the host from now on. Null makes one.</param>
    public ServerHost(
        OptionsReader reader,
        ServerOptions options,
        IReadOnlyDictionary<string, string> apiKeys,
        IConference conference,
        IRelays relays,
        IReadOnlyList<IPAddress> addresses,
        int udpPort,
        TlsCertificate? certificate,
        Records records,
        TimeProvider? time = null,
        IConnectionSink? sink = null,
        ConnectionTable? connections = null)
    {
        _reader = reader;
        _developmentKeys = options.ApiKeys.Count == 0 ? apiKeys : new Dictionary<string, string>();
        _keys = new ApiKeyRing(apiKeys);
        _certificate = certificate;
        IceServers iceServers = new(options, addresses, udpPort);
        Plane = new ControlPlane(conference, relays, _keys, options, iceServers, time ?? TimeProvider.System);

        _logger = new ConsoleLog(options.LogFormat, options.LogLevel);
        Log = _logger.CreateLogger("V100");
        sink ??= new BindingSink();
        Connections = connections ?? new ConnectionTable(ConnectionLimits.From(options), sink.WorkerCount, Plane.Time);
        _acceptor = new ConnectionAcceptor(Connections, sink, _certificate, options.TcpTrustedProxies, Log);
        Metrics.Add(new ProcessMetrics(Plane).Collect);
        Metrics.Add(Connections.Collect);
        Metrics.Add(records.Collect);
        _streams = new EventStreams(conference, options.MaxEventStreams, Plane.Time);
        Metrics.Add(_streams.Collect);
        Routes =
        [
            .. new RoomEndpoints(Plane).Routes,
            .. new ParticipantEndpoints(Plane).Routes,
            .. new EventEndpoints(Plane, _streams).Routes,
            .. new QualityEndpoints(Plane).Routes,
            .. new TokenEndpoints(Plane).Routes,
            .. new OfferEndpoints(Plane).Routes,
            .. new SessionEndpoints(Plane).Routes,
            .. new TurnEndpoints(Plane).Routes,
            .. new UsageEndpoints(Plane, records.Store).Routes,
            .. new AuditEndpoints(Plane, records.Store).Routes,
            .. new WebhookEndpoints(Plane, records.Store, records.Webhooks).Routes,
            .. new ServiceEndpoints(Plane, Metrics, Reload).Routes,
            .. PageFiles.Routes,
        ];
        _api = new Api(Routes, new CrossOrigin(options.AllowedOrigins), Plane.Limits, records.Audit, Log);
        KestrelServerOptions kestrel = new();
        ConfigureKestrel(kestrel, options);
        SocketTransportOptions sockets = new() { MaxReadBufferSize = MaxUnreadBytes };
        _server = new KestrelServer(Options.Create(kestrel), new SocketTransportFactory(Options.Create(sockets), _logger), _logger);
    }

    public ControlPlane Plane { get; }
    public Metrics Metrics { get; } = new();
    public IReadOnlyList<ApiRoute> Routes { get; }
    public ILogger Log { get; }

    /// <summary>The connections of clients over TCP and TLS, for whoever sends to them.</summary>
    public ConnectionTable Connections { get; }

    /// <summary>Where HTTP is bound, for a browser on this machine; known after <see cref="StartAsync"/>.</summary>
    public string Url => Plane.Options.HttpUrl.BrowserUrl(_http!.IPEndPoint!.Port);

    public int TcpPort => _tcp!.IPEndPoint!.Port;

    /// <summary>Where STUN is served over TLS alone; null without a certificate, or where another listener does it.</summary>
    public int? TlsPort => _tls?.IPEndPoint?.Port;

    /// <summary>Binds and serves. Throws <see cref="IOException"/> where an address cannot be bound.</summary>
    public async Task StartAsync()
    {
        await _server.StartAsync(_api, CancellationToken.None).ConfigureAwait(false);
        Plane.IceServers.TcpPort = TcpPort;
        Plane.IceServers.TlsPort = _certificate is null ? null : TlsPort ?? Plane.Options.TlsPort;
    }

    public async Task StopAsync()
    {
        Connections.Stop();
        _streams.Stop();
        using CancellationTokenSource patience = new(StopPatience);
        await _server.StopAsync(patience.Token).ConfigureAwait(false);
    }

    /// <summary>Reads secrets and certificates again; null, or the line that says why everything stays as it is.</summary>
    public string? Reload()
    {
        string? error = null;
        if (!_reader.TryRead(out ServerOptions options, out error) || _certificate is not null && !_certificate.TryReload(options, out error))
        {
            ServerLog.ReloadFailed(Log, error!);
            return error;
        }

        _keys.Replace(options.ApiKeys.Count > 0 ? options.ApiKeys : _developmentKeys);
        Plane.IceServers.Reload(options);
        Plane.Relays.Reload(options);
        ServerLog.Reloaded(Log, _keys.Count, options.TurnSecrets.Count);
        return null;
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync().ConfigureAwait(false);
        _server.Dispose();
        Plane.Limits.Dispose();
        _streams.Dispose();
        Connections.Dispose();
        _logger.Dispose();
    }

    private void ConfigureKestrel(KestrelServerOptions kestrel, ServerOptions options)
    {
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxRequestBodySize = RequestBody.MaxBytes;
        kestrel.Limits.MaxConcurrentConnections = null;
        kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
        ListenUrl url = options.HttpUrl;
        if (url.Address is not null)
        {
            kestrel.Listen(url.Address, url.Port, BindHttp);
        }
        else if (url.Host == "*")
        {
            kestrel.ListenAnyIP(url.Port, BindHttp);
        }
        else if (url.Port == 0)
        {
            // Two addresses cannot share a port that is not known yet.
            kestrel.Listen(IPAddress.Loopback, 0, BindHttp);
        }
        else
        {
            kestrel.ListenLocalhost(url.Port, BindHttp);
        }

        ListenForClients(kestrel, options, options.TcpPort, BindTcp);
        if (_certificate is not null && !IsServedElsewhere(options))
        {
            ListenForClients(kestrel, options, options.TlsPort, BindTls);
        }
    }

    private static void ListenForClients(KestrelServerOptions kestrel, ServerOptions options, int port, Action<ListenOptions> bind)
    {
        if (options.UdpAddresses.Count == 0)
        {
            kestrel.ListenAnyIP(port, bind);
        }

        foreach (IPAddress address in options.UdpAddresses)
        {
            kestrel.Listen(address, port, bind);
        }
    }

    /// <summary>The plain port takes TLS too, and so does the HTTPS port: one listener is then enough.</summary>
    private static bool IsServedElsewhere(ServerOptions options) =>
        options.TlsPort != 0 && (options.TlsPort == options.TcpPort || options.HttpUrl.IsHttps && options.TlsPort == options.HttpUrl.Port);

    private void BindHttp(ListenOptions listen)
    {
        _http ??= listen;
        if (!Plane.Options.HttpUrl.IsHttps)
        {
            listen.Protocols = HttpProtocols.Http1;
            return;
        }

        // What the client does not ask for in TLS is HTTP/1.1.
        listen.Use(share => connection => _acceptor.SecureAsync(connection, share));
        listen.Use(http => connection => _acceptor.ShareAsync(connection, http));
    }

    private void BindTcp(ListenOptions listen)
    {
        _tcp ??= listen;
        listen.Run(connection => _acceptor.AcceptAsync(connection, StreamListener.Plain));
    }

    private void BindTls(ListenOptions listen)
    {
        _tls ??= listen;
        listen.Run(connection => _acceptor.AcceptAsync(connection, StreamListener.Tls));
    }
}
