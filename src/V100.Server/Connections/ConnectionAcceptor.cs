using System.IO.Pipelines;
using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using V100.Net;

namespace V100.Server.Connections;

/// <summary>What a listener expects of its connections.</summary>
internal enum StreamListener
{
    /// <summary>Plain TCP; TLS too where there is a certificate and the first byte says so.</summary>
    Plain,

    /// <summary>TLS.</summary>
    Tls,

    /// <summary>The HTTPS port, after its TLS handshake.</summary>
    Https,
}

/// <summary>Takes accepted connections in: PROXY header, TLS, limits; then each serves itself.</summary>
/// <param name="table">Where they stand.</param>
/// <param name="sink">Who gets their messages.</param>
/// <param name="certificate">Null for no TLS.</param>
/// <param name="trustedProxies">Who must send a PROXY header; nobody else is believed one.</param>
/// <param name="log">For closed connections, at debug level.</param>
internal sealed class ConnectionAcceptor(
    ConnectionTable table, IConnectionSink sink, TlsCertificate? certificate, IReadOnlyList<IPNetwork> trustedProxies, ILogger log)
{
    /// <summary>Serves the connection to its end.</summary>
    public async Task AcceptAsync(ConnectionContext context, StreamListener listener)
    {
        table.Counters.Accepted();
        bool trusted = listener != StreamListener.Https && IsTrusted(context);
        ConnectionCloseReason firstStep = (trusted, listener) switch
        {
            (true, _) => ConnectionCloseReason.ProxyTimeout,
            (false, StreamListener.Tls) => ConnectionCloseReason.TlsTimeout,
            _ => ConnectionCloseReason.FirstMessageTimeout,
        };
        ConnectionTransport? transport = ClientConnection.TransportOf(context);
        ClientConnection? connection = null;
        ConnectionCloseReason reason = transport is null
            ? ConnectionCloseReason.Reset
            : table.TryAdd((number, worker) => new ClientConnection(context, transport, number, worker, table, sink, firstStep), out connection);
        if (connection is null)
        {
            table.Counters.Closed(reason);
            context.Abort(new ConnectionAbortedException("refused"));
        }
        else
        {
            reason = await connection.RunAsync(opened => OpenAsync(opened, listener, trusted)).ConfigureAwait(false);
        }

        if (log.IsEnabled(LogLevel.Debug))
        {
            ServerLog.StreamClosed(log, context.RemoteEndPoint?.ToString() ?? "", reason);
        }
    }

    /// <summary>The TLS of the HTTPS port.</summary>
    public async Task SecureAsync(ConnectionContext context, ConnectionDelegate next)
    {
        IDuplexPipe below = context.Transport;
        HttpsTransport tls = new(below);
        await using (tls.ConfigureAwait(false))
        {
            ConnectionCloseReason failure = await SecureAsync(tls).ConfigureAwait(false);
            if (failure != ConnectionCloseReason.None)
            {
                // No abort, or the alert that says why would be lost.
                table.Counters.Closed(failure);
                return;
            }

            table.Counters.Secured();

            context.Features.Set<ITlsConnectionFeature>(tls);
            context.Features.Set<ITlsApplicationProtocolFeature>(tls);
            context.Transport = tls;
            try
            {
                await next(context).ConfigureAwait(false);
            }
            finally
            {
                context.Transport = below;
            }
        }
    }

    /// <summary>The server's side of the handshake on the HTTPS port; why it failed, or None.</summary>
    private async Task<ConnectionCloseReason> SecureAsync(HttpsTransport tls)
    {
        using CancellationTokenSource deadline = new(table.Limits.HandshakeTimeout, table.Time);
        try
        {
            await tls.AuthenticateAsync(certificate!.HttpsOptions, deadline.Token).ConfigureAwait(false);
            return ConnectionCloseReason.None;
        }
#pragma warning disable CA1031 // As with ClientConnection.SecureAsync: a handshake that is cut short can throw anything, which a stranger must not fill the log with.
        catch (Exception)
#pragma warning restore CA1031
        {
            return deadline.IsCancellationRequested ? ConnectionCloseReason.TlsTimeout : ConnectionCloseReason.Tls;
        }
    }

    /// <summary>
    /// Between TLS and HTTP on the HTTPS port: serves STUN and TURN, told by ALPN (RFC 7443), or by the first byte where the client offers none;
    /// leaves everything else to HTTP.
    /// </summary>
    public async Task ShareAsync(ConnectionContext context, ConnectionDelegate http)
    {
        ReadOnlyMemory<byte> protocol = context.Features.Get<ITlsApplicationProtocolFeature>()?.ApplicationProtocol ?? default;
        bool stun = TlsCertificate.IsStun(protocol.Span);
        if (protocol.IsEmpty && await BeginsWithStunAsync(context).ConfigureAwait(false) is var told)
        {
            if (told is null)
            {
                return;
            }

            stun = told.Value;
        }

        await (stun ? AcceptAsync(context, StreamListener.Https) : http(context)).ConfigureAwait(false);
    }

    private bool IsTrusted(ConnectionContext context)
    {
        if (trustedProxies.Count == 0 || context.RemoteEndPoint is not IPEndPoint source)
        {
            return false;
        }

        IPAddress address = source.Address.IsIPv4MappedToIPv6 ? source.Address.MapToIPv4() : source.Address;
        return trustedProxies.Any(network => network.Contains(address));
    }

    /// <summary>What comes before the first message; false where the connection is over.</summary>
    private async Task<bool> OpenAsync(ClientConnection connection, StreamListener listener, bool trusted)
    {
        TransportAddress? source = trusted ? await connection.ReadProxyHeaderAsync().ConfigureAwait(false) : connection.SocketSource;
        if (source is null)
        {
            connection.Close(trusted ? ConnectionCloseReason.ProxyHeader : ConnectionCloseReason.Reset);
            return false;
        }

        if (!connection.TryClaim(source.Value))
        {
            connection.Close(ConnectionCloseReason.AddressLimit);
            return false;
        }

        bool tls = certificate is not null
            && (listener == StreamListener.Tls || listener == StreamListener.Plain && await connection.BeginsWithTlsAsync().ConfigureAwait(false));
        if (tls && !await connection.SecureAsync(certificate!.StreamOptions).ConfigureAwait(false))
        {
            return false;
        }

        connection.Open(source.Value, tls || listener == StreamListener.Https ? TransportProtocol.Tls : TransportProtocol.Tcp);
        return true;
    }

    /// <summary>Whether the first decrypted byte begins a STUN message, or the length before one: HTTP begins with a letter. Null where none comes in time.</summary>
    private async Task<bool?> BeginsWithStunAsync(ConnectionContext context)
    {
        using CancellationTokenSource deadline = new(table.Limits.FirstMessageTimeout, table.Time);
        try
        {
            ReadResult read = await context.Transport.Input.ReadAsync(deadline.Token).ConfigureAwait(false);
            int first = ClientConnection.FirstByte(read.Buffer);
            context.Transport.Input.AdvanceTo(read.Buffer.Start);
            return first is >= 0 and < ' ';
        }
        catch (Exception exception) when (ClientConnection.IsBroken(exception))
        {
            bool late = deadline.IsCancellationRequested;
            table.Counters.Closed(late ? ConnectionCloseReason.FirstMessageTimeout : ConnectionCloseReason.Reset);
            context.Abort(new ConnectionAbortedException("nothing came"));
            return null;
        }
    }
}
