namespace V100.Simulation.World;

/// <summary>What every subscriber must see, whatever happened on the way.</summary>
internal static class PlaybackChecks
{
    /// <summary>
    /// Right bytes, no number used twice, and within each source of the publisher the output numbers and timestamps at one
    /// distance from the publisher's: what was lost leaves its gap, what was not sent leaves none.
    /// </summary>
    public static void IsTrue(Playback playback)
    {
        Assert.Empty(playback.Faults);
        Assert.NotEmpty(playback.Packets);
        var offsets = new Dictionary<uint, (long Sequence, uint Timestamp)>();
        uint? last = null;
        foreach ((long sequence, PlayedPacket packet) in playback.Packets)
        {
            (long, uint) offset = (sequence - packet.Mark.Number, packet.Timestamp - packet.Mark.Timestamp);
            if (packet.Mark.Source != last)
            {
                Assert.True(offsets.TryAdd(packet.Mark.Source, offset), "two sources are mixed");
                last = packet.Mark.Source;
            }

            Assert.True(offsets[packet.Mark.Source] == offset, $"output {sequence} of {packet.Mark} is moved");
        }
    }

    /// <summary>No output number between the first and the last is missing.</summary>
    public static void IsWhole(Playback playback)
    {
        IsTrue(playback);
        long first = playback.Packets.Keys.First();
        long last = playback.Packets.Keys.Last();
        Assert.Equal(last - first + 1, playback.Packets.Count + playback.PaddingPackets);
    }

    /// <summary>The first packet begins a keyframe.</summary>
    public static void StartsAtKeyframe(Playback playback)
    {
        MediaMark first = playback.Packets.Values.First().Mark;
        Assert.True(first is { IsKeyframe: true, Index: 0 }, $"starts at {first}");
    }
}
