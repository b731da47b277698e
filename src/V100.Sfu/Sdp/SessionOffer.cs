using System.Diagnostics.CodeAnalysis;

namespace V100.Sfu.Sdp;

/// <summary>An offer with its attributes read: the sections, what stands at session level, and which sections the client bundles.</summary>
internal sealed class SessionOffer
{
    public List<MediaOffer> Sections { get; } = [];

    public TransportAttributes Transport { get; } = new();

    /// <summary>The BUNDLE groups (RFC 8843, 7.2), each as the indices of its sections.</summary>
    public List<int[]> Bundles { get; } = [];

    public static bool TryRead(SessionDescription description, [NotNullWhen(true)] out SessionOffer? offer, out SdpError error)
    {
        offer = null;
        error = default;
        var session = new SessionOffer();
        foreach (SdpAttribute attribute in description.Attributes)
        {
            if (!session.Transport.TryRead(attribute, out error))
            {
                return false;
            }
        }

        var mids = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (MediaDescription media in description.Media)
        {
            if (!MediaOffer.TryRead(media, out MediaOffer? section, out error))
            {
                return false;
            }

            // RFC 5888, 4: identification tags are unique within the description.
            if (section.Mid.Length > 0 && !mids.TryAdd(section.Mid, session.Sections.Count))
            {
                error = SdpError.Malformed(media.Line, $"a=mid:{section.Mid}", "a mid that no other section has");
                return false;
            }

            session.Sections.Add(section);
        }

        if (!session.TryReadGroups(description, mids, out error) || !session.TryInheritExtensions(description, out error))
        {
            return false;
        }

        offer = session;
        return true;
    }

    private bool TryReadGroups(SessionDescription description, Dictionary<string, int> mids, out SdpError error)
    {
        error = default;
        var grouped = new HashSet<string>(StringComparer.Ordinal);
        int groups = 0;
        foreach (SdpAttribute attribute in description.Attributes)
        {
            if (attribute.Name != "group")
            {
                continue;
            }

            var fields = new SdpFields(attribute.Value);
            if (!fields.TryNext(out ReadOnlySpan<char> semantics) || ++groups > SdpLimits.MaxGroups)
            {
                error = SdpError.Malformed(attribute, $"a=group:<semantics> <mid> ..., at most {SdpLimits.MaxGroups} of them");
                return false;
            }

            var sections = new List<int>();
            while (semantics is "BUNDLE" && fields.TryNext(out ReadOnlySpan<char> field))
            {
                // RFC 8843, 7.1: each tag belongs to a section of the description, and to one group.
                string mid = field.ToString();
                if (!mids.TryGetValue(mid, out int index) || !grouped.Add(mid))
                {
                    error = SdpError.Malformed(attribute, $"mids of sections in this description, each once (not {SdpError.Quote(mid)})");
                    return false;
                }

                sections.Add(index);
            }

            if (sections.Count > 0)
            {
                Bundles.Add([.. sections]);
            }
        }

        return true;
    }

    private bool TryInheritExtensions(SessionDescription description, out SdpError error)
    {
        error = default;
        foreach (SdpAttribute attribute in description.Attributes)
        {
            if (attribute.Name != "extmap")
            {
                continue;
            }

            if (!OfferedExtension.TryRead(attribute, out _, out OfferedExtension? extension, out error))
            {
                return false;
            }

            foreach (MediaOffer section in Sections)
            {
                if (extension is { } known && section.Extensions.Count < SdpLimits.MaxHeaderExtensionsPerSection)
                {
                    section.Inherit(known);
                }
            }
        }

        return true;
    }
}
