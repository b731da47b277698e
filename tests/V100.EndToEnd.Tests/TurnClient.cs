using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace V100.EndToEnd.Tests;

/// <summary>
/// A TURN client over a real socket that sends the bytes it is told to: what no proper client sends, too. One caller at a time. It
/// never sends anything again: on loopback, an answer that does not come is a fault.
/// </summary>
internal sealed class TurnClient : IAsyncDisposable
{
    public const string User = "user";
    public const string Password = "pass";

    private const int ChannelHeaderLength = 4;
    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(5);

    private readonly Socket _socket;
    private readonly Stream? _stream;
    private readonly Queue<byte[]> _early = [];
    private readonly byte[] _buffer = new byte[128 * 1024];
    private readonly string _user;
    private string _password;
    private int _buffered;
    private byte[] _realm = [];
    private byte[]? _nonce;

    private TurnClient(Socket socket, Stream? stream, string user = User, string password = Password)
    {
        _socket = socket;
        _stream = stream;
        _user = user;
        _password = password;
    }

    /// <summary>Where the server sees this client, if no one stands between.</summary>
    public IPEndPoint Local => (IPEndPoint)_socket.LocalEndPoint!;

    /// <summary>After <see cref="AllocateAsync"/>.</summary>
    public IPEndPoint Relayed { get; private set; } = new(IPAddress.None, 0);

    public Socket Socket => _socket;

    /// <summary>The long-term key (RFC 8489, 18.5.1.1).</summary>
#pragma warning disable CA5351 // It is MD5 for clients that name no other algorithm.
    public byte[] Key => MD5.HashData([.. Encoding.UTF8.GetBytes(_user), (byte)':', .. _realm, (byte)':', .. Encoding.UTF8.GetBytes(_password)]);
#pragma warning restore CA5351

    public static TurnClient OverUdp(int port, IPAddress? server = null, IPAddress? source = null, string user = User, string password = Password)
    {
        server ??= IPAddress.Loopback;
        Socket socket = new(server.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        if (source is not null)
        {
            socket.Bind(new IPEndPoint(source, 0));
        }

        socket.Connect(new IPEndPoint(server, port));
        return new TurnClient(socket, null, user, password);
    }

    public static async Task<TurnClient> OverTcpAsync(int port, IPAddress? server = null)
    {
        Socket socket = await ConnectAsync(port, server ?? IPAddress.Loopback);
        return new TurnClient(socket, new NetworkStream(socket));
    }

    public static async Task<(TurnClient Client, SslStream Tls)> OverTlsAsync(int port, CertificateAuthority authority, params string[] protocols)
    {
        Socket socket = await ConnectAsync(port, IPAddress.Loopback);
        SslStream tls = new(new NetworkStream(socket));
        X509ChainPolicy trust = new() { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        trust.CustomTrustStore.Add(X509Certificate2.CreateFromPem(await File.ReadAllTextAsync(authority.AuthorityPath)));
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = CertificateAuthority.HostName,
            ApplicationProtocols = [.. protocols.Select(name => new SslApplicationProtocol(name))],
            CertificateChainPolicy = trust,
        });
        return (new TurnClient(socket, tls), tls);
    }

    /// <summary>A credential of draft-uberti-behave-turn-rest-00, 2.2, for an hour.</summary>
    public static (string Name, string Password) TimeLimited(string secret)
    {
        string name = string.Create(CultureInfo.InvariantCulture, $"{DateTimeOffset.UtcNow.AddHours(1).ToUnixTimeSeconds()}:somebody");
#pragma warning disable CA5350 // As the draft has it.
        return (name, Convert.ToBase64String(HMACSHA1.HashData(Encoding.UTF8.GetBytes(secret), Encoding.UTF8.GetBytes(name))));
#pragma warning restore CA5350
    }

    /// <summary>For requests to come.</summary>
    public void UsePassword(string password) => _password = password;

    public async Task SendAsync(byte[] bytes)
    {
        if (_stream is null)
        {
            await _socket.SendAsync(bytes);
            return;
        }

        await _stream.WriteAsync(bytes);
        await _stream.FlushAsync();
    }

