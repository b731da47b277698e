using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace V100.Sfu.Rooms;

/// <summary>
/// JSON that is put together of pieces which were escaped once: what names people and tracks is written thousands of times and never changes.
/// Whoever writes it sees to commas and brackets.
/// </summary>
internal sealed class TickJson
{
    private const int FirstBytes = 4 * 1024;

    private static readonly JsonWriterOptions _options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>All levels there are, −127 to 0 dBov.</summary>
    private static readonly byte[][] _levels = [.. CreateLevels()];

    private byte[] _bytes = new byte[FirstBytes];
    private int _length;

    public int Length
    {
        get => _length;
        set => _length = value;
    }

    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, _length);

    public void Add(ReadOnlySpan<byte> piece)
    {
        if (piece.Length > _bytes.Length - _length)
        {
            Grow(piece.Length);
        }

        piece.CopyTo(_bytes.AsSpan(_length));
        _length += piece.Length;
    }

    public void AddFlag(bool flag) => Add(flag ? "true"u8 : "false"u8);

    /// <param name="loudness">0 to 127, as <see cref="AudioLevels"/> has it.</param>
    public void AddLevel(int loudness) => Add(_levels[loudness]);

    /// <param name="hundredths">A score of 1.00 to 5.00.</param>
    public void AddScore(int hundredths)
    {
        Span<byte> digits = [(byte)('0' + hundredths / 100), (byte)'.', (byte)('0' + hundredths / 10 % 10), (byte)('0' + hundredths % 10)];
        Add(digits);
    }

    /// <summary>The comma between what stands in one list.</summary>
    public void AddSeparator(ref bool isFirst)
    {
        if (!isFirst)
        {
            Add(","u8);
        }

        isFirst = false;
    }

    /// <summary>A string with its quotes. Not Unicode (a lone surrogate) becomes U+FFFD.</summary>
    public static byte[] Quote(string text) => Fragment(writer => writer.WriteStringValue(Encoding.UTF8.GetBytes(text)));

    /// <summary>The fields of an object, without its braces.</summary>
    public static byte[] Fields(Action<Utf8JsonWriter> write)
    {
        byte[] json = Fragment(writer =>
        {
            writer.WriteStartObject();
            write(writer);
            writer.WriteEndObject();
        });
        return json[1..^1];
    }

    public static void WriteString(Utf8JsonWriter writer, string name, string? text)
    {
        if (text is not null)
        {
            writer.WriteString(name, Encoding.UTF8.GetBytes(text));
        }
    }

    private static byte[] Fragment(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, _options))
        {
            write(writer);
        }

        return buffer.WrittenSpan.ToArray();
    }

    private void Grow(int length) => Array.Resize(ref _bytes, Math.Max(2 * _bytes.Length, _length + length));

    private static IEnumerable<byte[]> CreateLevels()
    {
        for (int loudness = 0; loudness <= 127; loudness++)
        {
            yield return Encoding.ASCII.GetBytes((loudness - 127).ToString(System.Globalization.CultureInfo.InvariantCulture));
        }
    }
}
