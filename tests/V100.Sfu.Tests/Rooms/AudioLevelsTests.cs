using V100.Sfu.Rooms;

namespace V100.Sfu.Tests.Rooms;

public class AudioLevelsTests
{
    [Fact]
    public void Each_packet_is_read_once_oldest_first()
    {
        var levels = new AudioLevels();
        ushort read = 0;
        var room = new byte[AudioLevels.Depth];
        Assert.Equal(0, levels.Read(ref read, room));
        levels.Record(127); // silence
        levels.Record(0x80 | 30); // voice at −30 dBov
        Assert.Equal(2, levels.Read(ref read, room));
        Assert.Equal([0, AudioLevels.VoiceBit | 97], room[..2]);
        Assert.Equal(0, levels.Read(ref read, room));
    }

    [Fact]
    public void Of_too_many_the_last_are_kept_and_the_count_wraps_past_zero()
    {
        var levels = new AudioLevels();
        ushort read = 0;
        var room = new byte[AudioLevels.Depth];
        for (int packet = 0; packet < 200_000; packet++)
        {
            levels.Record((byte)(127 - packet % 100));
            if (packet % 7 == 6)
            {
                Assert.Equal(AudioLevels.Depth, levels.Read(ref read, room));
                Assert.Equal(packet % 100, room[^1]);
                Assert.NotEqual(0, read);
            }
            else if (packet > 65_000 && packet < 66_000)
            {
                ushort here = read;
                Assert.Equal(packet % 7 + 1, levels.Read(ref here, room));
            }
        }
    }
}
