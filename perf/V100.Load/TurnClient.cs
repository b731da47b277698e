using System.Diagnostics;
using System.Security.Cryptography;
using V100.Net;
using V100.Net.Crypto;
using V100.Stun;

namespace V100.Load;

/// <summary>Where a client stands; each step but the first two and the last three is a request that waits for its answer.</summary>
internal enum TurnStep
{
    Idle,

    /// <summary>The Allocate without credentials, which brings realm and nonce (RFC 8489, 9.2.3.1).</summary>
    Challenge,
    Allocate,
    Permit,
    Refresh,
    Delete,
    Ready,
    Deleted,
    Failed,
}

/// <summary>What a client's allocation is for.</summary>
internal enum TurnUse
{
    /// <summary>Send and Data indications: it has a permission.</summary>
    Indications,

    /// <summary>ChannelData: its peer has a channel.</summary>
    Channel,

    /// <summary>Nothing: it is made and kept.</summary>
    Held,
}

/// <summary>
/// One allocation of a load: its requests and their answers (RFC 8656), without a socket. It speaks from an address of its own in a /24
/// of its own, as clients all over the world do: what a server limits by address, it does not meet. Of those that are held, up to a hundred share a /24.
/// </summary>
internal sealed class TurnClient
{
    private const int MaxRequestLength = 1024;
    private const uint UdpTransport = 17u << 24;
    private const uint FirstClient = 0x7F40_0001;
    private const uint FirstPeer = 0x7F80_0001;
    private const uint HostsPerNetwork = 250;
    private const ushort FirstChannel = 0x4000;
    private const uint LifetimeSeconds = 600;

    private static readonly TimeSpan _retryInterval = TimeSpan.FromMilliseconds(250);

    private readonly TurnAccount _account;
    private readonly TurnUse _use;
    private readonly uint _network;
    private readonly byte[] _transactionId = new byte[StunHeader.TransactionIdLength];
    private byte[] _nonce = [];
    private uint _allocations;
    private int _retries;

    /// <param name="index">0 to <see cref="MaxCount"/> - 1, or <see cref="MaxHeldCount"/> - 1: which address, and which peer, is its own.</param>
    /// <param name="account">Whose it is.</param>
    /// <param name="use">What it asks for.</param>
    public TurnClient(int index, TurnAccount account, TurnUse use)
    {
        Debug.Assert(index >= 0 && index < (use == TurnUse.Held ? MaxHeldCount : MaxCount));
        _account = account;
        _use = use;
        _network = FirstClient + ((uint)(index % MaxCount) << 8) + (uint)(index / MaxCount);
        Address = TransportAddress.FromIPv4(_network, account.ClientPort);
        Peer = TransportAddress.FromIPv4(FirstPeer + ((uint)(index % MaxCount) << 8), account.PeerPort);
    }

    /// <summary>Addresses of clients and of peers do not meet: 127.64.0.0/10 and 127.128.0.0/10.</summary>
    public const int MaxCount = 10_000;

    /// <summary>Of clients that keep their address.</summary>
    public const int MaxHeldCount = 100 * MaxCount;

    /// <summary>A channel number says nothing beyond its allocation: all use the same.</summary>
    public static ushort Channel => FirstChannel;

    /// <summary>Another one for each allocation: a server may keep the last one's for a while after its end.</summary>
    public TransportAddress Address { get; private set; }

    public TransportAddress Peer { get; }

    /// <summary>What the server gave.</summary>
    public TransportAddress Relayed { get; private set; }

    public TurnStep Step { get; private set; }

    /// <summary>Why it is <see cref="TurnStep.Failed"/>.</summary>
    public string Failure { get; private set; } = "";

    public Instant RetryAt { get; private set; }

    public bool IsWaiting => Step is TurnStep.Challenge or TurnStep.Allocate or TurnStep.Permit or TurnStep.Refresh or TurnStep.Delete;

    /// <summary>The index of the client, or of the peer, with that address.</summary>
    public static int IndexOf(in TransportAddress address) => (int)((address.IPv4 & 0x003F_FFFF) >> 8);

    /// <summary>The index of the client with that address, of those that keep it.</summary>
    public static int HeldIndexOf(in TransportAddress address) => IndexOf(in address) + (MaxCount * (int)((address.IPv4 & 0xFF) - (FirstClient & 0xFF)));

    /// <summary>Sends the first request of an allocation, or that of its end or of its longer life.</summary>
    public void Begin(TurnStep step, TransmitBatch output, Instant now)
    {
        Debug.Assert(step is TurnStep.Challenge or TurnStep.Refresh or TurnStep.Delete);
        if (step == TurnStep.Challenge && _use != TurnUse.Held)
        {
            _allocations = (_allocations + 1) % HostsPerNetwork;
            Address = TransportAddress.FromIPv4(_network + _allocations, _account.ClientPort);
        }

        Enter(step, output, now);
    }

    private void Enter(TurnStep step, TransmitBatch output, Instant now)
    {
        Step = step;
        _retries = 0;
        RandomNumberGenerator.Fill(_transactionId);
        Write(output, now);
    }

