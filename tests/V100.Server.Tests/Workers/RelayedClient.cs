using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using V100.Net;
using V100.Net.Crypto;
using V100.Stun;

namespace V100.Server.Tests.Workers;

/// <summary>A TURN client over UDP with a real socket, and its peer with another. What it sends again and again it has made before.</summary>
internal sealed class RelayedClient : IDisposable
{
    public const string User = "user";
    public const string Password = "password";
    public const ushort Channel = 0x4000;

    // A loopback packet takes microseconds; what takes seconds is lost.
    private const int PatienceMs = 10_000;

    private readonly Socket _client;
    private readonly Socket _peer;
    private readonly byte[] _buffer = new byte[2048];
    private byte[] _realm = [];
    private byte[] _nonce = [];

    public RelayedClient(ushort serverPort)
    {
        _client = NewSocket();
        _peer = NewSocket();
        _client.Connect(IPAddress.Loopback, serverPort);
    }

    public TransportAddress Peer => TransportAddress.From((IPEndPoint)_peer.LocalEndPoint!);

    /// <summary>Allocates, and connects the peer to the relayed address; with a permission or with a channel for it.</summary>
    public void Open(bool channel)
    {
        StunReader challenge = Ask(Request(StunMethod.Allocate, signs: false));
        Assert.True(challenge.TryGet(StunAttributeType.Realm, out ReadOnlySpan<byte> realm));
        Assert.True(challenge.TryGet(StunAttributeType.Nonce, out ReadOnlySpan<byte> nonce));
        (_realm, _nonce) = (realm.ToArray(), nonce.ToArray());
        StunReader answer = Ask(Request(StunMethod.Allocate));
        Assert.True(answer.TryGetXorAddress(StunAttributeType.XorRelayedAddress, out TransportAddress relayed));
        _peer.Connect(relayed.ToIPAddress(), relayed.Port);
        Assert.Equal(StunClass.Success, Ask(Request(channel ? StunMethod.ChannelBind : StunMethod.CreatePermission)).Type.Class);
    }

    public byte[] Request(StunMethod method, bool signs = true)
    {
        byte[] bytes = new byte[512];
        StunWriter writer = new(bytes, new StunMessageType(method, StunClass.Request), RandomNumberGenerator.GetBytes(StunHeader.TransactionIdLength));
        switch (method)
        {
            case StunMethod.Allocate:
                writer.WriteUInt32(StunAttributeType.RequestedTransport, 17u << 24);
                break;
            case StunMethod.ChannelBind:
                writer.WriteUInt32(StunAttributeType.ChannelNumber, (uint)Channel << 16);
                writer.WriteXorAddress(StunAttributeType.XorPeerAddress, Peer);
                break;
            case StunMethod.CreatePermission:
                writer.WriteXorAddress(StunAttributeType.XorPeerAddress, Peer);
                break;
        }

        if (signs)
        {
            writer.Write(StunAttributeType.Username, System.Text.Encoding.UTF8.GetBytes(User));
            writer.Write(StunAttributeType.Realm, _realm);
            writer.Write(StunAttributeType.Nonce, _nonce);
#pragma warning disable CA5351 // RFC 8489, 18.5.1: the key of the long-term mechanism.
            writer.WriteIntegrity(new HmacSha1Key(MD5.HashData([.. System.Text.Encoding.UTF8.GetBytes($"{User}:"), .. _realm, .. System.Text.Encoding.UTF8.GetBytes($":{Password}")])));
#pragma warning restore CA5351
        }

        return bytes[..writer.Finish()];
    }

    public static byte[] ChannelData(int payloadLength)
    {
        byte[] message = new byte[4 + payloadLength];
        BinaryPrimitives.WriteUInt16BigEndian(message, Channel);
        BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(2), (ushort)payloadLength);
        return message;
    }

    public byte[] SendIndication(int payloadLength)
    {
        byte[] bytes = new byte[payloadLength + 64];
        StunWriter writer = new(bytes, new StunMessageType(StunMethod.Send, StunClass.Indication), new byte[StunHeader.TransactionIdLength]);
        writer.WriteXorAddress(StunAttributeType.XorPeerAddress, Peer);
        writer.Write(StunAttributeType.Data, new byte[payloadLength]);
        return bytes[..writer.Finish()];
    }

    /// <summary>Sends to the server and waits for its answer, a view of a buffer.</summary>
    public StunReader Ask(byte[] request)
    {
        _client.Send(request);
        int length = _client.Receive(_buffer);
        Assert.True(StunReader.TryParse(_buffer.AsSpan(0, length), out StunReader answer));
        return answer;
    }

    public void Send(byte[] message) => _client.Send(message);

    /// <summary>Sends a message to the server and waits for what its peer gets of it.</summary>
    public int Up(byte[] message)
    {
        _client.Send(message);
        return _peer.Receive(_buffer);
    }

    /// <summary>Sends a payload to the relayed address and waits for what the client gets of it.</summary>
    public int Down(byte[] payload)
    {
        _peer.Send(payload);
        return _client.Receive(_buffer);
    }

    public void Dispose()
    {
        _client.Dispose();
        _peer.Dispose();
    }

    private static Socket NewSocket()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = PatienceMs };
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return socket;
    }
}