    /// <summary>The next message, with its padding over streams; null where the server ended the stream.</summary>
    /// <param name="patience">Where the server may take its time.</param>
    public async Task<byte[]?> NextAsync(TimeSpan? patience = null)
    {
        if (_early.TryDequeue(out byte[]? early))
        {
            return early;
        }

        using CancellationTokenSource limit = new(patience ?? _limit);
        try
        {
            return await ReceiveAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            Assert.Fail($"Nothing came within {(patience ?? _limit).TotalSeconds} s.");
            return null;
        }
        catch (Exception reset) when (reset is IOException or SocketException && _stream is not null)
        {
            return null;
        }
    }

    public async Task<StunMessage> NextMessageAsync(TimeSpan? patience = null)
    {
        byte[] bytes = await NextAsync(patience) ?? throw new InvalidOperationException("The server ended the stream.");
        return StunMessage.Read(bytes) ?? throw new InvalidOperationException($"No STUN message: {Convert.ToHexString(bytes)}");
    }

    /// <summary>Exactly so many bytes of a stream that carries messages no more (RFC 6062, 5.4).</summary>
    public async Task<byte[]> ReadRawAsync(int count)
    {
        using CancellationTokenSource limit = new(_limit);
        while (_buffered < count)
        {
            int read = await _stream!.ReadAsync(_buffer.AsMemory(_buffered), limit.Token);
            Assert.True(read > 0, $"the stream ended after {_buffered} of {count} bytes");
            _buffered += read;
        }

        byte[] bytes = _buffer[..count];
        _buffer.AsSpan(count, _buffered - count).CopyTo(_buffer);
        _buffered -= count;
        return bytes;
    }

    /// <summary>Reads and drops to the end of the stream. True when the server ended it.</summary>
    public async Task<bool> EndsAsync()
    {
        while (await NextAsync() is not null)
        {
        }

        return true;
    }

    /// <summary>Sends a request as it is and waits for its answer; what else comes until then is kept for <see cref="NextAsync"/>.</summary>
    public async Task<StunMessage> AskAsync(byte[] request)
    {
        await SendAsync(request);
        return await AnswerAsync(request[8..20]);
    }

    public Task<StunMessage> AskAsync(int method, params StunAttribute[] attributes) =>
        AskAsync(StunMessage.Write(method, StunMessage.NewTransactionId(), attributes));

    /// <summary>Sends a request with credentials, for which the first one fetches the nonce.</summary>
    public async Task<StunMessage> RequestAsync(int method, params StunAttribute[] attributes)
    {
        if (_nonce is null)
        {
            StunMessage challenge = await AskAsync(method, attributes);
            Assert.Equal(401, challenge.Code);
            UseNonce(challenge);
        }

        return await AskAsync(Signed(method, attributes));
    }

    /// <summary>For requests to come: what a 401 or 438 says.</summary>
    public void UseNonce(StunMessage challenge) => (_realm, _nonce) = (challenge[StunAttribute.Realm]!, challenge[StunAttribute.Nonce]);

    /// <summary>A request with the credentials and the nonce that are known.</summary>
    public byte[] Signed(int method, params StunAttribute[] attributes) => StunMessage.Write(
        method, StunMessage.NewTransactionId(),
        [.. attributes, new(StunAttribute.Username, Encoding.UTF8.GetBytes(_user)), new(StunAttribute.Realm, _realm), new(StunAttribute.Nonce, _nonce!)],
        Key);

    public async Task<StunMessage> AllocateAsync(params StunAttribute[] attributes)
    {
        StunMessage answer = await RequestAsync(StunMessage.Allocate, [StunAttribute.UdpTransport, .. attributes]);
        Assert.True(answer.Type == (StunMessage.Allocate | StunMessage.Success), $"Allocate: {answer.Code}");
        Relayed = answer.Address(StunAttribute.XorRelayedAddress);
        return answer;
    }

    /// <summary>A relay over TCP (RFC 6062, 4.1).</summary>
    public async Task<StunMessage> AllocateTcpAsync()
    {
        StunMessage answer = await RequestAsync(StunMessage.Allocate, StunAttribute.TcpTransport);
        Assert.True(answer.Type == (StunMessage.Allocate | StunMessage.Success), $"Allocate: {answer.Code}");
        Relayed = answer.Address(StunAttribute.XorRelayedAddress);
        return answer;
    }

