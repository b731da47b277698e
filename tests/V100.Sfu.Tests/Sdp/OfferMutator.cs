namespace V100.Sfu.Tests.Sdp;

/// <summary>Damages offers: characters, line ends, numbers, and lines that are missing, doubled, moved or another client's.</summary>
internal static class OfferMutator
{
    /// <summary>One of the offers with one to four kinds of damage.</summary>
    public static string Mutate(string[] offers, Random random)
    {
        string text = offers[random.Next(offers.Length)];
        for (int count = random.Next(1, 5); count > 0 && text.Length > 0; count--)
        {
            int at = random.Next(text.Length);
            int kind = random.Next(9);
            string[] lines = kind < 4 ? [""] : text.Split('\n');
            int line = random.Next(lines.Length);
            text = kind switch
            {
                0 => text.Remove(at, random.Next(Math.Min(text.Length - at, 40))),
                1 => text.Insert(at, ((char)random.Next(0x80)).ToString()),
                2 => text.Insert(at, random.Next(2) == 0 ? "\r\n" : " "),
                3 => string.Concat(text.AsSpan(0, at), ((char)random.Next(0x10000)).ToString(), text.AsSpan(at + 1)),
                4 => string.Join('\n', Swap(lines, line, random.Next(lines.Length))),
                5 => string.Join('\n', [.. lines[..line], lines[line], .. lines[line..]]),
                6 => string.Join('\n', [.. lines[..line], .. lines[(line + 1)..]]),
                7 when lines[line].Trim().Length > 0 => text.Replace(lines[line].TrimEnd(), Number(lines[line].TrimEnd(), random), StringComparison.Ordinal),
                _ => random.Next(20) == 0 ? text[..at] : string.Join('\n', [.. lines[..line], PickLine(offers, random), .. lines[line..]]),
            };
        }

        return text;
    }

    private static string[] Swap(string[] lines, int first, int second)
    {
        (lines[first], lines[second]) = (lines[second], lines[first]);
        return lines;
    }

    private static string PickLine(string[] offers, Random random)
    {
        string[] lines = offers[random.Next(offers.Length)].Split('\n');
        return lines[random.Next(lines.Length)];
    }

    /// <summary>Replaces one number of the line by one at a border.</summary>
    private static string Number(string line, Random random)
    {
        int at = line.AsSpan().IndexOfAnyInRange('0', '9');
        if (at < 0)
        {
            return line + " ";
        }

        int end = at;
        while (end < line.Length && char.IsAsciiDigit(line[end]))
        {
            end++;
        }

        string[] borders = ["-1", "0", "15", "127", "128", "255", "256", "4096", "65536", "4294967295", "4294967296", "99999999999999999999", ""];
        return line[..at] + borders[random.Next(borders.Length)] + line[end..];
    }
}
