using V100.Sfu.Rtp;

namespace V100.Simulation.World;

/// <summary>
/// Follows dependency descriptors as a receiver does (RTP Payload Format For AV1, A): which frame a packet is of, what that refers to, and of which
/// decode targets there will be frames. What a receiver could not know is a failed assertion.
/// </summary>
internal sealed class DependencyReader
{
    private readonly Dictionary<ushort, PlayedFrame> _decoded = [];
    private DependencyStructure? _structure;
    private byte _templateIdOffset;
    private PlayedFrame? _last;
    private ushort _lastNumber;

    /// <summary>One bit for each decode target.</summary>
    public uint ActiveDecodeTargets { get; private set; }

    /// <summary>The highest temporal layer of the active decode targets.</summary>
    public int ActiveTemporalLayer =>
        Enumerable.Range(0, _structure!.DecodeTargetCount).Where(target => (ActiveDecodeTargets >> target & 1) != 0).Max(_structure.TemporalLayerOfTarget);

    /// <summary>The next frame in the order of decoding, all of it.</summary>
    public void Take(PlayedFrame frame)
    {
        ushort number = 0;
        for (int index = 0; index < frame.Packets.Count; index++)
        {
            byte[] value = frame.Packets[index].DependencyDescriptor;
            Assert.True(DependencyDescriptor.TryParse(value, out DependencyDescriptor descriptor), $"{frame.Packets[index].Mark} has no descriptor");
            Assert.Equal((index == 0, index == frame.Mark.Count - 1), (descriptor.StartsFrame, descriptor.EndsFrame));
            Assert.True(index == 0 || descriptor.FrameNumber == number, $"{frame.Mark} has two numbers");
            number = descriptor.FrameNumber;
            DependencyFrame read = Read(value, in descriptor, frame, index);
            Assert.Equal((frame.Sent.TemporalLayer, 0), (read.TemporalLayer, read.SpatialLayer));
            AreReferencesDecoded(frame, number, in read);
        }

        // Numbers go on from source to source; within one, what is left out keeps its own.
        int step = (ushort)(number - _lastNumber);
        Assert.True(_last is not { } last || step == (frame.Mark.Source != last.Mark.Source ? 1 : (int)(frame.Mark.Frame - last.Mark.Frame)), $"the number of {frame.Mark} is {step} behind {_last?.Mark}");
        (_last, _lastNumber) = (frame, number);
        _decoded[number] = frame;
    }

    private DependencyFrame Read(byte[] value, in DependencyDescriptor descriptor, PlayedFrame frame, int index)
    {
        int end = 0;
        if (descriptor.HasStructure)
        {
            Assert.True(frame.Sent.IsKeyframe && index == 0, $"a structure in packet {index} of {frame.Mark}");
            (DependencyStructure? former, byte formerOffset) = (_structure, _templateIdOffset);
            Assert.True(DependencyStructure.TryParse(value, null, out _structure, out _templateIdOffset, out end));
            Assert.Equal((5, 3, 1), (_structure.TemplateCount, _structure.DecodeTargetCount, _structure.ChainCount));

            // A packet that comes without the structure that it needs must not be read by the one before.
            int apart = _templateIdOffset - formerOffset & 0x3F;
            Assert.True(former is null || apart >= former.TemplateCount && 64 - apart >= _structure.TemplateCount, $"{frame.Mark} gives template ids of before another meaning");
            _decoded.Clear();
        }

        Assert.True(!frame.Sent.IsKeyframe || index > 0 || descriptor.HasStructure, $"{frame.Mark} begins without the structure");
        Assert.True(_structure is not null, $"{frame.Mark} without any structure before it");
        Assert.True(DependencyFrame.TryRead(value, in descriptor, _structure, _templateIdOffset, end, out DependencyFrame read), $"{frame.Mark}: no such template");
        ActiveDecodeTargets = read.ActiveDecodeTargets ?? ActiveDecodeTargets;
        return read;
    }

    /// <summary>What it is predicted from, by the numbers, is what its publisher predicted it from.</summary>
    private void AreReferencesDecoded(PlayedFrame frame, ushort number, in DependencyFrame read)
    {
        Assert.False(read.References.HasFar);
        List<uint> referenced = [];
        for (int distance = 1; distance <= FrameReferences.NearLength; distance++)
        {
            if ((read.References.Near >> (distance - 1) & 1) != 0)
            {
                Assert.True(_decoded.TryGetValue((ushort)(number - distance), out PlayedFrame? former), $"{frame.Mark} refers to what did not come, {distance} before");
                Assert.Equal(frame.Mark.Source, former.Mark.Source);
                referenced.Add(former.Mark.Frame);
            }
        }

        Assert.Equal(frame.Sent.References, referenced);
    }
}
