using System.Text;
using V100.Net.Crypto;
using V100.Simulation.World;
using V100.Stun;

namespace V100.Fuzz;

/// <summary>STUN messages of a client that knows its session's password: their integrity holds, and their attributes are anything.</summary>
internal sealed class HostileChecks
{
    private static readonly StunAttributeType[] _types = Enum.GetValues<StunAttributeType>();

    private readonly SimulatedClient _client;
    private readonly Random _random;
    private readonly HmacSha1Key _key;
    private readonly HmacSha256Key _key256;
    private readonly byte[] _buffer = new byte[2000];

    public HostileChecks(SimulatedClient client, Random random)
    {
        _client = client;
        _random = random;
        byte[] password = Encoding.ASCII.GetBytes(client.Answer.Password);
        _key = new HmacSha1Key(password);
        _key256 = new HmacSha256Key(password);
    }

    /// <summary>A check like any client's.</summary>
    public byte[] Plain() => Write(attributes: 0, isRequest: true);

    public byte[] Next() => Write(_random.Next(12), _random.Next(20) > 0);

    private byte[] Write(int attributes, bool isRequest)
    {
        Span<byte> transaction = stackalloc byte[StunHeader.TransactionIdLength];
        _random.NextBytes(transaction);
        var type = isRequest
            ? new StunMessageType(StunMethod.Binding, StunClass.Request)
            : new StunMessageType((StunMethod)_random.Next(16), (StunClass)_random.Next(4));
        var writer = new StunWriter(_buffer, type, transaction);
        writer.Write(StunAttributeType.Username, Encoding.ASCII.GetBytes($"{_client.Answer.Ufrag}:{_client.Ice.Ufrag}"));
        writer.WriteUInt32(StunAttributeType.Priority, (uint)_random.NextInt64(uint.MaxValue));
        for (; attributes > 0; attributes--)
        {
            AddAttribute(ref writer);
        }

        bool signsSha256 = _random.Next(4) == 0;
        if (signsSha256)
        {
            writer.WriteIntegrity(_key256);
        }
        else
        {
            writer.WriteIntegrity(_key);
        }

        if (_random.Next(10) > 0)
        {
            writer.WriteFingerprint();
        }

        return _buffer.AsSpan(0, writer.Finish()).ToArray();
    }

    private void AddAttribute(ref StunWriter writer)
    {
        Span<byte> value = stackalloc byte[_random.Next(8) == 0 ? _random.Next(130) : 4 * _random.Next(6)];
        _random.NextBytes(value);
        StunAttributeType type = _random.Next(3) == 0 ? (StunAttributeType)_random.Next(65536) : _types[_random.Next(_types.Length)];

        // What ends a message's reading stands where it belongs, or every other message would be refused for its form.
        if (type is not (StunAttributeType.Fingerprint or StunAttributeType.MessageIntegrity or StunAttributeType.MessageIntegritySha256))
        {
            writer.Write(type, value);
        }
    }
}