    public Task<StunMessage> RefreshAsync(uint seconds) => RequestAsync(StunMessage.Refresh, StunAttribute.UInt32(StunAttribute.Lifetime, seconds));

    public async Task PermitAsync(IPEndPoint peer)
        => Assert.Equal(0, (await RequestAsync(StunMessage.CreatePermission, StunAttribute.Peer(peer))).Code);

    public async Task BindAsync(int channel, IPEndPoint peer)
        => Assert.Equal(0, (await RequestAsync(StunMessage.ChannelBind, ChannelNumber(channel), StunAttribute.Peer(peer))).Code);

    public Task SendToPeerAsync(IPEndPoint peer, byte[] payload, params StunAttribute[] more) => SendAsync(StunMessage.Write(
        StunMessage.SendIndication, StunMessage.NewTransactionId(), [StunAttribute.Peer(peer), .. more, new(StunAttribute.Data, payload)]));

    /// <summary>ChannelData; padded over streams (RFC 8656, 12.5).</summary>
    public Task SendChannelAsync(int channel, byte[] payload) => SendAsync(
        ChannelData(channel, payload, _stream is null ? 0 : -payload.Length & 3));

    /// <summary>Nothing that was sent before is answered: the next message answers a Binding request, which takes the same way.</summary>
    public async Task AssertSilenceAsync()
    {
        byte[] transaction = StunMessage.NewTransactionId();
        await SendAsync(StunMessage.Write(StunMessage.Binding, transaction, []));
        StunMessage next = await NextMessageAsync();
        Assert.Equal(StunMessage.Binding | StunMessage.Success, next.Type);
        Assert.Equal(transaction, next.TransactionId);
    }

    public static StunAttribute ChannelNumber(int channel) => StunAttribute.UInt32(StunAttribute.ChannelNumber, (uint)channel << 16);

    public static byte[] ChannelHeader(int channel, int length) => [(byte)(channel >> 8), (byte)channel, (byte)(length >> 8), (byte)length];

    public static byte[] ChannelData(int channel, ReadOnlySpan<byte> payload, int padding = 0) => [.. ChannelHeader(channel, payload.Length), .. payload, .. new byte[padding]];

    public async ValueTask DisposeAsync()
    {
        if (_stream is not null)
        {
            await _stream.DisposeAsync();
        }

        _socket.Dispose();
    }

    private static async Task<Socket> ConnectAsync(int port, IPAddress server)
    {
        // Without delay each write is a segment of its own.
        Socket socket = new(server.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(server, port);
        return socket;
    }

    private async Task<StunMessage> AnswerAsync(byte[] transaction)
    {
        List<byte[]> others = [];
        while (true)
        {
            byte[] bytes = await NextAsync() ?? throw new InvalidOperationException("The server ended the stream.");
            if (StunMessage.Read(bytes) is { } message && message.TransactionId.AsSpan().SequenceEqual(transaction))
            {
                others.ForEach(_early.Enqueue);
                return message;
            }

            others.Add(bytes);
        }
    }

    private async Task<byte[]?> ReceiveAsync(CancellationToken stop)
    {
        if (_stream is null)
        {
            int length = await _socket.ReceiveAsync(_buffer, stop);
            return _buffer[..length];
        }

        while (true)
        {
            int whole = FrameLength();
            if (whole <= _buffered)
            {
                byte[] message = _buffer[..whole];
                _buffer.AsSpan(whole, _buffered - whole).CopyTo(_buffer);
                _buffered -= whole;
                return message;
            }

            int read = await _stream.ReadAsync(_buffer.AsMemory(_buffered), stop);
            if (read == 0)
            {
                return null;
            }

            _buffered += read;
        }
    }

    /// <summary>Of the first message in the buffer; more than is there while its head is not.</summary>
    private int FrameLength()
    {
        if (_buffered < ChannelHeaderLength)
        {
            return int.MaxValue;
        }

        int length = BinaryPrimitives.ReadUInt16BigEndian(_buffer.AsSpan(2));
        return _buffer[0] < 0x40 ? 20 + length : ChannelHeaderLength + (length + 3 & ~3);
    }
}
