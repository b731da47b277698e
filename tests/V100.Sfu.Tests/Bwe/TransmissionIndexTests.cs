using V100.Sfu.Bwe;
using V100.Sfu.Rtp;

namespace V100.Sfu.Tests.Bwe;

public class TransmissionIndexTests
{
    private static readonly Ssrc _audio = new(0x1234_5678);
    private static readonly Ssrc _video = new(0x8765_4321);

    [Fact]
    public void Packets_are_found_by_stream_and_number()
    {
        var index = new TransmissionIndex();
        index.Add(_audio, new SequenceNumber(65_535), 70_000, 512);
        index.Add(_video, new SequenceNumber(65_535), 70_001, 512);
        index.Add(_audio, new SequenceNumber(0), 70_002, 512);
        Assert.Equal(70_000, Find(index, _audio, 65_535));
        Assert.Equal(70_001, Find(index, _video, 65_535));
        Assert.Equal(70_002, Find(index, _audio, 0));
        Assert.Null(Find(index, _video, 0));
        Assert.Null(Find(index, new Ssrc(0), 0));
    }

    [Fact]
    public void A_number_that_is_sent_again_names_the_later_packet()
    {
        var index = new TransmissionIndex();
        index.Add(_video, new SequenceNumber(7), 70_000, 512);
        index.Add(_video, new SequenceNumber(7), 70_009, 512);
        Assert.Equal(70_009, Find(index, _video, 7));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    public void What_the_history_holds_is_found_and_what_is_long_past_is_not(int streams)
    {
        var index = new TransmissionIndex();
        const int Packets = 20_000;
        for (int packet = 0; packet < Packets; packet++)
        {
            index.Add(new Ssrc((uint)(packet % streams)), new SequenceNumber((ushort)(packet / streams)), 70_000 + packet, 512);
        }

        for (int packet = Packets - 512; packet < Packets; packet++)
        {
            Assert.Equal(70_000 + packet, Find(index, new Ssrc((uint)(packet % streams)), (ushort)(packet / streams)));
        }

        Assert.Null(Find(index, new Ssrc(0), (ushort)((Packets - 1_100) / streams)));
    }

    [Fact]
    public void It_grows_with_the_history_and_keeps_what_it_has()
    {
        var index = new TransmissionIndex();
        for (int packet = 0; packet < 4_000; packet++)
        {
            index.Add(_video, new SequenceNumber((ushort)packet), 70_000 + packet, packet < 512 ? 512 : 4_096);
        }

        Assert.Equal(70_100, Find(index, _video, 100));
        Assert.Equal(73_999, Find(index, _video, 3_999));
    }

    private static long? Find(TransmissionIndex index, Ssrc ssrc, ushort sequence) =>
        index.TryFind(ssrc, new SequenceNumber(sequence), out long found) ? found : null;
}
