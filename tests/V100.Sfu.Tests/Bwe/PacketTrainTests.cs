using V100.Net;
using V100.Sfu.Bwe;

namespace V100.Sfu.Tests.Bwe;

public class PacketTrainTests
{
    private const int Bytes = 1_000;

    private readonly PacketTrain _train = new();
    private Instant _now = new(1_000_000_000);

    [Theory]
    [InlineData(2.0, true)]
    [InlineData(1.3, true)]
    [InlineData(1.1, false)]
    public void Frames_that_come_well_above_the_estimate_tell_of_spare_capacity(double factor, bool hasSpare)
    {
        Frames(13, factor);
        Assert.Equal(hasSpare, _train.HasSpare);
    }

    [Fact]
    public void Few_frames_or_one_slow_among_them_are_no_sign()
    {
        Frames(12, 3);
        Assert.False(_train.HasSpare);
        Frames(1, 3);
        Assert.True(_train.HasSpare);
        Frames(1, 0.5);
        Frames(1, 3);
        Assert.False(_train.HasSpare);
    }

    [Fact]
    public void Single_packets_tell_nothing()
    {
        Assert.False(_train.IsTelling(_now));
        for (int packet = 0; packet < 50; packet++)
        {
            _now += TimeSpan.FromMilliseconds(20);
            _train.OnPacket(_now, _now.Nanoseconds / 1000, Bytes, 1_000_000);
        }

        Assert.False(_train.HasSpare);
        Assert.False(_train.IsTelling(_now));
        Frames(2, 1);
        Assert.True(_train.IsTelling(_now));
        Assert.False(_train.IsTelling(_now + TimeSpan.FromSeconds(3)));
    }

    [Fact]
    public void After_a_reset_signs_are_gathered_anew()
    {
        Frames(20, 3);
        _train.Reset();
        Assert.False(_train.HasSpare);
        Frames(20, 3);
        Assert.True(_train.HasSpare);
    }

    // Frames of four packets, 33 ms apart, that arrive at a multiple of an estimate of 1 Mbit/s; the last ends with the next one's first packet.
    private void Frames(int count, double factor)
    {
        double packetUs = Bytes * 8 / factor;
        for (int frame = 0; frame < count; frame++)
        {
            _now += TimeSpan.FromMilliseconds(33);
            long arrivalUs = _now.Nanoseconds / 1000 + 50_000;
            for (int packet = 0; packet < 4; packet++)
            {
                _train.OnPacket(_now + TimeSpan.FromMilliseconds(packet), arrivalUs + (long)(packet * packetUs), Bytes, 1_000_000);
            }
        }
    }
}
