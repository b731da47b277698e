using System.Text;
using V100.Sfu.Sdp;

namespace V100.Simulation.World;

/// <summary>A payload type as a client offers it.</summary>
internal sealed record OfferedFormat(byte PayloadType, string Name, int RtxPayloadType = -1, string Parameters = "")
{
    public bool IsRedundant => Name.StartsWith("red/", StringComparison.OrdinalIgnoreCase);

    /// <summary>Of redundant audio.</summary>
    public byte InnerPayloadType => byte.Parse(Parameters.Split('/')[0], System.Globalization.CultureInfo.InvariantCulture);

    public int ClockRateHz => int.Parse(Name.Split('/')[1], System.Globalization.CultureInfo.InvariantCulture);
}

/// <summary>One m-line of a client's offer.</summary>
internal sealed record OfferSection
{
    public required MediaKind Kind { get; init; }
    public required string Mid { get; init; }
    public required bool Sends { get; init; }
    public required OfferedFormat[] Formats { get; init; }
    public (byte Id, HeaderExtensionKind Kind)[] Extensions { get; init; } = [];

    /// <summary>Of what the client sends; 0 where it only receives.</summary>
    public uint Ssrc { get; init; }
    public uint RtxSsrc { get; init; }

    /// <summary>Browsers write a=ssrc; without it the server must tell streams by mid or payload type.</summary>
    public bool AnnouncesSsrc { get; init; } = true;

    /// <summary>Simulcast encodings that the client sends, told apart by rid alone.</summary>
    public string[] Rids { get; init; } = [];

    public byte IdOf(HeaderExtensionKind kind) => Array.Find(Extensions, extension => extension.Kind == kind).Id;
}

/// <summary>What a client offers, as data; <see cref="ToSdp"/> writes the text.</summary>
internal sealed record ClientOffer
{
    public required OfferSection[] Sections { get; init; }
    public string Setup { get; init; } = "actpass";
    public bool AllowsMixedExtensions { get; init; } = true;

    private static readonly OfferedFormat[] _publishedAudio = [new(111, "opus/48000/2", Parameters: "minptime=10;useinbandfec=1")];
    private static readonly OfferedFormat[] _publishedVideo = [new(96, "VP8/90000", 97)];

    public static ClientOffer Publisher(Random random, OfferedFormat[]? video = null) => new()
    {
        Sections =
        [
            new OfferSection
            {
                Kind = MediaKind.Audio, Mid = "0", Sends = true, Formats = _publishedAudio, Ssrc = NextSsrc(random),
                Extensions = [(1, HeaderExtensionKind.AudioLevel), (3, HeaderExtensionKind.TransportCc), (4, HeaderExtensionKind.Mid)],
            },
            new OfferSection
            {
                Kind = MediaKind.Video, Mid = "1", Sends = true, Formats = video ?? _publishedVideo, Ssrc = NextSsrc(random), RtxSsrc = NextSsrc(random),
                Extensions = [(13, HeaderExtensionKind.VideoOrientation), (3, HeaderExtensionKind.TransportCc), (4, HeaderExtensionKind.Mid)],
            },
        ],
    };

    /// <summary>Sound, and three encodings of one picture.</summary>
    public static ClientOffer SimulcastPublisher(Random random, OfferedFormat[]? video = null) => Publisher(random, video) with
    {
        Sections =
        [
            Publisher(random).Sections[0],
            new OfferSection
            {
                Kind = MediaKind.Video, Mid = "1", Sends = true, Formats = video ?? _publishedVideo, AnnouncesSsrc = false, Rids = ["h", "m", "l"],
                Extensions =
                [
                    (13, HeaderExtensionKind.VideoOrientation), (3, HeaderExtensionKind.TransportCc), (4, HeaderExtensionKind.Mid),
                    (10, HeaderExtensionKind.Rid), (11, HeaderExtensionKind.RepairedRid),
                ],
            },
        ],
    };

    /// <summary>A subscriber that reports on what it gets, so that the server adapts to its path.</summary>
    public static ClientOffer AdaptiveSubscriber(OfferedFormat[]? video = null) => new()
    {
        Sections = Array.ConvertAll(
            Subscriber(video).Sections,
            section => section with { Extensions = [.. section.Extensions, (3, HeaderExtensionKind.TransportCc)] }),
    };

