using System.Buffers.Binary;
using V100.Net;

namespace V100.Stun.Tests;

/// <summary>Messages built byte by byte, independent of <see cref="StunWriter"/>.</summary>
internal static class RawMessage
{
    public const string TransactionId = "0102030405060708090a0b0c";

    public static readonly TransportAddress IPv4Client = TransportAddress.FromIPv4(0xC000_0201, 32853);

    /// <summary>A message of this type with these attributes, given as hex with their headers and padding.</summary>
    public static byte[] Make(string type, params string[] attributes)
    {
        byte[] body = Convert.FromHexString(string.Concat(attributes));
        byte[] message = [.. Convert.FromHexString(type + "00002112a442" + TransactionId), .. body];
        BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(2), (ushort)body.Length);
        return message;
    }

    public static byte[] Respond(byte[] request) => Respond(request, IPv4Client);

    public static byte[] Respond(byte[] request, TransportAddress remote)
    {
        var response = new byte[BindingServer.MaxResponseLength];
        response.AsSpan().Fill(0xEE);
        int length = BindingServer.Respond(new Datagram(request, remote, default), response);
        return response[..length];
    }

    public static byte[] Hex(string text) => Convert.FromHexString(text.Replace(" ", "", StringComparison.Ordinal).ReplaceLineEndings(""));
}
