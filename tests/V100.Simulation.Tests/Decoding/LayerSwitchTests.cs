using V100.Net;
using V100.Sfu.Forwarding;
using V100.Sfu.Rtp;
using V100.Sfu.Sdp;
using V100.Simulation.World;
using Xunit.Abstractions;

namespace V100.Simulation.Decoding;

/// <summary>
/// A subscriber whose layers are switched at random, behind a network that loses 2 % both ways: a real decoder takes what comes of it, and
/// sees of each frame exactly what it would see if it got all of that frame's encoding.
/// </summary>
public class LayerSwitchTests(ITestOutputHelper output)
{
    /// <summary>Twenty times as many in the nightly run.</summary>
    private const int SwitchesPerRun = 500;
    private const double LossRate = 0.02;
    private const long FrozenTicks = 18_000; // 200 ms
    private static readonly TimeSpan _frameTime = TimeSpan.FromTicks(333_333);
    private static readonly TimeSpan _roundTrip = TimeSpan.FromMilliseconds(30);

    [Theory]
    [InlineData(CodecKind.Vp8)]
    [InlineData(CodecKind.Vp9)]
    [InlineData(CodecKind.Av1)]
    public void Random_layer_switches_decode_without_an_error(CodecKind codec)
    {
        string folder = Directory.CreateTempSubdirectory("v100-layers").FullName;
        try
        {
            EncodedClip[] clips = [.. Enumerable.Range(0, 3).Select(encoding => EncodedClip.Encode(codec, encoding, folder))];
            int frames = 0;
            int lost = 0;
            int runs = 0;
            long longest = 0;
            foreach (int seed in Seed.Each(output, 1))
            {
                var run = new Run(codec, clips, new Random(seed));
                ReceivingDecoder decoder = run.ToEnd();
                string file = Path.Combine(folder, "switched.ivf");
                IvfFile.Write(file, codec switch { CodecKind.Vp8 => "VP80", CodecKind.Vp9 => "VP90", _ => "AV01" }, [.. decoder.Decodable.Select(frame => (frame.Time, frame.Bytes))]);
                string[] hashes = Ffmpeg.Decode(file);
                Assert.Equal(decoder.Decodable.Select(frame => frame.Origin.Clip.Hashes[frame.Origin.Index]), hashes);
                longest = Math.Max(longest, decoder.Decodable.Zip(decoder.Decodable.Skip(1), (one, next) => next.Time - one.Time).Max());
                frames += hashes.Length;
                lost += decoder.Lost;
                runs++;
            }

            output.WriteLine($"figure: {codec}: {runs * SwitchesPerRun} layer switches with {LossRate:P0} loss each way: {frames} frames decoded, 0 errors, {lost} left behind at switches, longest gap {longest / 90} ms");
            Assert.InRange(longest, 1, FrozenTicks);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>One call in virtual time.</summary>
    private sealed class Run
    {
        private readonly CodecKind _codec;
        private readonly Random _random;
        private readonly SimulcastSender[] _senders;
        private readonly SelectiveForwarder _forwarder;
        private readonly ReceivingDecoder _decoder;
        private readonly PriorityQueue<Action, (Instant At, long Order)> _events = new();
        private long _order;
        private Instant _now = new(1_000_000_000);

        public Run(CodecKind codec, EncodedClip[] clips, Random random)
        {
            _codec = codec;
            _random = random;
            _senders = [.. clips.Select(clip => new SimulcastSender(clip, random))];
            _decoder = new ReceivingDecoder(codec);
            _forwarder = new SelectiveForwarder(codec, random, OnSent);
        }

        public ReceivingDecoder ToEnd()
        {
            int switches = 0;
            int nextTarget = 0;
            LayerTarget last = default;
            for (int frame = 0; switches < SwitchesPerRun; frame++)
            {
                if (frame == nextTarget)
                {
                    _forwarder.Selector.Target = new LayerTarget(_random.Next(3), PacketLayers.MaxLayer, _random.Next(_codec == CodecKind.Av1 ? 1 : 3));
                    nextTarget += _random.Next(2, 13);
                }

                foreach (SimulcastSender sender in _senders)
                {
                    SendFrame(sender, frame);
                }

                AdvanceTo(_now + _frameTime);
                switches += _forwarder.Selector.Current != last ? 1 : 0;
                last = _forwarder.Selector.Current;
            }

            AdvanceTo(_now + TimeSpan.FromSeconds(1));
            _decoder.Decode();
            return _decoder;
        }

        private void SendFrame(SimulcastSender sender, int frame)
        {
            var origin = new Origin(sender.Clip, frame, sender.IndexOf(frame));
            TimeSpan offset = TimeSpan.Zero;
            foreach (byte[] packet in sender.Send(frame))
            {
                offset += TimeSpan.FromTicks(3_000);
                TimeSpan delay = offset;
                while (_random.NextDouble() < LossRate)
                {
                    delay += _roundTrip; // asked for again
                }

                delay += _random.Next(100) == 0 ? TimeSpan.FromMilliseconds(4) : TimeSpan.Zero;
                At(_now + delay, () => _forwarder.Receive(packet, origin, _now));
                if (_random.Next(200) == 0)
                {
                    At(_now + delay + TimeSpan.FromMilliseconds(_random.Next(50)), () => _forwarder.Receive(packet, origin, _now));
                }
            }
        }

        private void OnSent(SentCopy copy)
        {
            if (copy.Origin is null || _random.NextDouble() >= LossRate)
            {
                _decoder.Receive(copy);
                return;
            }

            At(_now + _roundTrip, () => Retransmit(copy));
        }

        private void Retransmit(SentCopy copy)
        {
            byte[]? again = _forwarder.Retransmit(copy.Sequence.Wire, _now);
            Assert.NotNull(again);
            Assert.Equal(copy.Packet, again);
            OnSent(copy);
        }

        private void At(Instant at, Action action) => _events.Enqueue(action, (at, _order++));

        private void AdvanceTo(Instant end)
        {
            while (_events.TryPeek(out Action? action, out (Instant At, long Order) due) && due.At <= end)
            {
                _events.Dequeue();
                _now = due.At;
                action();
            }

            _now = end;
        }
    }
}
