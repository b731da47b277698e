using System.Globalization;
using V100.Sfu.Sdp;

namespace V100.Sfu.Tests.Sdp;

/// <summary>
/// What each client gets, spelled out in Offers/answers.txt: an offer and a role, then a line for each section with
/// mid, kind, direction, codecs as name:payload type/retransmissions, the feedback of the first codec, the rids of simulcast, and header extensions.
/// </summary>
public sealed class AnswerTableTests
{
    public static TheoryData<string, SessionRole, string> Expectations
    {
        get
        {
            var expectations = new TheoryData<string, SessionRole, string>();
            string[] entries = Offers.ReadFile("answers.txt").ReplaceLineEndings("\n").Split("\n\n", StringSplitOptions.RemoveEmptyEntries);
            foreach (string entry in entries)
            {
                string[] lines = entry.Trim('\n').Split('\n');
                foreach (string offer in lines[0].Split(", "))
                {
                    string[] fields = offer.Split(' ');
                    expectations.Add(fields[0], Enum.Parse<SessionRole>(fields[1]), string.Join('\n', lines[1..]));
                }
            }

            return expectations;
        }
    }

    [Theory]
    [MemberData(nameof(Expectations))]
    public void The_answer_is_what_the_table_says(string name, SessionRole role, string expected) =>
        Assert.Equal(expected, string.Join('\n', Describe(Offers.Answer(Offers.Read(name), role))));

    [Fact]
    public void Every_offer_with_media_stands_in_the_table()
    {
        foreach (string name in Offers.All)
        {
            Assert.True(name.EndsWith("-data-only", StringComparison.Ordinal) || Offers.ReadFile("answers.txt").Contains(name + " ", StringComparison.Ordinal), name);
        }
    }

    internal static List<string> Describe(NegotiatedSession session)
    {
        var lines = new List<string>();
        foreach (MediaSection section in session.Sections)
        {
            if (section.IsRejected)
            {
                lines.Add($"{section.Mid} rejected: {section.RejectReason}");
                continue;
            }

            string line = $"{section.Mid} {section.Kind} {section.Direction}:";
            foreach (NegotiatedCodec codec in section.Codecs)
            {
                line += $" {Name(codec)}:{codec.PayloadType}{(codec.RtxPayloadType < 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"/{codec.RtxPayloadType}"))}";
            }

            string rids = section.Encodings.Length > 1 ? "; rids " + string.Join(' ', section.Encodings.Select(encoding => encoding.Rid)) : "";
            lines.Add($"{line}; {section.Codecs[0].Feedback}{rids}{Extensions("; from client", section.ReceivedExtensions)}{Extensions("; to client", section.SentExtensions)}");
        }

        return lines;
    }

    private static string Name(NegotiatedCodec codec) => codec.Kind switch
    {
        CodecKind.H264 => $"H264({codec.H264Level.Profile},{codec.PacketizationMode})",
        CodecKind.Vp9 or CodecKind.Av1 => $"{codec.Kind}({codec.Profile})",
        CodecKind.Red => $"Red({codec.RedPayloadType})",
        _ => codec.Kind.ToString(),
    };

    private static string Extensions(string title, NegotiatedExtensions extensions)
    {
        string text = "";
        for (int id = 1; id <= byte.MaxValue; id++)
        {
            HeaderExtensionKind kind = extensions.KindOf((byte)id);
            text += kind == HeaderExtensionKind.None ? "" : $" {kind}={id}";
        }

        return text.Length == 0 ? "" : title + text;
    }
}
