using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Net.Security;
using V100.Net;

namespace V100.Server.Connections;

/// <summary>What comes before the first message.</summary>
internal sealed partial class ClientConnection
{
    private const int TlsHandshakeRecord = 0x16;

    /// <summary>The client's address as the socket has it; null where the client is gone already.</summary>
    public TransportAddress? SocketSource => _context.RemoteEndPoint is IPEndPoint source ? TransportAddress.From(source) : null;

    /// <summary>Takes the PROXY header off. The client's address; null where there is no good header.</summary>
    public async Task<TransportAddress?> ReadProxyHeaderAsync()
    {
        while (true)
        {
            ReadResult read = await _transport.Input.ReadAsync().ConfigureAwait(false);
            ProxyHeaderKind kind = ReadProxyHeader(read.Buffer, out int length, out TransportAddress source);
            _transport.Input.AdvanceTo(read.Buffer.GetPosition(length), length > 0 ? read.Buffer.GetPosition(length) : read.Buffer.End);
            if (kind is ProxyHeaderKind.Proxied or ProxyHeaderKind.Local)
            {
                return kind == ProxyHeaderKind.Proxied ? source : SocketSource;
            }

            if (kind == ProxyHeaderKind.Bad || read.IsCompleted)
            {
                return null;
            }
        }
    }

    /// <summary>Counts the connection for its source; false where that has too many.</summary>
    public bool TryClaim(in TransportAddress source)
    {
        bool claimed = _table.TryClaim(source);
        _claimed = claimed ? source : null;
        return claimed;
    }

    /// <summary>Whether the stream begins as a TLS handshake does.</summary>
    public async Task<bool> BeginsWithTlsAsync()
    {
        ReadResult read = await _transport.Input.ReadAsync().ConfigureAwait(false);
        bool tls = FirstByte(read.Buffer) == TlsHandshakeRecord;
        _transport.Input.AdvanceTo(read.Buffer.Start);
        return tls;
    }

    /// <summary>The server's side of the TLS handshake; false where it failed.</summary>
    public async Task<bool> SecureAsync(SslServerAuthenticationOptions options)
    {
        if (_deadlineReason != ConnectionCloseReason.TlsTimeout)
        {
            SetDeadline(ConnectionCloseReason.TlsTimeout);
        }

        try
        {
            _transport = await _transport.SecureAsync(options).ConfigureAwait(false);
        }
#pragma warning disable CA1031 // Some handshakes that are cut short make SslStream throw what says it is a defect (IndexOutOfRangeException).
        catch (Exception)
#pragma warning restore CA1031
        {
            Close(ConnectionCloseReason.Tls);
            return false;
        }

        _table.Counters.Secured();
        return true;
    }

    /// <summary>Everything is ready for the first message.</summary>
    /// <param name="source">The client.</param>
    /// <param name="protocol">TCP or TLS.</param>
    public void Open(in TransportAddress source, TransportProtocol protocol)
    {
        Remote = source.Over(protocol, Number);
        Local = _context.LocalEndPoint is IPEndPoint local ? TransportAddress.From(local).Over(protocol, Number) : default;
        _secured = protocol == TransportProtocol.Tls;
        _table.CountSecured(_secured ? 1 : 0);
        if (_deadlineReason != ConnectionCloseReason.FirstMessageTimeout)
        {
            SetDeadline(ConnectionCloseReason.FirstMessageTimeout);
        }
    }

    public static int FirstByte(in ReadOnlySequence<byte> buffer)
    {
        foreach (ReadOnlyMemory<byte> segment in buffer)
        {
            if (!segment.IsEmpty)
            {
                return segment.Span[0];
            }
        }

        return -1;
    }

    private static ProxyHeaderKind ReadProxyHeader(in ReadOnlySequence<byte> buffer, out int length, out TransportAddress source)
    {
        Span<byte> bytes = stackalloc byte[ProxyHeader.MaxLength];
        bytes = bytes[..(int)Math.Min(buffer.Length, bytes.Length)];
        buffer.Slice(0, bytes.Length).CopyTo(bytes);
        ProxyHeaderKind kind = ProxyHeader.Read(bytes, out length, out source);
        length = kind is ProxyHeaderKind.Proxied or ProxyHeaderKind.Local ? length : 0;
        return kind;
    }
}