    public static ClientOffer Subscriber(OfferedFormat[]? video = null) => new()
    {
        Sections =
        [
            new OfferSection
            {
                Kind = MediaKind.Audio, Mid = "sound", Sends = false, Formats = [new(109, "opus/48000/2")],
                Extensions = [(2, HeaderExtensionKind.AudioLevel), (7, HeaderExtensionKind.Mid)],
            },
            new OfferSection
            {
                Kind = MediaKind.Video, Mid = "picture", Sends = false, Formats = video ?? [new(120, "VP8/90000", 124)],
                Extensions = [(5, HeaderExtensionKind.VideoOrientation), (7, HeaderExtensionKind.Mid)],
            },
        ],
    };

    /// <summary>The same with other codecs for sound, in the order of the client's preference.</summary>
    public ClientOffer WithAudio(params OfferedFormat[] formats) => this with
    {
        Sections = Array.ConvertAll(Sections, section => section.Kind == MediaKind.Audio ? section with { Formats = formats } : section),
    };

    /// <summary>The same without a picture.</summary>
    public ClientOffer AudioOnly() => this with { Sections = [.. Sections.Where(section => section.Kind == MediaKind.Audio)] };

    /// <summary>Opus with redundancy (RFC 2198) and the Opus within, under payload types that differ from any other client's.</summary>
    public static (OfferedFormat Red, OfferedFormat Opus) RedundantAudio(Random random)
    {
        int first = random.Next(96, 127);
        int second = random.Next(96, 126);
        second += second >= first ? 1 : 0;
        return (new((byte)first, "red/48000/2", Parameters: $"{second}/{second}"), new((byte)second, "opus/48000/2"));
    }

    public static uint NextSsrc(Random random) => (uint)random.NextInt64(1, uint.MaxValue);

    public string ToSdp(string ufrag, string password, string fingerprint)
    {
        var text = new StringBuilder("v=0\r\no=- 4611 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n");
        text.Append("a=group:BUNDLE").AppendJoin("", Sections.Select(section => " " + section.Mid)).Append("\r\n");
        if (AllowsMixedExtensions)
        {
            text.Append("a=extmap-allow-mixed\r\n");
        }

        foreach (OfferSection section in Sections)
        {
            text.Append($"m={(section.Kind == MediaKind.Audio ? "audio" : "video")} 9 UDP/TLS/RTP/SAVPF");
            foreach (OfferedFormat format in section.Formats)
            {
                text.Append($" {format.PayloadType}").Append(format.RtxPayloadType < 0 ? "" : $" {format.RtxPayloadType}");
            }

            text.Append("\r\nc=IN IP4 0.0.0.0\r\na=rtcp-mux\r\na=rtcp-rsize\r\n");
            text.Append($"a=ice-ufrag:{ufrag}\r\na=ice-pwd:{password}\r\na=ice-options:trickle\r\na=fingerprint:sha-256 {fingerprint}\r\na=setup:{Setup}\r\n");
            text.Append($"a=mid:{section.Mid}\r\na={(section.Sends ? "sendonly" : "recvonly")}\r\n");
            AppendMedia(text, section);
        }

        return text.ToString();
    }

    private static void AppendMedia(StringBuilder text, OfferSection section)
    {
        foreach ((byte id, HeaderExtensionKind kind) in section.Extensions)
        {
            text.Append($"a=extmap:{id} {HeaderExtensionUri.Of(kind)}\r\n");
        }

        foreach (OfferedFormat format in section.Formats)
        {
            text.Append($"a=rtpmap:{format.PayloadType} {format.Name}\r\na=rtcp-fb:{format.PayloadType} transport-cc\r\n");
            text.Append(format.Parameters.Length > 0 ? $"a=fmtp:{format.PayloadType} {format.Parameters}\r\n" : "");
            if (section.Kind == MediaKind.Video)
            {
                text.Append($"a=rtcp-fb:{format.PayloadType} nack\r\na=rtcp-fb:{format.PayloadType} nack pli\r\n");
            }

            if (format.RtxPayloadType >= 0)
            {
                text.Append($"a=rtpmap:{format.RtxPayloadType} rtx/{format.ClockRateHz}\r\na=fmtp:{format.RtxPayloadType} apt={format.PayloadType}\r\n");
            }
        }

        foreach (string rid in section.Rids)
        {
            text.Append($"a=rid:{rid} send\r\n");
        }

        text.Append(section.Rids.Length == 0 ? "" : $"a=simulcast:send {string.Join(';', section.Rids)}\r\n");
        if (section.Sends && section.AnnouncesSsrc)
        {
            text.Append($"a=msid:stream track{section.Mid}\r\na=ssrc:{section.Ssrc} cname:clock\r\n");
            text.Append(section.RtxSsrc == 0 ? "" : $"a=ssrc-group:FID {section.Ssrc} {section.RtxSsrc}\r\na=ssrc:{section.RtxSsrc} cname:clock\r\n");
        }
    }
}
