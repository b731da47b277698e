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
        Assert.True(playback.Faults.Count == 0, string.Join('\n', playback.Faults.Take(3)));
        Assert.NotEmpty(playback.Packets);
        var seen = new HashSet<uint>();
        foreach (List<KeyValuePair<long, PlayedPacket>> turn in Turns(playback))
        {
            Assert.True(seen.Add(turn[0].Value.Mark.Source), "two sources are mixed");
            AreAtOneDistance(turn);
            TimesAreTrue(turn);
        }
    }

    /// <summary>Stretches of packets of one source.</summary>
    /// <param name="playback">What was played.</param>
    /// <param name="mayComeBack">Coming back to the source, with nothing of another in between, is another stretch: it may begin with a keyframe of the past.</param>
    private static IEnumerable<List<KeyValuePair<long, PlayedPacket>>> Turns(Playback playback, bool mayComeBack = false)
    {
        List<KeyValuePair<long, PlayedPacket>> turn = [];
        foreach (KeyValuePair<long, PlayedPacket> packet in playback.Packets)
        {
            if (turn.Count > 0 && (turn[^1].Value.Mark.Source != packet.Value.Mark.Source || mayComeBack && ComesBack(turn[^1], packet)))
            {
                yield return turn;
                turn = [];
            }

            turn.Add(packet);
        }

        yield return turn;
    }

    private static bool ComesBack(KeyValuePair<long, PlayedPacket> last, KeyValuePair<long, PlayedPacket> next) =>
        next.Value.Mark is { IsKeyframe: true, Index: 0 } && next.Key - last.Key != (long)next.Value.Mark.Number - last.Value.Mark.Number;

    private static void AreAtOneDistance(List<KeyValuePair<long, PlayedPacket>> turn)
    {
        foreach ((long sequence, PlayedPacket packet) in turn)
        {
            Assert.True(sequence - packet.Mark.Number == turn[0].Key - turn[0].Value.Mark.Number, $"output {sequence} of {packet.Mark} is moved");
        }
    }

    /// <summary>
    /// Timestamps at one distance from the publisher's; but a turn may begin with frames of the past, from a keyframe on, which are shown
    /// 32 times as fast as they were and lie right before the first live one.
    /// </summary>
    private static void TimesAreTrue(List<KeyValuePair<long, PlayedPacket>> turn)
    {
        uint offset = turn[^1].Value.Timestamp - turn[^1].Value.Mark.Timestamp;
        PlayedPacket live = turn.Find(packet => packet.Value.Timestamp - packet.Value.Mark.Timestamp == offset).Value;
        foreach ((long sequence, PlayedPacket packet) in turn)
        {
            int before = (int)(live.Mark.Timestamp - packet.Mark.Timestamp);
            int expected = before > 0 ? before / 32 : before;
            Assert.True((int)(live.Timestamp - packet.Timestamp) == expected, $"output {sequence}: the timestamp of {packet.Mark} is moved");
        }
    }

    /// <summary>
    /// Right bytes and the publisher's order, each packet once, whatever became of the numbers in between. For publishers whose own
    /// numbers have padding among the media.
    /// </summary>
    public static void IsInOrder(Playback playback)
    {
        Assert.True(playback.Faults.Count == 0, string.Join('\n', playback.Faults.Take(3)));
        Assert.NotEmpty(playback.Packets);
        foreach (List<KeyValuePair<long, PlayedPacket>> turn in Turns(playback))
        {
            TimesAreTrue(turn);
            for (int index = 1; index < turn.Count; index++)
            {
                MediaMark mark = turn[index].Value.Mark;
                Assert.True(mark.Number > turn[index - 1].Value.Mark.Number, $"output {turn[index].Key}: {mark} behind {turn[index - 1].Value.Mark}");
            }
        }
    }

    /// <summary>
    /// As <see cref="IsTrue"/>, for a stream that may come back to a publisher: every turn begins with a keyframe (where there are such),
    /// has one distance of its own, and timestamps go forward from turn to turn.
    /// </summary>
    public static void IsInOrderOfTurns(Playback playback)
    {
        Assert.True(playback.Faults.Count == 0, string.Join('\n', playback.Faults.Take(3)));
        PlayedPacket? last = null;
        foreach (List<KeyValuePair<long, PlayedPacket>> turn in Turns(playback, mayComeBack: true))
        {
            AreAtOneDistance(turn);
            TimesAreTrue(turn);
            PlayedPacket first = turn[0].Value;
            if (last is { } other)
            {
                Assert.True(playback.Section.Kind != Sfu.Sdp.MediaKind.Video || first.Mark is { IsKeyframe: true, Index: 0 }, $"turns at {first.Mark}");
                Assert.True((int)(first.Timestamp - other.Timestamp) > 0, $"the time goes back at {first.Mark}");
            }

            last = turn[^1].Value;
        }
    }

    /// <summary>
    /// As <see cref="IsInOrderOfTurns"/>, for a stream that goes from encoding to encoding of one track: its timestamps go forward from frame to
    /// frame, every turn begins with a keyframe, and nothing within a turn is missing in the numbers.
    /// </summary>
    public static void IsOneStreamOfEncodings(Playback playback)
    {
        Assert.Empty(playback.Faults);
        PlayedPacket? last = null;
        long lastSequence = 0;
        foreach (List<KeyValuePair<long, PlayedPacket>> turn in Turns(playback, mayComeBack: true))
        {
            AreAtOneDistance(turn);

            // Where a packet is missing in between, that may have been the keyframe's first.
            bool follows = last is not null && turn[0].Key == lastSequence + 1;
            Assert.True(!follows || turn[0].Value.Mark is { IsKeyframe: true, Index: 0 }, $"turns at {turn[0].Value.Mark}");
            lastSequence = turn[^1].Key;
            foreach ((long sequence, PlayedPacket packet) in turn)
            {
                // Who loses a track for a moment may get a keyframe once more that it had already: that is another frame then.
                bool isSameFrame = last is { } former && former.Mark.Source == packet.Mark.Source && former.Mark.Frame == packet.Mark.Frame
                    && former.Mark.Index < packet.Mark.Index;
                int step = last is null ? 1 : (int)(packet.Timestamp - last.Value.Timestamp);
                Assert.True(isSameFrame ? step == 0 : step > 0, $"output {sequence}: {packet.Mark} lies {step} ticks behind {last?.Mark}");
                last = packet;
            }
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
