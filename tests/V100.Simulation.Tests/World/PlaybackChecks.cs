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

    /// <summary>
    /// Right bytes and the publisher's order, each packet once, whatever became of the numbers in between. For publishers whose own
    /// numbers have padding among the media.
    /// </summary>
    public static void IsInOrder(Playback playback)
    {
        Assert.Empty(playback.Faults);
        Assert.NotEmpty(playback.Packets);
        MediaMark? last = null;
        uint offset = 0;
        foreach ((long sequence, PlayedPacket packet) in playback.Packets)
        {
            bool isSameSource = last?.Source == packet.Mark.Source;
            Assert.True(!isSameSource || packet.Mark.Number > last!.Value.Number, $"output {sequence}: {packet.Mark} behind {last}");
            Assert.True(!isSameSource || packet.Timestamp - packet.Mark.Timestamp == offset, $"output {sequence}: the timestamp of {packet.Mark} is moved");
            offset = packet.Timestamp - packet.Mark.Timestamp;
            last = packet.Mark;
        }
    }

    /// <summary>
    /// As <see cref="IsTrue"/>, for a stream that may come back to a publisher: every turn begins with a keyframe (where there are such),
    /// has one distance of its own, and timestamps go forward from turn to turn.
    /// </summary>
    public static void IsInOrderOfTurns(Playback playback)
    {
        Assert.Empty(playback.Faults);
        PlayedPacket? last = null;
        long lastSequence = 0;
        foreach ((long sequence, PlayedPacket packet) in playback.Packets)
        {
            if (last is { } former && former.Mark.Source == packet.Mark.Source)
            {
                Assert.True(sequence - packet.Mark.Number == lastSequence - former.Mark.Number, $"output {sequence} of {packet.Mark} is moved");
                Assert.Equal(former.Timestamp - former.Mark.Timestamp, packet.Timestamp - packet.Mark.Timestamp);
            }
            else if (last is { } other)
            {
                Assert.True(playback.Section.Kind != Sfu.Sdp.MediaKind.Video || packet.Mark is { IsKeyframe: true, Index: 0 }, $"turns at {packet.Mark}");
                Assert.True((int)(packet.Timestamp - other.Timestamp) > 0, $"the time goes back at {packet.Mark}");
            }

            (last, lastSequence) = (packet, sequence);
        }
    }

    /// <summary>Every packet with media from the first that was played to the publisher's last came.</summary>
    public static void HasAllMedia(Playback playback, Publication publication)
    {
        uint[] numbers = [.. playback.Packets.Values.Where(packet => packet.Mark.Source == publication.SourceId).Select(packet => packet.Mark.Number).Order()];
        Assert.NotEmpty(numbers);
        Assert.Equal(publication.Number - 1, numbers[^1]);
        Assert.Equal(publication.Number - numbers[0], (uint)numbers.Length);
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
