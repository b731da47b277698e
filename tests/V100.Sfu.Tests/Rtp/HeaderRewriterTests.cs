using System.Text;
using V100.Sfu.Rtp;
using Xunit.Abstractions;

namespace V100.Sfu.Tests.Rtp;

public class HeaderRewriterTests(ITestOutputHelper output)
{
    private static readonly RtpHeader Header = new(96, true, new SequenceNumber(1), 2, new Ssrc(3));

    /// <summary>A publisher's: audio level 1, transport sequence 3, mid 4, rid 10, repaired-rid 11, video orientation 13.</summary>
    private static byte[] Publish(bool twoByte = false)
    {
        byte[] bytes = new byte[80];
        var writer = new RtpHeaderWriter(bytes, Header);
        Assert.True(writer.TryAdd(4, "video-of-publisher"u8[..(twoByte ? 18 : 5)]));
        Assert.True(writer.TryAdd(10, "h"u8));
        Assert.True(writer.TryAdd(11, "r"u8));
        Assert.True(writer.TryAdd(1, [0x7F]));
        Assert.True(writer.TryAdd(13, [0x02]));
        Assert.True(writer.TryAdd(3, [0, 9]));
        return bytes[..writer.Finish()];
    }

    private static string Rewrite(HeaderRewriter rewriter, byte[] published, int room = 200)
    {
        Assert.True(RtpReader.TryParse(published, out RtpReader source));
        byte[] bytes = new byte[room];
        bytes.AsSpan().Fill(0xEE);
        int length = rewriter.Write(bytes, Header, source.Extensions, 0x1234);
        if (length == 0)
        {
            return "no room";
        }

        Assert.True(RtpReader.TryParse(bytes.AsSpan(0, length), out RtpReader reader));
        Assert.Equal(length, reader.HeaderLength);
        Assert.Equal(Header.Ssrc, reader.Ssrc);
        var text = new StringBuilder();
        foreach (RtpExtension element in reader.Extensions)
        {
            text.Append(reader.Extensions.IsOneByte ? "" : "w").Append($"{element.Id}={Convert.ToHexString(element.Value)} ");
        }

        return text.ToString().TrimEnd();
    }

    [Fact]
    public void Ids_are_the_subscribers_its_mid_is_stamped_and_rids_do_not_pass()
    {
        // Ids that swap with each other, as two clients' offers do.
        var rewriter = new HeaderRewriter(
            [new(1, 13), new(13, 1)],
            new HeaderExtensionStamps(MidId: 9, Mid: "2"u8.ToArray(), TransportSequenceId: 4));
        Assert.Equal("9=32 4=1234 13=7F 1=02", Rewrite(rewriter, Publish()));
        Assert.Equal(0, rewriter.GetTargetId(10));
        Assert.Equal(0, rewriter.GetTargetId(11));
    }

    [Fact]
    public void One_value_is_replaced_in_either_form()
    {
        Assert.True(RtpReader.TryParse(Publish(), out RtpReader source));
        var rewriter = new HeaderRewriter([new(1, 13), new(13, 1)], default, allowTwoByte: true);
        byte[] bytes = new byte[200];
        foreach (int length in (int[])[1, 4, 16, 17, 90])
        {
            byte[] value = [.. Enumerable.Range(0, length).Select(index => (byte)index)];
            int written = rewriter.Write(bytes, Header, source.Extensions, 1, new RtpExtension(13, value));
            Assert.True(RtpReader.TryParse(bytes.AsSpan(0, written), out RtpReader reader));
            Assert.True(reader.Extensions.TryGet(1, out ReadOnlySpan<byte> replaced));
            Assert.Equal(value, replaced.ToArray());
            Assert.True(reader.Extensions.TryGet(13, out ReadOnlySpan<byte> other));
            Assert.Equal((byte[])[0x7F], other.ToArray());
        }
    }

    [Fact]
    public void With_nothing_to_say_there_is_no_block()
    {
        byte[] bytes = new byte[64];
        Assert.True(RtpReader.TryParse(Publish(), out RtpReader source));
        int length = new HeaderRewriter([], default).Write(bytes, Header, source.Extensions, 1);
        Assert.Equal(RtpHeader.FixedLength, length);
        Assert.Equal(0x80, bytes[0]);
    }

    [Fact]
    public void A_source_in_the_two_byte_form_comes_out_in_the_one_byte_form_where_it_fits()
    {
        var rewriter = new HeaderRewriter([new(1, 5)], new HeaderExtensionStamps(MidId: 9, Mid: "2"u8.ToArray()));
        Assert.Equal("9=32 5=7F", Rewrite(rewriter, Publish(twoByte: true)));
    }

