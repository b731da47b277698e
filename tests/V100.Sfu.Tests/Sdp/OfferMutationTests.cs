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
            string offer = OfferMutator.Mutate(offers, random);
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
}
