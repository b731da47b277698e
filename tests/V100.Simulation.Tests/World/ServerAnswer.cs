using System.Globalization;

namespace V100.Simulation.World;

/// <summary>What a client reads from the answer, line by line, with nothing of the server's own code.</summary>
internal sealed class ServerAnswer
{
    private readonly List<List<string>> _sections = [];

    public ServerAnswer(string text)
    {
        foreach (string line in text.Split("\r\n", StringSplitOptions.RemoveEmptyEntries))
        {
            if (line.StartsWith("m=", StringComparison.Ordinal))
            {
                _sections.Add([]);
            }

            if (_sections.Count > 0)
            {
                _sections[^1].Add(line);
            }
        }

        Ufrag = All("a=ice-ufrag:")[0];
        Password = All("a=ice-pwd:")[0];

        // The answer to an ICE restart has the credentials alone.
        Setup = All("a=setup:").FirstOrDefault("");
        Fingerprint = Convert.FromHexString(All("a=fingerprint:sha-256 ").FirstOrDefault("").Replace(":", "", StringComparison.Ordinal));
    }

    public string Ufrag { get; }
    public string Password { get; }
    public string Setup { get; }
    public byte[] Fingerprint { get; }

    public bool IsAccepted(int section) => Values(section, "m=")[0].Split(' ')[1] != "0";

    public string Mid(int section) => Values(section, "a=mid:")[0];

    /// <summary>The media SSRC that the server announces, and that of its retransmissions or 0.</summary>
    public (uint Media, uint Retransmissions) Ssrcs(int section)
    {
        List<string> group = Values(section, "a=ssrc-group:FID ");
        if (group.Count > 0)
        {
            uint[] pair = [.. group[0].Split(' ').Select(Number)];
            return (pair[0], pair[1]);
        }

        return (Number(Values(section, "a=ssrc:")[0].Split(' ')[0]), 0);
    }

    public List<string> Values(int section, string prefix) =>
        [.. _sections[section].Where(line => line.StartsWith(prefix, StringComparison.Ordinal)).Select(line => line[prefix.Length..])];

    private List<string> All(string prefix) => [.. Enumerable.Range(0, _sections.Count).SelectMany(section => Values(section, prefix))];

    private static uint Number(string text) => uint.Parse(text, CultureInfo.InvariantCulture);
}
