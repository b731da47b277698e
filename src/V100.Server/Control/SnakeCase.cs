using System.Text;

namespace V100.Server.Control;

/// <summary>Names of the code as metrics and JSON show them: <c>DroppedTooLong</c> is <c>dropped_too_long</c>.</summary>
internal static class SnakeCase
{
    public static string Of(string name)
    {
        StringBuilder text = new();
        foreach (char symbol in name)
        {
            text.Append(char.IsUpper(symbol) && text.Length > 0 ? "_" : "").Append(char.ToLowerInvariant(symbol));
        }

        return text.ToString();
    }
}
