using System.Diagnostics.CodeAnalysis;
using System.Text;
using V100.Net;

namespace V100.Sfu.Sdp;

/// <summary>
/// A part of a description that carries ICE alone: <c>application/trickle-ice-sdpfrag</c> (RFC 8840, 9), with which WHIP
/// clients trickle candidates and restart ICE (RFC 9725, 4.3). Never throws on any text.
/// </summary>
public sealed class SdpFragment
{
    /// <summary>The client's credentials, null where the fragment has none; of the first section that has them.</summary>
    public string? IceUfrag { get; private set; }
    public string? IcePassword { get; private set; }

    /// <summary>Of the first section that has one; null for none.</summary>
    public string? Mid { get; private set; }

    /// <summary>Of all sections, at most <see cref="SdpLimits.MaxCandidatesPerFragment"/>.</summary>
    public IReadOnlyList<IceCandidate> Candidates => _candidates;

    public bool HasEndOfCandidates { get; private set; }

    private readonly List<IceCandidate> _candidates = [];

    public static bool TryParse(string text, [NotNullWhen(true)] out SdpFragment? fragment, out SdpError error)
    {
        fragment = null;
        if (!SdpLines.TryCheckLength(text, out error))
        {
            return false;
        }

        var read = new SdpFragment();
        var lines = new SdpLines(text);
        var session = new SessionDescription();
        MediaDescription? media = null;
        while (lines.TryNext(out ReadOnlySpan<char> line))
        {
            if (!lines.TryCheck(line, out error) || !TryReadLine(line, lines.Number, session, ref media, out error))
            {
                return false;
            }
        }

        if (!read.TryReadAttributes(session.Attributes, out error))
        {
            return false;
        }

        foreach (MediaDescription section in session.Media)
        {
            if (!read.TryReadAttributes(section.Attributes, out error))
            {
                return false;
            }
        }

        fragment = read;
        return true;
    }

    /// <summary>The answer to an ICE restart: this server's new credentials with its candidates (RFC 9725, 4.3.3).</summary>
    public static string WriteRestart(
        NegotiatedSession session, string iceUfrag, string icePassword, IReadOnlyList<TransportAddress> candidates)
    {
        MediaSection transport = session.TransportSection;
        string group = $"BUNDLE {transport.Mid}";
        foreach (MediaSection section in session.Sections)
        {
            group += section.IsRejected || section == transport ? "" : $" {section.Mid}";
        }

        var attributes = new List<SdpAttribute> { new("ice-lite"), new("ice-options", "trickle ice2") };
        if (session.IsBundled)
        {
            attributes.Add(new SdpAttribute("group", group));
        }

        string kind = transport.Kind == MediaKind.Video ? "video" : "audio";
        var media = new MediaDescription { Media = kind, Protocol = "UDP/TLS/RTP/SAVPF", Port = 9 };
        media.Formats.Add($"{transport.Codecs[0].PayloadType}");
        if (transport.Mid.Length > 0)
        {
            media.Add("mid", transport.Mid);
        }

        media.Add("ice-ufrag", iceUfrag);
        media.Add("ice-pwd", icePassword);
        for (int i = 0; i < candidates.Count; i++)
        {
            media.Add("candidate", IceCandidate.ForHost(i, candidates[i]).ToString());
        }

        media.Add("end-of-candidates");
        var text = new StringBuilder(512);
        SdpWriter.WriteAttributes(text, attributes);
        SdpWriter.WriteMedia(text, media);
        return text.ToString();
    }

    private static bool TryReadLine(
        ReadOnlySpan<char> line, int number, SessionDescription session, ref MediaDescription? media, out SdpError error)
    {
        switch (line[0])
        {
            case 'm':
                return SdpReader.TryReadMedia(line, number, session, out media, out error);
            case 'a':
                return SdpReader.TryReadAttribute(line, number, media is null ? session.Attributes : media.Attributes, out error);
            default:
                // RFC 8840, 9.2: a fragment is made of attributes and pseudo m= lines.
                error = SdpError.Malformed(number, line, "an a= or m= line");
                return false;
        }
    }

    private bool TryReadAttributes(List<SdpAttribute> attributes, out SdpError error)
    {
        var transport = new TransportAttributes();
        error = default;
        foreach (SdpAttribute attribute in attributes)
        {
            switch (attribute.Name)
            {
                case "ice-ufrag" or "ice-pwd":
                    if (!transport.TryRead(attribute, out error))
                    {
                        return false;
                    }

                    break;
                case "mid":
                    if (!SdpFields.IsToken(attribute.Value))
                    {
                        error = SdpError.Malformed(attribute, "a mid that is a token");
                        return false;
                    }

                    Mid ??= attribute.Value;
                    break;
                case "candidate":
                    if (!TryAddCandidate(attribute, out error))
                    {
                        return false;
                    }

                    break;
                case "end-of-candidates":
                    HasEndOfCandidates = true;
                    break;
            }
        }

        IceUfrag ??= transport.IceUfrag;
        IcePassword ??= transport.IcePassword;
        return true;
    }

    private bool TryAddCandidate(in SdpAttribute attribute, out SdpError error)
    {
        bool room = _candidates.Count < SdpLimits.MaxCandidatesPerFragment;
        if (!room || !IceCandidate.TryParse(attribute.Value, out IceCandidate candidate))
        {
            string bound = $"at most {SdpLimits.MaxCandidatesPerFragment} candidates in one fragment";
            error = SdpError.Malformed(attribute, room ? IceCandidate.Grammar : bound);
            return false;
        }

        _candidates.Add(candidate);
        error = default;
        return true;
    }
}
