using System.Diagnostics;
using V100.Net;

namespace V100.Stun;

/// <summary>
/// Answers Binding requests without state and without credentials (RFC 8489, 6.3 and 12): it tells the sender its address.
/// </summary>
/// <remarks>
/// Requests that belong to an ICE agent (they carry a USERNAME that the directory knows) go to that agent and not here.
/// An answer carries what the RFC requires and no more: an answer to a request of 20 bytes has 32 bytes for IPv4 and 44
/// for IPv6, so that it is of no use for amplification.
/// </remarks>
public static class BindingServer
{
    /// <summary>Room that is enough for every answer.</summary>
    public const int MaxResponseLength =
        StunHeader.Length + 8 + 4 + (StunReader.MaxUnknownRequired + 1) * 2 + 2 + 3 * (4 + StunAddress.IPv6Length) + 8;

    /// <summary>Writes the answer and returns its length; 0 means silence.</summary>
    /// <param name="request">A datagram of the kind <see cref="PacketKind.Stun"/>.</param>
    /// <param name="response">At least <see cref="MaxResponseLength"/> bytes.</param>
    public static int Respond(in Datagram request, Span<byte> response) =>
        StunReader.TryParse(request.Bytes, out StunReader message) ? Respond(message, request.Remote, response) : 0;

    /// <summary>The same for a message that is parsed already, over any transport.</summary>
    public static int Respond(in StunReader request, in TransportAddress remote, Span<byte> response) =>
        Respond(in request, remote, default, null, response, out _);

    /// <summary>The same with the NAT behaviour discovery of RFC 5780.</summary>
    /// <param name="request">A parsed message.</param>
    /// <param name="remote">Where it came from.</param>
    /// <param name="local">Where it came to.</param>
    /// <param name="discovery">The server's two addresses; null refuses CHANGE-REQUEST, as over every transport but UDP.</param>
    /// <param name="response">At least <see cref="MaxResponseLength"/> bytes.</param>
    /// <param name="source">The address that the answer must be sent from.</param>
    public static int Respond(
        in StunReader request, in TransportAddress remote, in TransportAddress local, NatDiscovery? discovery, Span<byte> response, out TransportAddress source)
    {
        Debug.Assert(response.Length >= MaxResponseLength);
        source = local;

        // RFC 8489, 6.3: answers are for requests; 6.3.2: an indication has none, also with unknown attributes in it.
        if (request.Type != new StunMessageType(StunMethod.Binding, StunClass.Request))
        {
            return 0;
        }

        // RFC 8489, 6.3 and 7: a message with a wrong fingerprint is no STUN message.
        bool fingerprint = request.Has(StunAttributeType.Fingerprint);
        if (fingerprint && !StunFingerprint.Verify(request))
        {
            return 0;
        }

        TransportAddress other = default;
        bool canChange = discovery is not null && discovery.TryGetOther(local, out other);
        bool refusesChange = !canChange && request.Has(StunAttributeType.ChangeRequest);
        StunWriter writer;
        if (refusesChange || !request.UnknownRequired.IsEmpty)
        {
            // RFC 8489, 6.3.1.
            writer = StunWriter.Answer(response, request, StunClass.Error);
            writer.WriteErrorCode(StunErrorCode.UnknownAttribute);
            writer.WriteUnknownAttributes(request.UnknownRequired, refusesChange ? StunAttributeType.ChangeRequest : default);
        }
        else
        {
            // RFC 8489, 6.3.1.1.
            writer = StunWriter.Answer(response, request, StunClass.Success);
            writer.WriteXorAddress(StunAttributeType.XorMappedAddress, remote);
            if (canChange)
            {
                // RFC 5780, 6.1.
                source = NatDiscovery.SourceOf(request, local, other);
                writer.WriteAddress(StunAttributeType.ResponseOrigin, source);
                writer.WriteAddress(StunAttributeType.OtherAddress, other);
            }
        }

        if (fingerprint)
        {
            // RFC 8489, 7: whoever sends the fingerprint tells protocols apart by it.
            writer.WriteFingerprint();
        }

        return writer.Finish();
    }
}
