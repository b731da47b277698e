namespace V100.Sfu.Tests.Sdp;

/// <summary>A description cut into its sections as plain lines: the tests' own view, which shares nothing with the reader under test.</summary>
internal sealed class SdpText
{
    public SdpText(string text)
    {
        foreach (string line in text.Replace("\r\n", "\n", StringComparison.Ordinal).TrimEnd('\n').Split('\n'))
        {
            if (line.StartsWith("m=", StringComparison.Ordinal))
            {
                Sections.Add(new Section(line));
            }
            else
            {
                (Sections.Count == 0 ? Session : Sections[^1].Lines).Add(line);
            }
        }
    }

    public List<string> Session { get; } = [];
    public List<Section> Sections { get; } = [];

    public string[] Bundle => Session.Find(line => line.StartsWith("a=group:BUNDLE", StringComparison.Ordinal))?.Split(' ')[1..] ?? [];

    internal sealed class Section(string media)
    {
        private readonly string[] _media = media[2..].Split(' ', StringSplitOptions.RemoveEmptyEntries);

        public List<string> Lines { get; } = [];
        public string Kind => _media[0];
        public string Port => _media[1];
        public string Protocol => _media[2];
        public string[] Formats => _media[3..];
        public string? Mid => Value("a=mid:");
        public string? Direction => Lines.Find(line => line is "a=sendrecv" or "a=sendonly" or "a=recvonly" or "a=inactive")?[2..];

        public string? Value(string prefix) => Values(prefix) is [string first, ..] ? first : null;

        public List<string> Values(string prefix) =>
            Lines.FindAll(line => line.StartsWith(prefix, StringComparison.Ordinal)).ConvertAll(line => line[prefix.Length..].Trim());

        public bool Has(string line) => Lines.Contains(line);

        /// <summary>The encoding name of a payload type, in upper case.</summary>
        public string? Codec(string payloadType) => Value($"a=rtpmap:{payloadType} ")?.ToUpperInvariant();
    }
}
