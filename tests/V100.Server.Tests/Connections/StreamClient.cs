using System.Buffers.Binary;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;

namespace V100.Server.Tests.Connections;

/// <summary>A raw client over TCP or TLS on loopback. Every wait has a bound.</summary>
internal sealed class StreamClient : IDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private StreamClient(Socket socket, Stream stream)
    {
        Socket = socket;
        Stream = stream;
    }

    public Socket Socket { get; }
    public Stream Stream { get; private set; }

    public static async Task<StreamClient> ConnectAsync(int port, int receiveBufferBytes = 0)
    {
        Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        if (receiveBufferBytes > 0)
        {
            socket.ReceiveBufferSize = receiveBufferBytes;
        }

        await socket.ConnectAsync(IPAddress.Loopback, port);
        return new StreamClient(socket, new NetworkStream(socket, ownsSocket: true));
    }

    /// <summary>A connection that the server ends at once, which may be before this side knows that it was made.</summary>
    public static async Task AssertRefusedAsync(int port)
    {
        try
        {
            using StreamClient client = await ConnectAsync(port);
            await client.AssertClosedAsync();
        }
        catch (SocketException reset) when (reset.SocketErrorCode == SocketError.ConnectionReset)
        {
            // Refused all the same.
        }
    }

    /// <param name="protocols">What ALPN offers; none for no ALPN.</param>
    public async Task<string> SecureAsync(params string[] protocols)
    {
        SslStream tls = new(Stream);
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "localhost",
            ApplicationProtocols = protocols.Length == 0 ? null : [.. protocols.Select(protocol => new SslApplicationProtocol(protocol))],
#pragma warning disable CA5359 // The server's certificate is the test's own.
            RemoteCertificateValidationCallback = (_, _, _, _) => true,
#pragma warning restore CA5359
        }).WaitAsync(Patience);
        Stream = tls;
        return tls.NegotiatedApplicationProtocol.ToString();
    }

    public Task SendAsync(params byte[] bytes) => Stream.WriteAsync(bytes).AsTask().WaitAsync(Patience);

    public async Task<byte[]> ReceiveAsync(int count)
    {
        using CancellationTokenSource patience = new(Patience);
        byte[] bytes = new byte[count];
        await Stream.ReadExactlyAsync(bytes, patience.Token);
        return bytes;
    }

    /// <summary>What comes until the stream ends; a reset is an end too.</summary>
    public async Task<byte[]> ReceiveToEndAsync()
    {
        using CancellationTokenSource patience = new(Patience);
        using MemoryStream received = new();
        byte[] chunk = new byte[4096];
        try
        {
            while (await Stream.ReadAsync(chunk, patience.Token) is int count and > 0)
            {
                received.Write(chunk, 0, count);
            }
        }
        catch (IOException)
        {
            return received.ToArray();
        }

        return received.ToArray();
    }

    public async Task AssertClosedAsync() => Assert.Empty(await ReceiveToEndAsync());

    /// <summary>A success with this transaction id and the client's own address.</summary>
    public Task AssertAnswerAsync(byte id) => AssertAnswerAsync(id, (IPEndPoint)Socket.LocalEndPoint!);

    public async Task AssertAnswerAsync(byte id, IPEndPoint client)
    {
        byte[] answer = await ReceiveAsync(32);
        Assert.Equal((0x0101, 12, id), (BinaryPrimitives.ReadUInt16BigEndian(answer), BinaryPrimitives.ReadUInt16BigEndian(answer.AsSpan(2)), answer[19]));
        Assert.Equal(0x0020, BinaryPrimitives.ReadUInt16BigEndian(answer.AsSpan(20)));
        Assert.Equal(client.Port, BinaryPrimitives.ReadUInt16BigEndian(answer.AsSpan(26)) ^ 0x2112);
        Assert.Equal(BinaryPrimitives.ReadUInt32BigEndian(client.Address.GetAddressBytes()), BinaryPrimitives.ReadUInt32BigEndian(answer.AsSpan(28)) ^ 0x2112A442u);
    }

    /// <summary>A Binding request.</summary>
    public static byte[] Request(byte id, int type = 1)
    {
        byte[] request = new byte[20];
        request[1] = (byte)type;
        BinaryPrimitives.WriteUInt32BigEndian(request.AsSpan(4), 0x2112A442);
        request[19] = id;
        return request;
    }

    /// <summary>The same with its length before it (RFC 4571).</summary>
    public static byte[] Prefixed(byte[] packet) => [(byte)(packet.Length >> 8), (byte)packet.Length, .. packet];

    /// <summary>Returns when the condition holds.</summary>
    public static async Task UntilAsync(Func<bool> condition)
    {
        using CancellationTokenSource patience = new(Patience);
        while (!condition())
        {
            patience.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }

    public void Dispose()
    {
        Stream.Dispose();
        Socket.Dispose();
    }
}
