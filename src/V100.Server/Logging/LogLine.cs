using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace V100.Server.Logging;

/// <summary>One log line, as people or as machines read it.</summary>
/// <param name="At">When.</param>
/// <param name="Level">How bad.</param>
/// <param name="Category">Who says it.</param>
/// <param name="EventId">What stays the same while its wording changes.</param>
/// <param name="Message">The sentence.</param>
/// <param name="Exception">What was thrown, or null.</param>
internal sealed record LogLine(DateTimeOffset At, LogLevel Level, string Category, int EventId, string Message, Exception? Exception)
{
    private const string TimeFormat = "yyyy-MM-ddTHH:mm:ss.fffZ";
    private const string NoColor = "\e[0m";

    /// <summary>Time, level, category with event id, message and exception, with its line break; it has no other.</summary>
    /// <param name="colored">For a terminal.</param>
    public string ToText(bool colored)
    {
        (string level, string color) = Level switch
        {
            LogLevel.Trace => ("trce", ""),
            LogLevel.Debug => ("dbug", ""),
            LogLevel.Information => ("info", "\e[32m"),
            LogLevel.Warning => ("warn", "\e[33m"),
            LogLevel.Error => ("fail", "\e[31m"),
            _ => ("crit", "\e[1;31m"),
        };
        string shown = colored && color.Length > 0 ? color + level + NoColor : level;
        string exception = Exception is null ? "" : " " + Exception;
        string text = string.Create(CultureInfo.InvariantCulture, $"{Time} {shown}: {Category}[{EventId}] {Message}{exception}");
        return text.Replace('\n', ' ') + "\n";
    }

    /// <summary>An object with <c>Timestamp</c>, <c>EventId</c>, <c>LogLevel</c>, <c>Category</c>, <c>Message</c>, <c>Exception</c> where there is one, and <c>State</c>; with its line break.</summary>
    /// <param name="state">The message's parts by name.</param>
    public string ToJson(IEnumerable<KeyValuePair<string, object?>> state)
    {
        ArrayBufferWriter<byte> output = new(1024);
        using (Utf8JsonWriter json = new(output))
        {
            json.WriteStartObject();
            json.WriteString("Timestamp", Time);
            json.WriteNumber(nameof(EventId), EventId);
            json.WriteString("LogLevel", Level.ToString());
            json.WriteString(nameof(Category), Category);
            json.WriteString(nameof(Message), Message);
            if (Exception is not null)
            {
                json.WriteString(nameof(Exception), Exception.ToString().Replace('\n', ' '));
            }

            json.WriteStartObject("State");
            json.WriteString(nameof(Message), Message);
            foreach ((string name, object? value) in state)
            {
                Write(json, name, value);
            }

            json.WriteEndObject();
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(output.WrittenSpan) + "\n";
    }

    private string Time => At.ToString(TimeFormat, CultureInfo.InvariantCulture);

    private static void Write(Utf8JsonWriter json, string name, object? value)
    {
        switch (value)
        {
            case null:
                json.WriteNull(name);
                break;
            case bool truth:
                json.WriteBoolean(name, truth);
                break;
            case int or short or ushort or byte:
                json.WriteNumber(name, Convert.ToInt32(value, CultureInfo.InvariantCulture));
                break;
            case long number:
                json.WriteNumber(name, number);
                break;
            case double number:
                json.WriteNumber(name, number);
                break;
            default:
                json.WriteString(name, Convert.ToString(value, CultureInfo.InvariantCulture));
                break;
        }
    }
}
