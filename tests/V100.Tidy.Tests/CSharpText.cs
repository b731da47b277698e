using System.Text;
using System.Text.RegularExpressions;

namespace V100.Tidy.Tests;

/// <summary>A function with a body in braces.</summary>
internal sealed record FunctionSpan(string Header, int FirstLine, int LastLine)
{
    public int LineCount => LastLine - FirstLine + 1;
}

/// <summary>Enough of C#'s grammar to count: code without its comments and literals, and where functions begin and end.</summary>
internal static partial class CSharpText
{
    /// <summary>The text with comments and the inside of literals replaced by blanks; line breaks stay.</summary>
    public static string Code(string text)
    {
        StringBuilder code = new(text.Length);
        int at = 0;
        while (at < text.Length)
        {
            int end = EndOfLiteral(text, at);
            if (end == at)
            {
                code.Append(text[at++]);
                continue;
            }

            foreach (char symbol in text.AsSpan(at, end - at))
            {
                code.Append(symbol == '\n' ? '\n' : ' ');
            }

            at = end;
        }

        return code.ToString();
    }

    /// <summary>Members of types whose body stands in braces; initializers of tables are no functions.</summary>
    public static IReadOnlyList<FunctionSpan> Functions(string text)
    {
        string code = Code(text);
        List<FunctionSpan> functions = [];
        Stack<(string Header, int Line, bool IsType)> open = [];
        int line = 1;
        int headerStart = 0;
        for (int i = 0; i < code.Length; i++)
        {
            switch (code[i])
            {
                case '\n':
                    line++;
                    break;
                case '{':
                    string before = code[headerStart..i].TrimStart();
                    string header = before.TrimEnd();
                    int headerLines = before.Count(symbol => symbol == '\n');
                    open.Push((header, line - headerLines, TypePattern().IsMatch(header)));
                    headerStart = i + 1;
                    break;
                case '}' when open.TryPop(out (string Header, int Line, bool IsType) closed):
                    bool isMember = open.TryPeek(out (string Header, int Line, bool IsType) parent) && parent.IsType;
                    if (isMember && !closed.IsType && !InitializerPattern().IsMatch(closed.Header))
                    {
                        functions.Add(new FunctionSpan(WhitespacePattern().Replace(closed.Header, " "), closed.Line, line));
                    }

                    headerStart = i + 1;
                    break;
                case ';':
                    headerStart = i + 1;
                    break;
            }
        }

        return functions;
    }

    /// <summary>Where the comment or literal that begins here ends; <paramref name="at"/> itself when none does.</summary>
    private static int EndOfLiteral(string text, int at)
    {
        ReadOnlySpan<char> rest = text.AsSpan(at);
        if (rest.StartsWith("//"))
        {
            int end = rest.IndexOf('\n');
            return end < 0 ? text.Length : at + end;
        }

        if (rest.StartsWith("/*"))
        {
            int end = rest.IndexOf("*/");
            return end < 0 ? text.Length : at + end + 2;
        }

        if (rest[0] == '\'')
        {
            int quote = rest.Length > 1 && rest[1] == '\\' ? 2 + rest[3..].IndexOf('\'') + 1 : 2;
            return rest.Length > quote && rest[quote] == '\'' ? at + quote + 1 : at;
        }

        int prefix = rest.IndexOfAnyExcept('$', '@');
        return prefix >= 0 && rest[prefix] == '"' ? EndOfString(text, at, prefix) : at;
    }

    private static int EndOfString(string text, int at, int prefix)
    {
        ReadOnlySpan<char> marks = text.AsSpan(at, prefix);
        int quotes = text.AsSpan(at + prefix).IndexOfAnyExcept('"');
        if (quotes >= 3)
        {
            int end = text.IndexOf(new string('"', quotes), at + prefix + quotes, StringComparison.Ordinal);
            return end < 0 ? text.Length : end + quotes;
        }

        bool verbatim = marks.Contains('@');
        bool interpolated = marks.Contains('$');
        int i = at + prefix + 1;
        while (i < text.Length)
        {
            bool doubled = i + 1 < text.Length && text[i + 1] == text[i];
            switch (text[i])
            {
                case '\\' when !verbatim:
                    i++;
                    break;
                case '"' when verbatim && doubled:
                case '{' when interpolated && doubled:
                    i++;
                    break;
                case '"':
                    return i + 1;
                case '{' when interpolated:
                    i = EndOfHole(text, i);
                    continue;
            }

            i++;
        }

        return text.Length;
    }

    /// <summary>An interpolation's hole may hold strings of its own.</summary>
    private static int EndOfHole(string text, int at)
    {
        int depth = 0;
        int i = at;
        while (i < text.Length)
        {
            int end = EndOfLiteral(text, i);
            if (end > i)
            {
                i = end;
                continue;
            }

            depth += text[i] switch { '{' => 1, '}' => -1, _ => 0 };
            i++;
            if (depth == 0)
            {
                return i;
            }
        }

        return text.Length;
    }

    [GeneratedRegex(@"\b(class|struct|interface|record|enum|namespace|extension)\b(?![^(]*\)\s*$)|\brecord\b|^$")]
    private static partial Regex TypePattern();

    [GeneratedRegex(@"(=|\bnew\b[^()]*|\bnew\b[^;{}]*\))$")]
    private static partial Regex InitializerPattern();

    [GeneratedRegex(@"\s+")]
    private static partial Regex WhitespacePattern();
}
