using V100.Sfu.Rtp;

namespace V100.Simulation.World;

/// <summary>A frame as a receiver has it: its packets in the order of their numbers.</summary>
/// <param name="Sent">What its publisher knows of it.</param>
/// <param name="Packets">At least one.</param>
/// <param name="Begins">It is the first of a stretch of one source.</param>
internal sealed record PlayedFrame(SentFrame Sent, List<PlayedPacket> Packets, bool Begins)
{
    public MediaMark Mark => Packets[0].Mark;
    public uint Timestamp => Packets[0].Timestamp;
    public Vp8Descriptor Vp8 => Packets[0].Vp8;
    public bool IsWhole => Packets.Count == Mark.Count;
}

/// <summary>What a decoder demands of a stream that goes from encoding to encoding and from layer to layer.</summary>
internal static class DecoderChecks
{
    private const int PictureIdMask = 0x7FFF;

    /// <summary>The frames in the order in which a decoder gets them.</summary>
    public static List<PlayedFrame> FramesOf(Playback playback, SimulatedClient publisher)
    {
        Dictionary<uint, TemporalLayers> sources = publisher.Publications
            .Where(publication => publication.Layers is not null)
            .ToDictionary(publication => publication.SourceId, publication => publication.Layers!);
        Assert.Empty(playback.Faults);
        List<PlayedFrame> frames = [];
        foreach ((long sequence, PlayedPacket packet) in playback.Packets)
        {
            MediaMark mark = packet.Mark;
            if (frames.Count > 0 && frames[^1].Mark is var last && (last.Source, last.Frame) == (mark.Source, mark.Frame))
            {
                Assert.True(mark.Index > frames[^1].Packets[^1].Mark.Index, $"output {sequence}: {mark} is out of its place");
                frames[^1].Packets.Add(packet);
                continue;
            }

            bool begins = frames.Count == 0 || frames[^1].Mark.Source != mark.Source || mark.IsKeyframe && mark.Frame != frames[^1].Mark.Frame + 1;
            frames.Add(new PlayedFrame(sources[mark.Source].Frames[(int)mark.Frame], [packet], begins));
        }

        return frames;
    }

    /// <summary>A frame has one timestamp, and the next one a later one.</summary>
    public static void AreTimesInOrder(List<PlayedFrame> frames)
    {
        foreach (PlayedFrame frame in frames)
        {
            Assert.All(frame.Packets, packet => Assert.Equal(frame.Timestamp, packet.Timestamp));
        }

        foreach ((PlayedFrame former, PlayedFrame next) in frames.Zip(frames.Skip(1)))
        {
            Assert.True((int)(next.Timestamp - former.Timestamp) > 0, $"{next.Mark} is no later than {former.Mark}");
        }
    }

    /// <summary>All packets of a frame say the same, in the long form that every receiver takes from whatever was before.</summary>
    public static void HasOneDescriptorPerFrame(List<PlayedFrame> frames)
    {
        foreach (PlayedFrame frame in frames)
        {
            Vp8Descriptor first = frame.Vp8;
            Assert.True(first is { HasPictureId: true, HasLongPictureId: true, HasTemporalLevelZeroIndex: true, HasKeyIndex: true });
            Assert.Equal(frame.Sent.TemporalLayer, first.TemporalLayer);
            foreach (PlayedPacket packet in frame.Packets)
            {
                Assert.True(
                    (packet.Vp8.PictureId, packet.Vp8.TemporalLevelZeroIndex, packet.Vp8.KeyIndex) == (first.PictureId, first.TemporalLevelZeroIndex, first.KeyIndex),
                    $"{packet.Mark} has other numbers than its frame");
            }
        }
    }

