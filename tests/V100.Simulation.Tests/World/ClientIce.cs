using System.Text;
using V100.Net;
using V100.Net.Crypto;
using V100.Stun;

namespace V100.Simulation.World;

/// <summary>A controlling ICE agent with one pair: it checks, nominates what was answered, and then asks for consent as browsers do.</summary>
internal sealed class ClientIce(Random random)
{
    private static readonly TimeSpan _checkInterval = TimeSpan.FromMilliseconds(50);

    private readonly byte[] _buffer = new byte[256];
    private readonly HashSet<UInt128> _transactions = [];
    private readonly ulong _tieBreaker = (ulong)random.NextInt64();
    private HmacSha1Key _serverKey = null!;
    private string _username = "";
    private Instant _nextCheck = Instant.Never;

    public string Ufrag { get; private set; } = "";
    public string Password { get; private set; } = "";
    public Instant NextDeadline => _nextCheck;

    /// <summary>A check was answered with the right signature.</summary>
    public bool IsValid { get; private set; }
    public bool IsNominated { get; private set; }
    public int Answered { get; private set; }

    /// <summary>The client is gone: no more checks.</summary>
    public void Stop() => _nextCheck = Instant.Never;

    public void CreateCredentials()
    {
        Ufrag = RandomText(4);
        Password = RandomText(24);
    }

    public void Start(string serverUfrag, string serverPassword, Instant now)
    {
        _serverKey = new HmacSha1Key(Encoding.ASCII.GetBytes(serverPassword));
        _username = $"{serverUfrag}:{Ufrag}";
        CheckAnew(now);
    }

    /// <summary>The pair has changed: new checks at once.</summary>
    public void CheckAnew(Instant now)
    {
        _transactions.Clear();
        IsValid = IsNominated = false;
        _nextCheck = now;
    }

    public ReadOnlySpan<byte> WriteCheck(Instant now)
    {
        Span<byte> transaction = stackalloc byte[StunHeader.TransactionIdLength];
        random.NextBytes(transaction);
        _transactions.Add(KeyOf(transaction));
        var writer = new StunWriter(_buffer, new StunMessageType(StunMethod.Binding, StunClass.Request), transaction);
        writer.Write(StunAttributeType.Username, Encoding.ASCII.GetBytes(_username));
        writer.WriteUInt64(StunAttributeType.IceControlling, _tieBreaker);
        writer.WriteUInt32(StunAttributeType.Priority, 1853824767);
        if (IsValid)
        {
            writer.WriteFlag(StunAttributeType.UseCandidate);
        }

        writer.WriteIntegrity(_serverKey);
        writer.WriteFingerprint();
        _nextCheck = now + (IsNominated ? TimeSpan.FromSeconds(2.5 + 2.5 * random.NextDouble()) : _checkInterval);
        return _buffer.AsSpan(0, writer.Finish());
    }

    public void HandleResponse(ReadOnlySpan<byte> bytes, in TransportAddress self, Instant now)
    {
        if (!StunReader.TryParse(bytes, out StunReader response) || !_transactions.Remove(KeyOf(response.TransactionId)))
        {
            return;
        }

        Assert.True(StunFingerprint.Verify(response));
        Assert.True(StunIntegrity.Verify(response, _serverKey));
        Assert.Equal(StunClass.Success, response.Type.Class);
        Assert.True(response.TryGetXorAddress(StunAttributeType.XorMappedAddress, out TransportAddress mapped));
        Assert.Equal(self, mapped);
        Answered++;
        if (!IsValid)
        {
            IsValid = true;
            _nextCheck = now;
        }
        else if (!IsNominated)
        {
            IsNominated = true;
            _nextCheck = now + TimeSpan.FromSeconds(2.5);
        }
    }

    private static UInt128 KeyOf(ReadOnlySpan<byte> transaction) =>
        new(BitConverter.ToUInt64(transaction), BitConverter.ToUInt32(transaction[8..]));

    private string RandomText(int length) =>
        string.Create(length, random, (characters, source) => source.GetItems("abcdefghijkmnpqrstuvwxyzABCDEFGH23456789+/", characters));
}
