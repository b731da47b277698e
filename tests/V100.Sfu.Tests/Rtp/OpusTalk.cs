using V100.Sfu.Rtp;

namespace V100.Sfu.Tests.Rtp;

/// <summary>The frames of a voice with pauses (DTX): each tells its own number, near wraps of number and timestamp.</summary>
internal sealed class OpusTalk
{
    public const int FrameUnits = 960;

    private readonly Random _random;
    private long _sequence;

    public OpusTalk(Random random, long firstSequence)
    {
        _random = random;
        _sequence = firstSequence - 1;
        Timestamp = uint.MaxValue - (uint)random.Next(200_000);
    }

    public ExtendedSequence Sequence => new(_sequence);
    public uint Timestamp { get; private set; }
    public byte[] Frame { get; private set; } = [];

    public void Next()
    {
        _sequence++;

        // After a pause the number goes on and the timestamp leaps: also just at the edge of 14 bits.
        Timestamp += (uint)(FrameUnits * _random.Next(40) switch { 0 => _random.Next(2, 100), 1 => 17, 2 => 18, _ => 1 });
        Frame = new byte[_random.Next(200) == 0 ? 1_100 : _random.Next(8, 200)];
        _random.NextBytes(Frame);
        BitConverter.TryWriteBytes(Frame, _sequence);
    }
}
