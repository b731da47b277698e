using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using V100.Net.Crypto;

namespace V100.Sfu.Sdp;

/// <summary>
/// Answers a WebRTC offer (RFC 8829, RFC 3264, RFC 8843). Never throws on any offer. Sections that cannot be used are
/// rejected in the answer; only an offer that is malformed, or leaves nothing to send or receive, is refused as a whole.
/// </summary>
public static class OfferAnswer
{
    public static bool TryAnswer(
        string offer, AnswerParameters parameters, [NotNullWhen(true)] out NegotiatedSession? session, out SdpError error)
    {
        session = null;
        if (!SdpReader.TryRead(offer, out SessionDescription? description, out error)
            || !SessionOffer.TryRead(description, out SessionOffer? sessionOffer, out error)
            || !TryNegotiateSections(sessionOffer, parameters.Role, out MediaSection[] sections, out error)
            || !TryBundle(sessionOffer, sections, parameters.Role, out int[] bundle, out bool isBundled, out error))
        {
            return false;
        }

        MediaSection transport = sections[bundle[0]];
        if (!TryReadTransport(sessionOffer, sections, transport, isBundled, out session, out error))
        {
            return false;
        }

        foreach (MediaSection section in sections)
        {
            if (section.IsSent)
            {
                Debug.Assert(parameters.AllocateSender is not null, "a subscriber needs streams");
                section.Sender = parameters.AllocateSender!(section);
            }
        }

        session.AnswerText = SdpWriter.Write(AnswerDescription.Create(description, sessionOffer, session, bundle, parameters));
        return true;
    }

    private static bool TryNegotiateSections(SessionOffer offer, SessionRole role, out MediaSection[] sections, out SdpError error)
    {
        sections = new MediaSection[offer.Sections.Count];
        error = default;
        MediaDirection direction = offer.Transport.ClientDirection ?? MediaDirection.SendReceive;
        for (int i = 0; i < sections.Length; i++)
        {
            if (!SectionNegotiation.TryNegotiate(
                offer.Sections[i], i, direction, offer.Transport.AllowsMixedExtensions, role, out sections[i], out error))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>
    /// Keeps the sections of the first BUNDLE group that is of use, or without one the first section that is, and rejects all
    /// others, since the session has one transport.
    /// The first index of the result is the section that carries it.
    /// </summary>
    private static bool TryBundle(
        SessionOffer offer, MediaSection[] sections, SessionRole role, out int[] bundle, out bool isBundled, out SdpError error)
    {
        int[]? group = offer.Bundles.Find(indices => Array.Exists(indices, index => sections[index].Direction != MediaDirection.Inactive));
        int single = Array.FindIndex(sections, section => section.Direction != MediaDirection.Inactive);
        isBundled = group is not null;
        if (group is null && single < 0)
        {
            bundle = [];
            error = NothingUsable(sections, role);
            return false;
        }

        group ??= [single];
        string outside = isBundled
            ? "it is not in the BUNDLE group of the accepted sections"
            : "without BUNDLE, one section alone is accepted";
        foreach (MediaSection section in sections)
        {
            if (!section.IsRejected && Array.IndexOf(group, section.Index) < 0)
            {
                SectionNegotiation.Reject(section, outside);
            }
        }

        // RFC 8843, 7.3.3: a rejected section leaves the group.
        var kept = new List<int>(Array.FindAll(group, index => !sections[index].IsRejected));

        // RFC 8843, 7.3.1: the first section of the group that is accepted and has a port of its own carries the transport.
        // If none has, a bundle-only one does (DEVIATIONS.md, "Transport of a bundle-only section").
        int tagged = kept.Find(index => offer.Sections[index].Description.Port != 0 && !offer.Sections[index].IsBundleOnly, kept[0]);
        kept.Remove(tagged);
        kept.Insert(0, tagged);
        bundle = [.. kept];
        error = default;
        return true;
    }

    private static int Find(this List<int> indices, Predicate<int> match, int otherwise)
    {
        int found = indices.FindIndex(match);
        return found < 0 ? otherwise : indices[found];
    }

    private static SdpError NothingUsable(MediaSection[] sections, SessionRole role)
    {
        (string wanted, string lacking) = role switch
        {
            SessionRole.Publish => ("an audio or video section that sends (a=sendonly or a=sendrecv)", "it does not send"),
            SessionRole.Subscribe => ("an audio or video section that receives (a=recvonly or a=sendrecv)", "it does not receive"),
            _ => ("an audio or video section that sends or receives", "it is inactive"),
        };
        string message = $"The offer needs {wanted}.";
        foreach (MediaSection section in sections)
        {
            string reason = section.RejectReason ?? lacking;
            message += $" Section {section.Index + 1} (line {section.OfferLine}): {reason}.";
        }

        return SdpError.NotAcceptable(0, sections.Length == 0 ? message + " It has no section." : message);
    }

    private static bool TryReadTransport(
        SessionOffer offer,
        MediaSection[] sections,
        MediaSection transport,
        bool isBundled,
        [NotNullWhen(true)] out NegotiatedSession? session,
        out SdpError error)
    {
        session = null;
        TransportAttributes own = offer.Sections[transport.Index].Transport;
        TransportAttributes shared = offer.Transport;
        string? ufrag = own.IceUfrag ?? shared.IceUfrag;
        string? password = own.IcePassword ?? shared.IcePassword;
        byte[]? fingerprint = own.Fingerprint ?? (own.OtherHash is null ? shared.Fingerprint : null);
        DtlsSetup setup = own.Setup ?? shared.Setup ?? DtlsSetup.Active;

        if (ufrag is null || password is null)
        {
            // RFC 8839, 5.4: required, in the section or at session level.
            error = Missing(transport, ufrag is null ? "a=ice-ufrag" : "a=ice-pwd");
            return false;
        }

        if (fingerprint is null)
        {
            string? hash = own.OtherHash ?? shared.OtherHash;
            error = hash is null
                ? Missing(transport, "a=fingerprint")
                : SdpError.NotAcceptable(
                    own.OtherHash is null ? shared.OtherHashLine : own.OtherHashLine,
                    $"the fingerprint is made with {SdpError.Quote(hash)}; only sha-256 is accepted.");
            return false;
        }

        if (setup == DtlsSetup.HoldConn)
        {
            error = SdpError.NotAcceptable(
                own.Setup is null ? shared.SetupLine : own.SetupLine,
                "a=setup:holdconn opens no connection; actpass, active or passive is needed.");
            return false;
        }

        error = default;
        session = new NegotiatedSession(sections)
        {
            RemoteIceUfrag = ufrag,
            RemoteIcePassword = password,
            RemoteFingerprint = fingerprint,

            // RFC 8842, 5.3: passive answers actpass, since an ICE-lite server waits for the client's first check anyway.
            DtlsRole = setup == DtlsSetup.Passive ? DtlsRole.Client : DtlsRole.Server,
            TransportSection = transport,
            IsBundled = isBundled,
        };
        return true;
    }

    private static SdpError Missing(MediaSection section, string attribute) => SdpError.Malformed(
        section.OfferLine, $"section {section.Index + 1} without {attribute}", $"{attribute} in it or at session level");
}
