namespace V100.Server.Control;

/// <summary>
/// The <c>canPublishSources</c> of a token against an offer. WHIP does not say what a track shows, so a kind may be
/// published when one source of that kind may.
/// </summary>
internal static class PublishSources
{
    /// <param name="sources">Null lets everything through.</param>
    /// <param name="offer">The SDP, not parsed yet.</param>
    /// <returns>Null, or a sentence that says what the token does not let through.</returns>
    public static string? Refuse(IReadOnlyList<string>? sources, string offer)
    {
        if (sources is null)
        {
            return null;
        }

        bool audio = sources.Contains("microphone") || sources.Contains("screen_share_audio");
        bool video = sources.Contains("camera") || sources.Contains("screen_share");
        string? kind = !audio && HasSection(offer, "m=audio ") ? "audio" : !video && HasSection(offer, "m=video ") ? "video" : null;
        return kind is null ? null : $"The offer has {kind}, and the token's canPublishSources has no source of it.";
    }

    private static bool HasSection(string offer, string start)
    {
        foreach (ReadOnlySpan<char> line in offer.AsSpan().EnumerateLines())
        {
            if (line.StartsWith(start, StringComparison.Ordinal))
            {
                return true;
            }
        }

        return false;
    }
}
