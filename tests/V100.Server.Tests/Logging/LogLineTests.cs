using System.Text.Json;
using Microsoft.Extensions.Logging;
using V100.Server.Logging;

namespace V100.Server.Tests.Logging;

public sealed class LogLineTests
{
    private static readonly DateTimeOffset _at = new(2026, 3, 1, 2, 3, 4, 56, TimeSpan.Zero);

    [Fact]
    public void Text_is_one_line_with_time_level_category_and_event()
    {
        LogLine line = new(_at, LogLevel.Warning, "V100", 1007, "Two\nlines", new IOException("broken"));
        Assert.Equal("2026-03-01T02:03:04.056Z warn: V100[1007] Two lines System.IO.IOException: broken\n", line.ToText(colored: false));
    }

    [Fact]
    public void Only_a_terminal_gets_colors()
    {
        LogLine line = new(_at, LogLevel.Error, "V100", 1, "no", null);
        Assert.Contains("\e[31mfail\e[0m: V100[1] no\n", line.ToText(colored: true), StringComparison.Ordinal);
        Assert.DoesNotContain('\e', line.ToText(colored: false));
    }

    [Fact]
    public void Json_names_every_part_of_the_message()
    {
        LogLine line = new(_at, LogLevel.Information, "V100", 1003, "a \"b\" é", new IOException("x\ny"));
        string json = line.ToJson([new("Count", 3), new("Bytes", 5_000_000_000L), new("Share", 0.5), new("Mute", true), new("Kind", LogLevel.Debug), new("Name", null)]);
        Assert.Equal(json.Length - 1, json.IndexOf('\n', StringComparison.Ordinal));
        JsonElement root = JsonDocument.Parse(json).RootElement;
        Assert.Equal(["Timestamp", "EventId", "LogLevel", "Category", "Message", "Exception", "State"], root.EnumerateObject().Select(member => member.Name));
        Assert.Equal("2026-03-01T02:03:04.056Z", root.GetProperty("Timestamp").GetString());
        Assert.Equal((1003, "Information", "a \"b\" é"), (root.GetProperty("EventId").GetInt32(), root.GetProperty("LogLevel").GetString(), root.GetProperty("Message").GetString()));
        Assert.Equal("System.IO.IOException: x y", root.GetProperty("Exception").GetString());
        Assert.Equal(
            """{"Message":"a \u0022b\u0022 \u00E9","Count":3,"Bytes":5000000000,"Share":0.5,"Mute":true,"Kind":"Debug","Name":null}""",
            root.GetProperty("State").GetRawText());
    }
}
