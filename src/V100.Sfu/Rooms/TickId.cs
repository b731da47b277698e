using System.Buffers.Text;
using System.Globalization;

namespace V100.Sfu.Rooms;

/// <summary>Names one state of a room, as <c>0123456789abcdef-42</c>: after so many ticks of that <see cref="TickLog"/>.</summary>
/// <param name="Log">Random: differs from every other that a client may remember, of a room that ended or of a server that was started again.</param>
/// <param name="Number">0 before the first tick.</param>
public readonly record struct TickId(ulong Log, long Number)
{
    /// <summary>The longest text, in bytes.</summary>
    public const int MaxLength = 16 + 1 + 19;

    private const int LogLength = 16;

    public static bool TryParse(string? text, out TickId id)
    {
        id = default;
        if (text is null || text.Length is < LogLength + 2 or > MaxLength || text[LogLength] != '-'
            || !ulong.TryParse(text.AsSpan(0, LogLength), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong log)
            || !long.TryParse(text.AsSpan(LogLength + 1), NumberStyles.None, CultureInfo.InvariantCulture, out long number))
        {
            return false;
        }

        id = new TickId(log, number);
        return true;
    }

    /// <param name="target">Has room for <see cref="MaxLength"/>.</param>
    /// <returns>How many bytes were written.</returns>
    public int Format(Span<byte> target)
    {
        Log.TryFormat(target, out int length, "x16", CultureInfo.InvariantCulture);
        target[length++] = (byte)'-';
        Utf8Formatter.TryFormat(Number, target[length..], out int digits);
        return length + digits;
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Log:x16}-{Number}");
}
