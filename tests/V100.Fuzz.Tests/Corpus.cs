using System.Text.Json;

namespace V100.Fuzz;

/// <summary>Packets that hostile ones are made of: what real clients sent first, and the messages that RFCs print.</summary>
internal static class Corpus
{
    /// <summary>First flights of real clients, as they stood on the wire.</summary>
    public static byte[][] ClientHellos { get; } =
        [.. Read("client-hellos.json").EnumerateObject().SelectMany(client => client.Value.EnumerateArray()).Select(Bytes)];

    /// <summary>Checks of real clients; the vectors of RFC 5769 and of RFC 8489, B.1.</summary>
    public static byte[][] StunMessages { get; } =
        [.. Read("stun-messages.json").EnumerateObject().SelectMany(kind => kind.Value.EnumerateArray()).Select(Bytes)];

    private static byte[] Bytes(JsonElement hex) => Convert.FromHexString(hex.GetString()!);

    private static JsonElement Read(string name)
    {
        using Stream stream = typeof(Corpus).Assembly.GetManifestResourceStream(name)!;
        return JsonSerializer.Deserialize<JsonElement>(stream);
    }
}
