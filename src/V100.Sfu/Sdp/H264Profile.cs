using System.Globalization;

namespace V100.Sfu.Sdp;

/// <summary>The H.264 profiles that RFC 6184, 8.1, table 5 tells apart by profile_idc and constraint flags.</summary>
public enum H264Profile : byte
{
    /// <summary>Any other: equal only where the bytes are.</summary>
    Other,
    ConstrainedBaseline,
    Baseline,
    Main,
    ConstrainedHigh,
    High,
    PredictiveHigh444,
}

/// <summary><c>profile-level-id</c> of H.264: three bytes in hexadecimal (RFC 6184, 8.1).</summary>
/// <param name="Value">profile_idc, profile_iop and level_idc, from the high byte down.</param>
public readonly record struct H264ProfileLevel(uint Value)
{
    /// <summary>For a missing parameter: constrained baseline, level 3.1 (DEVIATIONS.md, "H.264 without profile-level-id").</summary>
    public static H264ProfileLevel Absent => new(0x42E01F);

    public byte ProfileIdc => (byte)(Value >> 16);
    public byte ProfileIop => (byte)(Value >> 8);
    public byte LevelIdc => (byte)Value;

    public H264Profile Profile => (ProfileIdc, ProfileIop) switch
    {
        // RFC 6184, 8.1, table 5: constraint_set0 is the highest bit of profile_iop.
        (0x42, byte iop) when (iop & 0x4F) == 0x40 => H264Profile.ConstrainedBaseline,
        (0x4D, byte iop) when (iop & 0x8F) == 0x80 => H264Profile.ConstrainedBaseline,
        (0x58, byte iop) when (iop & 0xCF) == 0xC0 => H264Profile.ConstrainedBaseline,
        (0x42, byte iop) when (iop & 0x4F) == 0x00 => H264Profile.Baseline,
        (0x58, byte iop) when (iop & 0xCF) == 0x80 => H264Profile.Baseline,
        (0x4D, byte iop) when (iop & 0xAF) == 0x00 => H264Profile.Main,
        (0x64, 0x00) => H264Profile.High,
        (0x64, 0x0C) => H264Profile.ConstrainedHigh,
        (0xF4, 0x00) => H264Profile.PredictiveHigh444,
        _ => H264Profile.Other,
    };

    public static bool TryParse(ReadOnlySpan<char> text, out H264ProfileLevel level)
    {
        bool parsed = uint.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint value) && text.Length == 6;
        level = parsed ? new H264ProfileLevel(value) : default;
        return parsed;
    }

    /// <summary>RFC 6184, 8.2.2: the same profile; levels may differ per direction.</summary>
    public bool HasProfileOf(H264ProfileLevel other) =>
        Profile == other.Profile && (Profile != H264Profile.Other || Value >> 8 == other.Value >> 8);

    /// <summary>Whether every decoder for the other profile decodes a stream of this one (ITU-T H.264, A.2).</summary>
    public bool IsSubsetOf(H264ProfileLevel other) => HasProfileOf(other) || (Profile, other.Profile) is
        (H264Profile.ConstrainedBaseline, H264Profile.Baseline or H264Profile.Main or H264Profile.ConstrainedHigh or H264Profile.High)
        or (H264Profile.Main or H264Profile.ConstrainedHigh, H264Profile.High);
}