    [Fact]
    public void A_target_above_14_takes_the_two_byte_form_where_it_is_allowed()
    {
        var stamps = new HeaderExtensionStamps(MidId: 9, Mid: "2"u8.ToArray(), TransportSequenceId: 20);
        Assert.Equal("w9=32 w20=1234 w30=7F", Rewrite(new HeaderRewriter([new(1, 30)], stamps, allowTwoByte: true), Publish()));
        Assert.Equal("9=32", Rewrite(new HeaderRewriter([new(1, 30)], stamps), Publish()));
    }

    [Fact]
    public void A_value_of_more_than_16_bytes_takes_the_two_byte_form_or_is_left_out()
    {
        var stamps = new HeaderExtensionStamps(MidId: 9, Mid: "2"u8.ToArray());
        HeaderExtensionCopy[] copies = [new(4, 6), new(1, 5)];
        string longMid = Convert.ToHexString("video-of-publisher"u8);
        Assert.Equal($"w9=32 w6={longMid} w5=7F", Rewrite(new HeaderRewriter(copies, stamps, allowTwoByte: true), Publish(twoByte: true)));
        Assert.Equal("9=32 5=7F", Rewrite(new HeaderRewriter(copies, stamps), Publish(twoByte: true)));
    }

    [Fact]
    public void A_mid_that_only_the_two_byte_form_holds_is_left_out_without_it()
    {
        byte[] mid = "a-mid-of-seventeen"u8[..17].ToArray();
        var stamps = new HeaderExtensionStamps(MidId: 9, Mid: mid);
        Assert.Equal("", Rewrite(new HeaderRewriter([], stamps), Publish()));
        Assert.Equal($"w9={Convert.ToHexString(mid)}", Rewrite(new HeaderRewriter([], stamps, allowTwoByte: true), Publish()));
    }

    [Fact]
    public void A_copy_onto_a_stamped_id_gives_way()
    {
        var rewriter = new HeaderRewriter([new(1, 9), new(13, 5)], new HeaderExtensionStamps(MidId: 9, Mid: "2"u8.ToArray()));
        Assert.Equal("9=32 5=02", Rewrite(rewriter, Publish()));
    }

    [Fact]
    public void Random_maps_agree_with_a_model_and_never_write_beyond_the_room()
    {
        Random random = Seeds.NewRandom(output);
        for (int round = 0; round < 3_000; round++)
        {
            bool allowTwoByte = random.Next(2) == 0;
            byte[] targets = new byte[20];
            for (int id = 0; id < targets.Length; id++)
            {
                targets[id] = (byte)(id + 1);
            }

            random.Shuffle(targets);
            var copies = new List<HeaderExtensionCopy>();
            byte[] sourceBytes = new byte[400];
            var sourceWriter = new RtpHeaderWriter(sourceBytes, Header);
            var expected = new List<string>();
            if (targets[0] <= 14 || allowTwoByte)
            {
                expected.Add($"{targets[0]}=6D");
            }

            for (byte id = 1; id <= 12; id++)
            {
                byte[] value = new byte[random.Next(8) == 0 ? random.Next(0, 25) : random.Next(1, 5)];
                random.NextBytes(value);
                Assert.True(sourceWriter.TryAdd(id, value));
                byte target = targets[id];
                if (random.Next(2) == 0)
                {
                    copies.Add(new HeaderExtensionCopy(id, target));
                    if (allowTwoByte || target <= 14 && value.Length is > 0 and <= 16)
                    {
                        expected.Add($"{target}={Convert.ToHexString(value)}");
                    }
                }
            }

            byte[] source = sourceBytes[..sourceWriter.Finish()];
            var rewriter = new HeaderRewriter(
                copies.ToArray(), new HeaderExtensionStamps(MidId: targets[0], Mid: "m"u8.ToArray()), allowTwoByte);
            string written = Rewrite(rewriter, source, rewriter.GetMaxLength(source.Length)).Replace("w", "", StringComparison.Ordinal);
            Assert.Equal(string.Join(' ', expected), written);
            Rewrite(rewriter, source, random.Next(0, 60));
        }
    }

    [Fact]
    public void Writing_a_header_allocates_nothing()
    {
        byte[] published = Publish();
        byte[] bytes = new byte[200];
        var rewriter = new HeaderRewriter(
            [new(1, 13), new(13, 1)], new HeaderExtensionStamps(9, "2"u8.ToArray(), 4));
        var wide = new HeaderRewriter([new(1, 30)], new HeaderExtensionStamps(9, "2"u8.ToArray(), 4), allowTwoByte: true);
        Allocations.AssertNone(() =>
        {
            Assert.True(RtpReader.TryParse(published, out RtpReader source));
            Assert.True(rewriter.Write(bytes, Header, source.Extensions, 1) > 0);
            Assert.True(wide.Write(bytes, Header, source.Extensions, 1) > 0);
        });
    }
}
