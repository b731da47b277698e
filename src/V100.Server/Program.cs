using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using V100.Server;
using V100.Server.Configuration;
using V100.Server.Control;
using V100.Server.Media;
using V100.Server.Storage;

return await Startup.RunAsync(args).ConfigureAwait(false);

/// <summary>The way from the arguments to a running server.</summary>
internal static class Startup
{
    private static readonly TimeSpan PageTokenLifetime = TimeSpan.FromHours(12);

    public static async Task<int> RunAsync(string[] arguments)
    {
        long started = Stopwatch.GetTimestamp();
        if (!CommandLine.TryParse(arguments, out CommandLine? commandLine, out string? error))
        {
            return Fail(error);
        }

        if (commandLine.Help || commandLine.Version)
        {
            Console.Out.WriteLine(commandLine.Help ? CommandLine.HelpText() : "V100 " + Version);
            return 0;
        }

        OptionsReader reader = new(commandLine);
        if (!reader.TryRead(out ServerOptions options, out error))
        {
            return Fail(error);
        }

        if (commandLine.Check)
        {
            Console.Out.WriteLine("The configuration is good.");
            return 0;
        }

        return await ServeAsync(reader, options, started).ConfigureAwait(false);
    }

    private static async Task<int> ServeAsync(OptionsReader reader, ServerOptions options, long started)
    {
        IReadOnlyDictionary<string, string> keys = options.ApiKeys.Count > 0 ? options.ApiKeys : DevelopmentKeys();
        IReadOnlyList<IPAddress> addresses = LocalAddresses.For(options);
        try
        {
            TlsCertificate? certificate = TlsCertificate.From(options);
            Records records = new(options, TimeProvider.System);
            await using ConfiguredAsyncDisposable recordsEnd = records.ConfigureAwait(false);
            MediaPlane media = new(options, addresses, certificate, records);
            await using ConfiguredAsyncDisposable mediaEnds = media.ConfigureAwait(false);
            ServerHost host = new(
                reader, options, keys, new SfuConference(media, TimeProvider.System), new TurnRelays(media), addresses, media.Port, certificate, records, null, media.Inboxes, media.Connections);
            host.Metrics.Add(new MediaMetrics(media).Collect);
            records.Start(host.Log, host.Plane.Keys, media.Turn.Directory);
            media.Start(host.Log);
            await using (host.ConfigureAwait(false))
            {
                using ServerLifetime lifetime = new(host);
                lifetime.HandleSignals();
                await host.StartAsync().ConfigureAwait(false);
                media.OfferTcp(host.TcpPort);
                Announce(host, options, keys, addresses, media.Port, Stopwatch.GetElapsedTime(started));

                // What only the start needed goes back to the system: a server that waits for its first call stays small.
                GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
                await lifetime.RunAsync().ConfigureAwait(false);
            }

            return 0;
        }
        catch (Exception exception) when (exception is PlatformNotSupportedException or StoreException)
        {
            return Fail(exception.Message);
        }
        catch (Exception exception) when (exception is CryptographicException or UnauthorizedAccessException)
        {
            return Fail(TlsCertificate.Explain(options, exception));
        }
        catch (IOException exception)
        {
            return Fail($"{exception.Message.ReplaceLineEndings(" ")} Allowed are free ports and addresses of this machine in V100:Http:Url, V100:Udp:Port, V100:Udp:Addresses, V100:Tcp:Port and V100:Tls:Port.");
        }
    }

    private static void Announce(
        ServerHost host, ServerOptions options, IReadOnlyDictionary<string, string> keys, IReadOnlyList<IPAddress> addresses, int udpPort, TimeSpan elapsed)
    {
        ServerLog.Ready(host.Log, Version, (long)elapsed.TotalMilliseconds, host.Url, udpPort, host.TcpPort);
        string page = host.Url + "/?room=demo";
        string apiKey = "";
        string tls = host.TlsPort is { } tlsPort ? $"\n  TLS      port {tlsPort}: STUN, TURN" : "";
        if (options.ApiKeys.Count == 0)
        {
            (string key, string secret) = keys.Single();
            page += "#token=" + PageToken(host.Plane, key);
            apiKey = $"""

                  API key  {key}
                  Secret   {secret}
                           (made for this start; V100:ApiKeys:{"{key}"} sets lasting ones)
                """;
        }

        // Where the log is for machines, people read the other stream.
        (options.LogFormat == LogFormat.Json ? Console.Error : Console.Out).WriteLine(string.Create(CultureInfo.InvariantCulture, $"""

            V100 {Version} is ready.

              HTTP     {host.Url}
              UDP      port {udpPort}: STUN, TURN and media, reached at {string.Join(", ", addresses)}
              TCP      port {host.TcpPort}: STUN, TURN, ICE{tls}{apiKey}
              Page     {page}

            """));
    }

    /// <summary>A token with which the page mints its own ones, for every room.</summary>
    private static string PageToken(ControlPlane plane, string key)
    {
        plane.Keys.TryGetSecret(key, out byte[] secret);
        AccessToken token = new()
        {
            Issuer = key,
            ExpiresUnixSeconds = plane.NowUnixSeconds + (long)PageTokenLifetime.TotalSeconds,
            Video = new VideoGrant { RoomAdmin = true, RoomCreate = true, RoomList = true },
        };
        return token.Sign(secret);
    }

    private static Dictionary<string, string> DevelopmentKeys() => new(StringComparer.Ordinal)
    {
        ["dev" + RandomNumberGenerator.GetHexString(8, lowercase: true)] = RandomNumberGenerator.GetHexString(64, lowercase: true),
    };

    private static string Version =>
        Assembly.GetExecutingAssembly().GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0";

    private static int Fail(string? error)
    {
        Console.Error.WriteLine("v100: " + error);
        return 1;
    }
}