    /// <summary>Sends the request again, a bounded number of times.</summary>
    public void Retry(TransmitBatch output, Instant now)
    {
        if (++_retries > 8)
        {
            Fail($"{Step} is not answered");
            return;
        }

        Write(output, now);
    }

    private void Write(TransmitBatch output, Instant now)
    {
        RetryAt = now + _retryInterval;
        StunMethod method = Step switch
        {
            TurnStep.Challenge or TurnStep.Allocate => StunMethod.Allocate,
            TurnStep.Permit => _use == TurnUse.Channel ? StunMethod.ChannelBind : StunMethod.CreatePermission,
            _ => StunMethod.Refresh,
        };
        Span<byte> room = output.Reserve(_account.Server, Address, MaxRequestLength);
        var writer = new StunWriter(room, new StunMessageType(method, StunClass.Request), _transactionId);
        switch (method)
        {
            case StunMethod.Allocate:
                writer.WriteUInt32(StunAttributeType.RequestedTransport, UdpTransport);
                break;
            case StunMethod.Refresh:
                writer.WriteUInt32(StunAttributeType.Lifetime, Step == TurnStep.Delete ? 0 : LifetimeSeconds);
                break;
            default:
                if (_use == TurnUse.Channel)
                {
                    writer.WriteUInt32(StunAttributeType.ChannelNumber, (uint)FirstChannel << 16);
                }

                writer.WriteXorAddress(StunAttributeType.XorPeerAddress, Peer);
                break;
        }

        if (Step != TurnStep.Challenge)
        {
            _account.Seal(ref writer, _nonce);
        }

        output.Commit(writer.Finish());
    }

    /// <summary>Takes an answer of the server and sends what comes next. What is no answer to the last request is ignored.</summary>
    public void HandleAnswer(in StunReader message, TransmitBatch output, Instant now)
    {
        if (!IsWaiting || !message.TransactionId.SequenceEqual(_transactionId) || message.Type.Class is StunClass.Request or StunClass.Indication)
        {
            return;
        }

        if (message.Type.Class == StunClass.Error)
        {
            HandleError(in message, output, now);
            return;
        }

        switch (Step)
        {
            case TurnStep.Allocate when message.TryGetXorAddress(StunAttributeType.XorRelayedAddress, out TransportAddress relayed):
                if (!relayed.IsIPv4 || !System.Net.IPAddress.IsLoopback(relayed.ToIPAddress()))
                {
                    Fail($"the relayed address {relayed} is not one of loopback");
                    break;
                }

                Relayed = relayed;
                if (_use == TurnUse.Held)
                {
                    Step = TurnStep.Ready;
                    break;
                }

                Enter(TurnStep.Permit, output, now);
                break;
            case TurnStep.Permit or TurnStep.Refresh:
                Step = TurnStep.Ready;
                break;
            case TurnStep.Delete:
                Step = TurnStep.Deleted;
                break;
            default:
                Fail($"{Step} has a strange answer");
                break;
        }
    }

    private void HandleError(in StunReader message, TransmitBatch output, Instant now)
    {
        message.TryGetErrorCode(out StunErrorCode code);
        bool isNonce = code == StunErrorCode.StaleNonce || (code == StunErrorCode.Unauthenticated && Step == TurnStep.Challenge);
        if (isNonce && message.TryGet(StunAttributeType.Nonce, out ReadOnlySpan<byte> nonce) && message.TryGet(StunAttributeType.Realm, out ReadOnlySpan<byte> realm))
        {
            _nonce = nonce.ToArray();
            _account.Know(realm);
            Enter(Step == TurnStep.Challenge ? TurnStep.Allocate : Step, output, now);
            return;
        }

        Fail($"{Step} is answered by {(int)code}");
    }

    private void Fail(string why)
    {
        Step = TurnStep.Failed;
        Failure = why;
    }
}

/// <summary>The user and the server of a load, and the key that they share once the server has named its realm.</summary>
internal sealed class TurnAccount(TransportAddress server, string user, string password, ushort clientPort, ushort peerPort)
{
    private readonly byte[] _user = System.Text.Encoding.UTF8.GetBytes(user);
    private byte[] _realm = [];
    private HmacSha1Key? _key;

    public TransportAddress Server => server;
    public ushort ClientPort => clientPort;
    public ushort PeerPort => peerPort;

    public void Know(ReadOnlySpan<byte> realm)
    {
        if (_key is not null && realm.SequenceEqual(_realm))
        {
            return;
        }

        // RFC 8489, 9.2.2.
        _realm = realm.ToArray();
#pragma warning disable CA5351 // The long-term key that every server knows is MD5.
        _key = new HmacSha1Key(MD5.HashData([.. _user, (byte)':', .. realm, (byte)':', .. System.Text.Encoding.UTF8.GetBytes(password)]));
#pragma warning restore CA5351
    }

    public void Seal(ref StunWriter writer, ReadOnlySpan<byte> nonce)
    {
        writer.Write(StunAttributeType.Username, _user);
        writer.Write(StunAttributeType.Realm, _realm);
        writer.Write(StunAttributeType.Nonce, nonce);
        writer.WriteIntegrity(_key!);
    }
}
