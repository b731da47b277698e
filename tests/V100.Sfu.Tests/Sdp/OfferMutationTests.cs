using V100.Sfu.Sdp;
using V100.Sfu.Tests.Rtp;
using Xunit.Abstractions;

namespace V100.Sfu.Tests.Sdp;

/// <summary>
/// Offers that were damaged at random: each is answered or refused, never an exception, at a bounded cost. Cost is counted in
/// bytes allocated, since work that grows with the square of the text shows there, and a busy machine does not change it.
/// </summary>
public sealed class OfferMutationTests(ITestOutputHelper output)
{
    private static readonly int s_count = Seeds.Scaled(20_000);
    private const long MaxAllocatedBytes = 8 << 20;

    [Fact]
    public void Damaged_offers_are_answered_or_refused()
    {
        Random random = Seeds.NewRandom(output);
        string[] offers = Array.ConvertAll(Offers.All, Offers.Read);
        int answered = 0;
        long costliest = 0;
        for (int i = 0; i < s_count; i++)
        {
            string offer = Mutate(offers, random);
            long allocated = GC.GetAllocatedBytesForCurrentThread();
            if (OfferAnswer.TryAnswer(offer, Offers.Parameters((SessionRole)random.Next(1, 4)), out NegotiatedSession? session, out SdpError error))
            {
                answered++;
                Assert.True(SdpReader.TryRead(session.AnswerText, out SessionDescription? answer, out SdpError reread), $"mutation {i}: {reread.Message}");
                Assert.Equal(session.Sections.Length, answer.Media.Count);
            }
            else
            {
                Assert.True(error.Kind != SdpErrorKind.None && error.Message.Length is > 0 and < 20_000, $"mutation {i}");
                Assert.InRange(error.Line, error.Kind == SdpErrorKind.Malformed ? 1 : 0, offer.Split('\n').Length + 1);
            }

            _ = SdpFragment.TryParse(offer, out _, out _);
            costliest = Math.Max(costliest, GC.GetAllocatedBytesForCurrentThread() - allocated);
        }

        // Both outcomes must be met, or the mutations test nothing.
        output.WriteLine($"{answered} answered, costliest {costliest} bytes");
        Assert.InRange(answered, s_count / 20, s_count * 19 / 20);
        Assert.InRange(costliest, 1, MaxAllocatedBytes);
    }

    [Fact]
    public void The_largest_offers_are_answered_or_refused_at_a_bounded_cost()
    {
        const string head = "v=0\no=- 1 2 IN IP4 0.0.0.0\ns=-\nt=0 0\n";
        string[] worst =
        [
            head + Fill("a=group:BUNDLE x\n"),
            head + "m=video 9 UDP/TLS/RTP/SAVPF 96\n" + Fill("a=fmtp:96 ;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;\n"),
            head + "m=video 9 UDP/TLS/RTP/SAVPF 96\na=rtcp-mux\na=rtpmap:96 H264/90000\na=fmtp:96 " + Fill("a=b;"),
            head + "m=video 9 UDP/TLS/RTP/SAVPF 96\na=simulcast:send " + Fill("a;"),
            head + "m=video 9 UDP/TLS/RTP/SAVPF 96\na=msid:" + Fill("a "),
            head + "m=audio 9 UDP/TLS/RTP/SAVPF 96\na=rtcp-mux\na=rtpmap:96 opus/48000/2\na=fmtp:96 " + Fill("a=b;"),
            Fill("\n"),
            Fill("m=\n"),
        ];
        foreach (string offer in worst)
        {
            long allocated = GC.GetAllocatedBytesForCurrentThread();
            _ = OfferAnswer.TryAnswer(offer, Offers.Parameters(SessionRole.Publish), out _, out _);
            allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
            output.WriteLine($"{allocated} bytes for {offer[..60]}");
            Assert.InRange(allocated, 1, MaxAllocatedBytes);
        }

        static string Fill(string text) => new System.Text.StringBuilder().Insert(0, text, (SdpLimits.MaxLength - 500) / text.Length).ToString();
    }

    private static string Mutate(string[] offers, Random random)
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
