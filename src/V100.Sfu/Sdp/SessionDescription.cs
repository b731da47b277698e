namespace V100.Sfu.Sdp;

/// <summary>An <c>a=</c> line.</summary>
/// <param name="Name">What stands before the first colon.</param>
/// <param name="Value">What stands after it; null for a property attribute, which has no colon.</param>
/// <param name="Line">Where it was read, counted from 1; 0 in a description that is written.</param>
public readonly record struct SdpAttribute(string Name, string? Value = null, int Line = 0)
{
    public override string ToString() => Value is null ? $"a={Name}" : $"a={Name}:{Value}";
}

/// <summary>
/// A session description (RFC 8866) as its lines say, before any meaning is given to the attributes. Lines that WebRTC
/// does not use (<c>i= u= e= p= r= z= k=</c>) are checked for their form and dropped.
/// </summary>
public sealed class SessionDescription
{
    /// <summary>The value of <c>o=</c>.</summary>
    public string Origin { get; set; } = "";

    /// <summary>The value of <c>s=</c>.</summary>
    public string Name { get; set; } = "-";

    /// <summary>The value of the session's own <c>c=</c>, or null.</summary>
    public string? Connection { get; set; }

    public List<SdpAttribute> Attributes { get; } = [];

    public List<MediaDescription> Media { get; } = [];
}

/// <summary>One <c>m=</c> section.</summary>
public sealed class MediaDescription
{
    /// <summary>Of the <c>m=</c> line, counted from 1; 0 in a description that is written.</summary>
    public int Line { get; init; }

    /// <summary><c>audio</c>, <c>video</c>, <c>application</c> or another token.</summary>
    public required string Media { get; init; }

    public ushort Port { get; set; }

    public required string Protocol { get; init; }

    /// <summary>Payload types in the order of preference, or what else the protocol puts there.</summary>
    public List<string> Formats { get; } = [];

    /// <summary>The value of the section's <c>c=</c>, or null.</summary>
    public string? Connection { get; set; }

    /// <summary>What <c>b=TIAS</c> or <c>b=AS</c> allows, 0 for no bound. TIAS wins (RFC 3890).</summary>
    public long MaxBitrateBps { get; set; }

    public List<SdpAttribute> Attributes { get; } = [];

    public void Add(string name, string? value = null) => Attributes.Add(new SdpAttribute(name, value));
}
