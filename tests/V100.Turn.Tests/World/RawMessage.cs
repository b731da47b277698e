using System.Buffers.Binary;
using System.Net;
using System.Security.Cryptography;

namespace V100.Turn.Tests.World;

/// <summary>A STUN message as bytes, built and read without the server's code.</summary>
internal sealed class RawMessage
{
    private const uint Cookie = 0x2112_A442;
    private readonly List<byte> _bytes = [];

    public RawMessage(ushort type, byte[]? transactionId = null)
    {
        _bytes.AddRange([(byte)(type >> 8), (byte)type, 0, 0, 0x21, 0x12, 0xA4, 0x42]);
        _bytes.AddRange(transactionId ?? RandomNumberGenerator.GetBytes(12));
    }

    private RawMessage(ReadOnlySpan<byte> bytes) => _bytes.AddRange(bytes);

    public byte[] Bytes => [.. _bytes];

    public ushort Type => BinaryPrimitives.ReadUInt16BigEndian(Bytes);

    public byte[] TransactionId => Bytes[8..20];

    /// <summary>Reads a message that must be well-formed, with zeros for padding.</summary>
    public static RawMessage Parse(ReadOnlySpan<byte> bytes)
    {
        Assert.True(bytes.Length >= 20 && (bytes.Length & 3) == 0);
        Assert.Equal(bytes.Length - 20, BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]));
        Assert.Equal(Cookie, BinaryPrimitives.ReadUInt32BigEndian(bytes[4..]));
        var message = new RawMessage(bytes);
        foreach ((_, byte[] value, int offset) in message.Walk())
        {
            Assert.True(bytes[(offset + value.Length)..(offset + (value.Length + 3 & ~3))].IndexOfAnyExcept((byte)0) < 0);
        }

        return message;
    }

    public RawMessage Add(ushort type, params byte[] value)
    {
        _bytes.AddRange([(byte)(type >> 8), (byte)type, (byte)(value.Length >> 8), (byte)value.Length]);
        _bytes.AddRange(value);
        _bytes.AddRange(new byte[-value.Length & 3]);
        return SetLength(_bytes.Count - 20);
    }

    public RawMessage AddUInt32(ushort type, uint value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        return Add(type, bytes);
    }

    public RawMessage AddXorAddress(ushort type, string address) => Add(type, Xor(IPEndPoint.Parse(address)));

    public RawMessage AddIntegrity(byte[] key)
    {
        SetLength(_bytes.Count - 20 + 24);
        return Add(Wire.MessageIntegrity, HMACSHA1.HashData(key, Bytes));
    }

    public RawMessage AddIntegritySha256(byte[] key, int length = 32)
    {
        SetLength(_bytes.Count - 20 + 4 + length);
        return Add(Wire.MessageIntegritySha256, HMACSHA256.HashData(key, Bytes)[..length]);
    }

    public RawMessage AddFingerprint()
    {
        SetLength(_bytes.Count - 20 + 8);
        uint crc = uint.MaxValue;
        foreach (byte value in _bytes)
        {
            crc ^= value;
            for (int bit = 0; bit < 8; bit++)
            {
                crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xEDB8_8320 : 0);
            }
        }

        return AddUInt32(Wire.Fingerprint, ~crc ^ 0x5354_554E);
    }

    /// <summary>Whether it ends with the right fingerprint.</summary>
    public bool HasFingerprint()
    {
        var before = new RawMessage(Bytes.AsSpan()[..^8]);
        return Has(Wire.Fingerprint) && before.AddFingerprint().Bytes.SequenceEqual(Bytes);
    }

    public bool Has(ushort type) => Walk().Any(attribute => attribute.Type == type);

    /// <summary>All values of a type, in their order.</summary>
    public byte[][] All(ushort type) => [.. Walk().Where(attribute => attribute.Type == type).Select(attribute => attribute.Value)];

    public byte[] Get(ushort type) => Assert.Single(All(type));

    public uint GetUInt32(ushort type) => BinaryPrimitives.ReadUInt32BigEndian(Get(type));

    /// <summary>The error's code, or 0 for a message without one.</summary>
    public int Error => All(Wire.ErrorCode) is [byte[] value] ? value[2] * 100 + value[3] : 0;

    public string Address(ushort type) => Assert.Single(Addresses(type));

    /// <summary>As text, in the order of the message.</summary>
    public string[] Addresses(ushort type) => [.. All(type).Select(value => Unmix(value, type is Wire.AlternateServer or Wire.ResponseOrigin or Wire.OtherAddress))];

    /// <summary>Whether it ends with exactly this integrity, made with this key.</summary>
    public bool IsSealed(byte[] key, bool sha256)
    {
        (ushort wanted, ushort other) = sha256 ? (Wire.MessageIntegritySha256, Wire.MessageIntegrity) : (Wire.MessageIntegrity, Wire.MessageIntegritySha256);
        if (!Has(wanted) || Has(other))
        {
            return false;
        }

        (_, byte[] value, int offset) = Walk().First(attribute => attribute.Type == wanted);
        byte[] before = Bytes[..(offset - 4)];
        BinaryPrimitives.WriteUInt16BigEndian(before.AsSpan(2), (ushort)(offset + value.Length - 20));
        return value.SequenceEqual(sha256 ? HMACSHA256.HashData(key, before) : HMACSHA1.HashData(key, before));
    }

    private IEnumerable<(ushort Type, byte[] Value, int Offset)> Walk()
    {
        byte[] bytes = Bytes;
        for (int position = 20; position < bytes.Length;)
        {
            ushort type = BinaryPrimitives.ReadUInt16BigEndian(bytes.AsSpan(position));
            int length = BinaryPrimitives.ReadUInt16BigEndian(bytes.AsSpan(position + 2));
            yield return (type, bytes[(position + 4)..(position + 4 + length)], position + 4);
            position += 4 + (length + 3 & ~3);
        }
    }

    private RawMessage SetLength(int length)
    {
        _bytes[2] = (byte)(length >> 8);
        _bytes[3] = (byte)length;
        return this;
    }

    private byte[] Xor(IPEndPoint endPoint)
    {
        byte[] address = endPoint.Address.GetAddressBytes();
        byte[] mask = [0x21, 0x12, 0xA4, 0x42, .. TransactionId];
        int port = endPoint.Port ^ 0x2112;
        return [0, (byte)(address.Length == 4 ? 1 : 2), (byte)(port >> 8), (byte)port, .. address.Select((value, i) => (byte)(value ^ mask[i]))];
    }

    private string Unmix(byte[] value, bool plain)
    {
        byte[] mask = plain ? new byte[16] : [0x21, 0x12, 0xA4, 0x42, .. TransactionId];
        int port = (value[2] << 8 | value[3]) ^ (plain ? 0 : 0x2112);
        Assert.Equal(value[1] == 1 ? 8 : 20, value.Length);
        return new IPEndPoint(new IPAddress([.. value[4..].Select((part, i) => (byte)(part ^ mask[i]))]), port).ToString();
    }
}
