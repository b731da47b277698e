using System.Text;
using V100.Net;
using V100.Net.Crypto;
using V100.Sfu.Ice;
using V100.Stun;

namespace V100.Sfu.Tests.Ice;

/// <summary>A full agent's checks against a lite agent, in virtual time.</summary>
internal sealed class IceTestPeer : IPacketTransmitter, IDisposable
{
    public const uint Priority = 0x6e00_01ff;

    public static readonly TransportAddress ServerAddress = Address("198.51.100.1:3478");
    public static readonly TransportAddress Home = Address("192.0.2.1:50000");
    public static readonly TransportAddress Mobile = Address("203.0.113.9:40000");

    private readonly byte[] _request = new byte[600];
    private readonly byte[] _transactionId = new byte[StunHeader.TransactionIdLength];

    public IceTestPeer(ulong tieBreaker = 0, IceRole role = IceRole.Controlled)
    {
        Agent = new IceLiteAgent(Credentials, PeerCredentials, tieBreaker, role);
        Output = new TransmitBatch(this, 64);
    }

    public static IceCredentials Credentials { get; } = Make("SrvUfrag", "server-password");
    public static IceCredentials PeerCredentials { get; } = Make("Peer", "peer-password");

    public IceLiteAgent Agent { get; }
    public TransmitBatch Output { get; }

    /// <summary>The USERNAME and key that checks are made with.</summary>
    public IceCredentials Target { get; set; } = Credentials;

    public Instant Now { get; set; } = new(1_000_000_000);

    public static IceCredentials Make(string ufrag, string password)
    {
        Assert.True(IceCredentials.TryCreate(ufrag, password.Replace('-', '/').PadRight(24, 'x'), out IceCredentials made));
        return made;
    }

    public static TransportAddress Address(string text)
    {
        Assert.True(TransportAddress.TryParse(text, out TransportAddress address));
        return address;
    }

    public void Wait(double seconds) => Now += TimeSpan.FromSeconds(seconds);

    /// <summary>A check as browsers send it.</summary>
    public IceCheckOutcome Check(
        TransportAddress from, bool nominate = false, uint priority = Priority, TransportAddress? to = null) =>
        Send(
            (ref StunWriter writer) =>
            {
                writer.Write(StunAttributeType.Username, Encoding.ASCII.GetBytes($"{Target.Ufrag}:Peer"));
                writer.WriteUInt64(StunAttributeType.IceControlling, 77);
                writer.WriteUInt32(StunAttributeType.Priority, priority);
                if (nominate)
                {
                    writer.WriteFlag(StunAttributeType.UseCandidate);
                }

                Sign(ref writer, Target.Password);
            },
            from,
            to ?? ServerAddress);

    /// <summary>Any message, made by <paramref name="write"/>.</summary>
    public IceCheckOutcome Send(WriteAttributes write, TransportAddress? from = null, TransportAddress? to = null, ushort type = 1)
    {
        _transactionId[0]++;
        var writer = new StunWriter(_request, new StunMessageType(type), _transactionId);
        write(ref writer);
        return Handle(_request.AsSpan(0, writer.Finish()), from ?? Home, to ?? ServerAddress);
    }

    public IceCheckOutcome Handle(Span<byte> bytes, TransportAddress from, TransportAddress to)
    {
        Output.Flush();
        Assert.True(StunReader.TryParse(bytes, out StunReader request));
        return Agent.HandleRequest(request, new Datagram(bytes, from, to), Now, Output);
    }

    public static void Sign(ref StunWriter writer, string password)
    {
        writer.WriteIntegrity(new HmacSha1Key(Encoding.ASCII.GetBytes(password)));
        writer.WriteFingerprint();
    }

    /// <summary>The error code of the one answer in the batch, whether it is signed, and that all in it is right.</summary>
    public (StunErrorCode Code, bool Signed) Answer()
    {
        Assert.Equal(1, Output.Count);
        ReadOnlySpan<byte> packet = Output.GetPacket(0, out _, out TransportAddress local);
        Assert.Equal(ServerAddress, local);
        Assert.True(StunReader.TryParse(packet, out StunReader answer));
        Assert.True(StunFingerprint.Verify(answer));
        Assert.Equal(_request.AsSpan(8, 12), answer.TransactionId);
        bool signed = answer.Has(StunAttributeType.MessageIntegrity);
        Assert.Equal(signed, StunIntegrity.Verify(answer, new HmacSha1Key(Encoding.ASCII.GetBytes(Target.Password))));
        bool isError = answer.TryGetErrorCode(out StunErrorCode code);
        Assert.Equal(isError ? StunClass.Error : StunClass.Success, answer.Type.Class);
        return (code, signed);
    }

    /// <summary>Where media go.</summary>
    public TransportAddress Selected
    {
        get
        {
            Agent.TryGetSelected(out TransportAddress remote, out _);
            return remote;
        }
    }

    public void Transmit(TransmitBatch batch)
    {
    }

    public void Dispose() => Output.Dispose();

    public delegate void WriteAttributes(ref StunWriter writer);
}
