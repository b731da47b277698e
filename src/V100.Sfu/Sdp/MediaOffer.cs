using System.Diagnostics.CodeAnalysis;

namespace V100.Sfu.Sdp;

/// <summary>One section of an offer with its attributes read. What is not used is not kept.</summary>
internal sealed class MediaOffer
{
    private readonly OfferedCodec?[] _byPayloadType = new OfferedCodec?[128];

    private MediaOffer(MediaDescription description)
    {
        Description = description;
        Kind = description.Media switch
        {
            "audio" => MediaKind.Audio,
            "video" => MediaKind.Video,
            _ => MediaKind.Other,
        };
    }

    public MediaDescription Description { get; }
    public MediaKind Kind { get; }
    public TransportAttributes Transport { get; } = new();
    public RemoteStreamTable Streams { get; } = new();
    public SimulcastOffer Simulcast { get; } = new();
    public List<OfferedExtension> Extensions { get; } = [];

    /// <summary>In the order of the <c>m=</c> line. Empty for what is not audio or video over RTP.</summary>
    public List<OfferedCodec> Codecs { get; } = [];

    /// <summary>Empty where there is none.</summary>
    public string Mid { get; private set; } = "";

    public string? Msid { get; private set; }
    public bool IsBundleOnly { get; private set; }
    public bool HasRtcpMux { get; private set; }
    public bool HasReducedSizeRtcp { get; private set; }

    /// <summary>RFC 8829, 5.1.2: the profiles that a WebRTC answerer takes, all to be run over DTLS-SRTP.</summary>
    public bool IsRtp => Kind != MediaKind.Other && Description.Protocol is "UDP/TLS/RTP/SAVPF" or "UDP/TLS/RTP/SAVP"
        or "TCP/DTLS/RTP/SAVPF" or "TCP/DTLS/RTP/SAVP" or "RTP/SAVPF" or "RTP/SAVP" or "RTP/AVPF" or "RTP/AVP";

    public OfferedCodec? FindCodec(uint payloadType) => payloadType < _byPayloadType.Length ? _byPayloadType[payloadType] : null;

    public static bool TryRead(MediaDescription description, [NotNullWhen(true)] out MediaOffer? offer, out SdpError error)
    {
        offer = null;
        var media = new MediaOffer(description);
        if (media.IsRtp && !media.TryReadPayloadTypes(out error))
        {
            return false;
        }

        var usedExtensionIds = new HashSet<uint>();
        foreach (SdpAttribute attribute in description.Attributes)
        {
            bool read = attribute.Name switch
            {
                "rtpmap" or "fmtp" or "rtcp-fb" => media.TryReadCodecAttribute(attribute, out error),
                "extmap" => media.TryReadExtension(attribute, usedExtensionIds, out error),
                "ssrc" => media.Streams.TryReadSsrc(attribute, out error),
                "ssrc-group" => media.Streams.TryReadGroup(attribute, out error),
                "rid" => media.Simulcast.TryReadRid(attribute, out error),
                "simulcast" => media.Simulcast.TryReadSimulcast(attribute, out error),
                _ => media.Transport.TryRead(attribute, out error) && media.TryReadProperty(attribute, out error),
            };
            if (!read)
            {
                return false;
            }
        }

        offer = media;
        error = default;
        return true;
    }

    /// <summary>Adds a session-level <c>a=extmap</c> (RFC 8285, 5) that the section does not override.</summary>
    public void Inherit(in OfferedExtension extension)
    {
        byte id = extension.Id;
        HeaderExtensionKind kind = extension.Kind;
        if (Kind != MediaKind.Other && !Extensions.Exists(own => own.Id == id || own.Kind == kind))
        {
            Extensions.Add(extension);
        }
    }

    private bool TryReadPayloadTypes(out SdpError error)
    {
        foreach (string format in Description.Formats)
        {
            // RFC 3551, 6: payload types have 7 bits, and each stands once.
            if (!SdpFields.TryParseNumber(format, 127, out uint payloadType) || _byPayloadType[payloadType] is not null)
            {
                error = SdpError.Malformed(Description.Line, format, "payload types 0 to 127 in the m= line, each once");
                return false;
            }

            var codec = new OfferedCodec { PayloadType = (byte)payloadType };
            _byPayloadType[payloadType] = codec;
            Codecs.Add(codec);
        }

        error = default;
        return true;
    }

    private bool TryReadProperty(in SdpAttribute attribute, out SdpError error)
    {
        error = default;
        switch (attribute.Name)
        {
            case "mid":
                // RFC 5888, 4: one token in a section.
                if (Mid.Length > 0 || !SdpFields.IsToken(attribute.Value) || attribute.Value!.Length > SdpLimits.MaxMidLength)
                {
                    error = SdpError.Malformed(
                        attribute, $"one a=mid in a section, a token of at most {SdpLimits.MaxMidLength} characters");
                    return false;
                }

                Mid = attribute.Value;
                break;
            case "msid":
                Msid ??= attribute.Value;
                break;
            case "bundle-only":
                IsBundleOnly = true;
                break;
            case "rtcp-mux":
                HasRtcpMux = true;
                break;
            case "rtcp-rsize":
                HasReducedSizeRtcp = true;
                break;
        }

        return true;
    }

    private bool TryReadCodecAttribute(in SdpAttribute attribute, out SdpError error)
    {
        error = default;
        if (!IsRtp)
        {
            return true;
        }

        var fields = new SdpFields(attribute.Value);
        bool isFeedback = attribute.Name == "rtcp-fb";
        fields.TryNext(out ReadOnlySpan<char> field);
        bool isForAll = isFeedback && field is "*";
        if (!(SdpFields.TryParseNumber(field, 127, out uint payloadType) || isForAll) || fields.Rest.IsEmpty)
        {
            error = SdpError.Malformed(attribute, $"a={attribute.Name}:<payload type 0 to 127{(isFeedback ? " or *" : "")}> <value>");
            return false;
        }

        if (isForAll)
        {
            foreach (OfferedCodec each in Codecs)
            {
                each.Feedback |= OfferedCodec.FeedbackOf(fields.Rest, isForAll: true);
            }

            return true;
        }

        // A line for a payload type that the m= line does not list describes nothing.
        OfferedCodec? codec = _byPayloadType[payloadType];
        switch (attribute.Name)
        {
            case "rtpmap" when codec is not null:
                return codec.TryReadMapping(attribute, fields.Rest, out error);
            case "fmtp":
                codec?.SetParameters(attribute, fields.Rest);
                break;
            case "rtcp-fb" when codec is not null:
                codec.Feedback |= OfferedCodec.FeedbackOf(fields.Rest, isForAll: false);
                break;
        }

        return true;
    }

    private bool TryReadExtension(in SdpAttribute attribute, HashSet<uint> usedIds, out SdpError error)
    {
        if (!OfferedExtension.TryRead(attribute, out uint id, out OfferedExtension? extension, out error))
        {
            return false;
        }

        // RFC 8285, 5: an identifier is mapped once within a section.
        if (!usedIds.Add(id))
        {
            error = SdpError.Malformed(attribute, "an identifier that no other a=extmap of the section has");
            return false;
        }

        if (usedIds.Count > SdpLimits.MaxHeaderExtensionsPerSection)
        {
            error = SdpError.Malformed(attribute, $"at most {SdpLimits.MaxHeaderExtensionsPerSection} a=extmap lines in one section");
            return false;
        }

        if (extension is { } known && !Extensions.Exists(other => other.Kind == known.Kind))
        {
            Extensions.Add(known);
        }

        return true;
    }
}
