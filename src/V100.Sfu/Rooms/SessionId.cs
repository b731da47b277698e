using V100.Net;

namespace V100.Sfu.Rooms;

/// <summary>Names one session: 128 random bits, so that knowing the id is what allows to use it (RFC 9725, 4.2).</summary>
public readonly record struct SessionId(UInt128 Value)
{
    public static SessionId Create(IEntropy entropy) => new(new UInt128(entropy.NextUInt64(), entropy.NextUInt64()));

    public static bool TryParse(string? text, out SessionId id)
    {
        bool parsed = UInt128.TryParse(text, System.Globalization.NumberStyles.AllowHexSpecifier, null, out UInt128 value) && text!.Length == 32;
        id = parsed ? new SessionId(value) : default;
        return parsed;
    }

    public override string ToString() => Value.ToString("x32");
}
