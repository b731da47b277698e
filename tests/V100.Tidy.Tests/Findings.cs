namespace V100.Tidy.Tests;

/// <summary>What a rule found, one a line in the failure's message.</summary>
internal static class Findings
{
    public static void None(IEnumerable<string> findings)
    {
        string[] all = [.. findings];
        Assert.True(all.Length == 0, string.Join('\n', all));
    }
}
