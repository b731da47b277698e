using System.Net;
using V100.Net;

namespace V100.Sfu.Sdp;

public enum IceTransport : byte
{
    Udp,
    Tcp,
    Other,
}

public enum IceCandidateType : byte
{
    Host,
    ServerReflexive,
    PeerReflexive,
    Relayed,
    Other,
}

/// <summary>The value of <c>a=candidate</c> (RFC 8839, 5.1).</summary>
/// <param name="Foundation">1 to 32 characters.</param>
/// <param name="Component">1 for RTP, and with rtcp-mux for all.</param>
/// <param name="Transport">UDP or TCP.</param>
/// <param name="Priority">1 to 2^31 - 1.</param>
/// <param name="Host">An address, or a name such as an mDNS one, which is not resolved.</param>
/// <param name="Port">9 for an active TCP candidate.</param>
/// <param name="Type">host, srflx, prflx or relay.</param>
public readonly record struct IceCandidate(
    string Foundation, ushort Component, IceTransport Transport, uint Priority, string Host, ushort Port, IceCandidateType Type)
{
    internal const string Grammar =
        "<foundation> <component> <transport> <priority> <address> <port> typ <host, srflx, prflx or relay>";

    /// <summary>The address where <see cref="Host"/> is one; <c>default</c> where it is a name.</summary>
    public TransportAddress Address => IPAddress.TryParse(Host, out IPAddress? address) ? TransportAddress.From(address, Port) : default;

    /// <summary>A host candidate of this server: UDP, or passive TCP (RFC 6544).</summary>
    /// <param name="index">Its place among the candidates; the first has the highest priority of its protocol.</param>
    /// <param name="address">As clients reach it; its protocol is the candidate's.</param>
    public static IceCandidate ForHost(int index, in TransportAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.WriteIPv6(bytes);
        IPAddress ip = address.IsIPv4 ? new IPAddress(bytes[12..]) : new IPAddress(bytes);

        // RFC 8445, 5.1.1.3: one foundation per base address. 5.1.2.1: (2^24) * type + (2^8) * local + (256 - component).
        uint localPreference = (uint)Math.Max(0, ushort.MaxValue - index);
        IceTransport transport = IceTransport.Udp;
        uint typePreference = 126;
        if (address.Protocol == TransportProtocol.Tcp)
        {
            // RFC 6544, 4.2: below every UDP candidate; the direction preference of passive is 4, in the upper three bits.
            transport = IceTransport.Tcp;
            typePreference = 90;
            localPreference = (4u << 13) | (uint)Math.Max(0, 8191 - index);
        }

        uint priority = (typePreference << 24) | (localPreference << 8) | 255;
        return new IceCandidate($"{index + 1}", 1, transport, priority, ip.ToString(), address.Port, IceCandidateType.Host);
    }

    public static bool TryParse(ReadOnlySpan<char> text, out IceCandidate candidate)
    {
        candidate = default;
        var fields = new SdpFields(text);
        if (!fields.TryNext(out ReadOnlySpan<char> foundation) || foundation.Length > 32 || !IsFoundation(foundation)
            || !fields.TryNextNumber(256, out uint component) || component == 0
            || !fields.TryNext(out ReadOnlySpan<char> transport) || !SdpFields.IsToken(transport)
            || !fields.TryNextNumber(uint.MaxValue, out uint priority)
            || !fields.TryNext(out ReadOnlySpan<char> host) || host.Length > 255
            || !fields.TryNextNumber(ushort.MaxValue, out uint port)
            || !fields.TryNext(out ReadOnlySpan<char> typ) || typ is not "typ"
            || !fields.TryNext(out ReadOnlySpan<char> type) || !SdpFields.IsToken(type))
        {
            return false;
        }

        candidate = new IceCandidate(
            foundation.ToString(), (ushort)component, TransportOf(transport), priority, host.ToString(), (ushort)port, TypeOf(type));
        return true;
    }

    /// <summary>The value that <see cref="TryParse"/> reads. This server's TCP candidates are passive (RFC 6544, 4.5).</summary>
    public override string ToString() =>
        $"{Foundation} {Component} {TransportName} {Priority} {Host} {Port} typ {TypeName}{(Transport == IceTransport.Tcp ? " tcptype passive" : "")}";

    private string TransportName => Transport == IceTransport.Tcp ? "tcp" : "udp";

    private string TypeName => Type switch
    {
        IceCandidateType.ServerReflexive => "srflx",
        IceCandidateType.PeerReflexive => "prflx",
        IceCandidateType.Relayed => "relay",
        _ => "host",
    };

    /// <summary>ice-char of RFC 8839; clients put other characters of a token there as well.</summary>
    private static bool IsFoundation(ReadOnlySpan<char> text) => SdpFields.IsToken(text) || IceGrammar.IsIceCharacters(text);

    private static IceTransport TransportOf(ReadOnlySpan<char> text) =>
        text.Equals("udp", StringComparison.OrdinalIgnoreCase) ? IceTransport.Udp
        : text.Equals("tcp", StringComparison.OrdinalIgnoreCase) ? IceTransport.Tcp
        : IceTransport.Other;

    private static IceCandidateType TypeOf(ReadOnlySpan<char> text) => text switch
    {
        "host" => IceCandidateType.Host,
        "srflx" => IceCandidateType.ServerReflexive,
        "prflx" => IceCandidateType.PeerReflexive,
        "relay" => IceCandidateType.Relayed,
        _ => IceCandidateType.Other,
    };
}