    /// <summary>
    /// RFC 7741, 4.2: picture ids grow by one from frame to frame, TL0PICIDX with each frame of layer 0, KEYIDX with each keyframe: whatever was
    /// left out in between, and whichever encoding it is of.
    /// </summary>
    public static void AreNumbersContinuous(List<PlayedFrame> frames)
    {
        foreach ((PlayedFrame former, PlayedFrame next) in frames.Zip(frames.Skip(1)))
        {
            string where = $"{next.Mark} behind {former.Mark}";
            Assert.True((former.Vp8.PictureId + 1 & PictureIdMask) == next.Vp8.PictureId, $"picture id {former.Vp8.PictureId} to {next.Vp8.PictureId}: {where}");
            int levelZero = former.Vp8.TemporalLevelZeroIndex + (next.Sent.TemporalLayer == 0 ? 1 : 0) & 0xFF;
            Assert.True(levelZero == next.Vp8.TemporalLevelZeroIndex, $"TL0PICIDX {former.Vp8.TemporalLevelZeroIndex} to {next.Vp8.TemporalLevelZeroIndex}: {where}");
            int key = former.Vp8.KeyIndex + (next.Sent.IsKeyframe ? 1 : 0) & 0x1F;
            Assert.True(key == next.Vp8.KeyIndex, $"KEYIDX {former.Vp8.KeyIndex} to {next.Vp8.KeyIndex}: {where}");
        }
    }

    /// <summary>
    /// As <see cref="AreNumbersContinuous"/> where packets overtook each other: what is left out behind newer frames leaves its picture id open,
    /// so ids may skip as many as were not sent, and never more; no two frames share one, and the other numbers are exact within a stretch.
    /// </summary>
    public static void AreNumbersInOrder(List<PlayedFrame> frames)
    {
        foreach ((PlayedFrame former, PlayedFrame next) in frames.Zip(frames.Skip(1)))
        {
            string where = $"{next.Mark} behind {former.Mark}";
            int step = next.Vp8.PictureId - former.Vp8.PictureId & PictureIdMask;
            int levelZeroStep = next.Vp8.TemporalLevelZeroIndex - former.Vp8.TemporalLevelZeroIndex & 0xFF;
            int keyStep = next.Vp8.KeyIndex - former.Vp8.KeyIndex & 0x1F;
            if (next.Begins)
            {
                // Of the former source the last frames may be lost.
                Assert.True(step is >= 1 and <= 8 && levelZeroStep is >= 1 and <= 3 && keyStep is >= 1 and <= 2, $"{step}, {levelZeroStep}, {keyStep}: {where}");
                continue;
            }

            Assert.True(step >= 1 && step <= next.Mark.Frame - former.Mark.Frame, $"picture id {former.Vp8.PictureId} to {next.Vp8.PictureId}: {where}");
            Assert.True(levelZeroStep == next.Sent.LevelZero - former.Sent.LevelZero, $"TL0PICIDX grows by {levelZeroStep}: {where}");
            Assert.True(keyStep == next.Sent.Keys - former.Sent.Keys, $"KEYIDX grows by {keyStep}: {where}");
        }
    }

    /// <summary>Every frame is whole, and behind every frame that it is predicted from. Returns how many there were.</summary>
    /// <param name="frames">In the order of decoding.</param>
    /// <param name="lostAtEnds">Of the last ones of a stretch that many may lack something.</param>
    public static int AllDecode(List<PlayedFrame> frames, int lostAtEnds = 0)
    {
        HashSet<uint> decoded = [];
        for (int index = 0; index < frames.Count; index++)
        {
            PlayedFrame frame = frames[index];
            if (frame.Begins)
            {
                decoded.Clear();
                Assert.True(frame.Sent.IsKeyframe, $"a stretch begins at {frame.Mark}");
            }

            bool mayLack = frames.FindIndex(index + 1, next => next.Begins) is var end && end >= 0 && end - index <= lostAtEnds;
            bool isReferenced = Array.TrueForAll(frame.Sent.References, decoded.Contains);
            Assert.True(mayLack || frame.IsWhole, $"{frame.Packets.Count} of {frame.Mark}");
            Assert.True(mayLack || isReferenced, $"{frame.Mark} without {string.Join(", ", frame.Sent.References)}");
            if (frame.IsWhole && isReferenced)
            {
                decoded.Add(frame.Mark.Frame);
            }
        }

        return frames.Count;
    }
}
