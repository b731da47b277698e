using V100.Net;
using V100.Sfu.Forwarding;
using V100.Sfu.Rtp;
using V100.Sfu.Tests.Rtp;
using Xunit.Abstractions;

namespace V100.Sfu.Tests.Forwarding;

/// <summary>Nothing is sent whose references are not, no frame by halves, and the target is reached as soon as it can be.</summary>
public class LayerSelectorTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Whatever_is_chosen_can_be_decoded(int layering)
    {
        Random random = Seeds.NewRandom(output);
        for (int round = 0; round < Seeds.Scaled(20); round++)
        {
            var bench = new SelectorBench((Layering)layering, random, keyframeInterval: 16);
            for (int picture = 0; picture < 400; picture++)
            {
                if (random.Next(6) == 0)
                {
                    bench.Selector.Target = new LayerTarget(random.Next(20) == 0 ? -1 : random.Next(3), random.Next(3), random.Next(3));
                }

                bench.Play(delayed: true);
            }

            bench.Drain();
            bench.AssertDecodable();
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void The_target_is_reached_with_the_next_key_frame_and_left_at_once(int layering)
    {
        Random random = Seeds.NewRandom(output);
        var bench = new SelectorBench((Layering)layering, random, keyframeInterval: 16);
        bench.Selector.Target = new LayerTarget(2, 7, 7);
        bench.PlayUntil(() => bench.Selector.Current.Encoding == 2);
        bench.Play();
        Assert.Equal(layering == 0 ? 0 : 2, bench.ForwardedOf(bench.LastPictures(1)).Max(frame => frame.Spatial));
        Assert.Equal(-1, bench.Selector.NeedsKeyframeOf(bench.Now));

        // A temporal layer less: at the next frame.
        bench.Selector.Target = new LayerTarget(2, 7, 0);
        bench.Play(pictures: 8);
        Assert.All(bench.ForwardedOf(bench.LastPictures(8)), frame => Assert.Equal(0, frame.Temporal));

        // Up again within a period, without a key frame.
        bench.Selector.Target = new LayerTarget(2, 7, 2);
        bench.Play(pictures: 8);
        Assert.Contains(bench.ForwardedOf(bench.LastPictures(4)), frame => frame.Temporal == 2);
    }

    [Fact]
    public void A_spatial_layer_goes_with_the_next_picture_and_comes_back_with_a_key_frame()
    {
        foreach (Layering layering in (Layering[])[Layering.Vp9, Layering.Vp9Flexible, Layering.Full])
        {
            var bench = new SelectorBench(layering, new Random(1), keyframeInterval: 1_000);
            bench.Selector.Target = new LayerTarget(0);
            bench.Play(pictures: 5);
            Assert.Contains(bench.ForwardedOf(bench.LastPictures(1)), frame => frame.Spatial == 2);
            bench.Selector.Target = new LayerTarget(0, 1);
            bench.Play(pictures: 6);
            List<ModelFrame> lowered = bench.ForwardedOf(bench.LastPictures(6));
            Assert.Equal(1, lowered.Max(frame => frame.Spatial));
            Assert.All(lowered, frame => Assert.Equal(frame.Spatial == 1, bench.HasMarker(frame)));
            Assert.Equal(-1, bench.Selector.NeedsKeyframeOf(bench.Now));

            bench.Selector.Target = new LayerTarget(0);
            bench.Play(pictures: 5);
            Assert.Equal(1, bench.ForwardedOf(bench.LastPictures(5)).Max(frame => frame.Spatial));
            Assert.Equal(0, bench.Selector.NeedsKeyframeOf(bench.Now));
            bench.Play(keyframe: true);
            Assert.Equal(2, bench.ForwardedOf(bench.LastPictures(1)).Max(frame => frame.Spatial));
            Assert.Equal(-1, bench.Selector.NeedsKeyframeOf(bench.Now));
            bench.AssertDecodable();
        }
    }

    [Fact]
    public void Where_lower_layers_were_not_sent_only_a_key_frame_leads_down()
    {
        var bench = new SelectorBench(Layering.KeyOnly, new Random(1), keyframeInterval: 1_000);
        bench.Selector.Target = new LayerTarget(0);
        bench.Play(pictures: 5);
        Assert.All(bench.ForwardedOf(bench.LastPictures(3)), frame => Assert.Equal(2, frame.Spatial));
        bench.Selector.Target = new LayerTarget(0, 0);
        bench.Play(pictures: 5);
        Assert.Equal(0, bench.Selector.NeedsKeyframeOf(bench.Now));
        Assert.All(bench.ForwardedOf(bench.LastPictures(3)), frame => Assert.Equal(2, frame.Spatial));
        bench.Play(keyframe: true);
        bench.Play(pictures: 5);
        Assert.All(bench.ForwardedOf(bench.LastPictures(5)), frame => Assert.Equal(0, frame.Spatial));
        bench.AssertDecodable();
    }

    [Fact]
    public void The_present_encoding_goes_on_until_the_key_frame_of_the_other_is_complete()
    {
        var bench = new SelectorBench(Layering.Vp8, new Random(3), keyframeInterval: 1_000);
        bench.Selector.Target = new LayerTarget(0);
        bench.Play(pictures: 8);
        Assert.Equal(0, bench.Selector.Current.Encoding);
        bench.Selector.Target = new LayerTarget(1);
        Assert.Equal(1, bench.Selector.NeedsKeyframeOf(bench.Now));

        // The first packet of its key frame is missing.
        (ModelFrame key, (ExtendedSequence Sequence, PacketLayers Layers) missing) = bench.PlayKeyframeWithoutItsFirst(1);
        Assert.Equal(0, bench.Selector.Current.Encoding);
        bench.Play(pictures: 2);
        Assert.Equal(0, bench.Selector.Current.Encoding);
        Assert.Equal(1, bench.Selector.NeedsKeyframeOf(bench.Now));
        bench.Receive(key, missing.Sequence, missing.Layers);
        bench.Play();
        Assert.Equal(1, bench.Selector.Current.Encoding);
        Assert.Equal(-1, bench.Selector.NeedsKeyframeOf(bench.Now));
        bench.AssertDecodable();
    }

    [Fact]
    public void When_an_encoding_vanishes_any_other_takes_its_place()
    {
        var bench = new SelectorBench(Layering.Vp8, new Random(5), keyframeInterval: 1_000);
        bench.Selector.Target = new LayerTarget(2);
        bench.Play(pictures: 3);
        bench.Play(keyframe: true);
        bench.Play(pictures: 2);
        Assert.Equal(2, bench.Selector.Current.Encoding);
        bench.Silence(2);
        bench.Play(pictures: 20);
        Assert.Equal(2, bench.Selector.Current.Encoding);
        bench.Play(pictures: 20);
        Assert.Equal(1, bench.Selector.NeedsKeyframeOf(bench.Now));
        bench.Play(keyframe: true);
        bench.Play();
        Assert.InRange(bench.Selector.Current.Encoding, 0, 1);
        Assert.Equal(-1, bench.Selector.NeedsKeyframeOf(bench.Now));
        bench.AssertDecodable();
    }

    [Fact]
    public void A_subscription_that_wants_nothing_stops_between_two_pictures()
    {
        var bench = new SelectorBench(Layering.Vp9, new Random(7), keyframeInterval: 1_000);
        bench.Selector.Target = new LayerTarget(0);
        bench.Play(pictures: 3);
        bench.Selector.Target = LayerTarget.None;
        Assert.Equal(-1, bench.Selector.NeedsKeyframeOf(bench.Now));
        bench.Play(pictures: 3);
        Assert.Empty(bench.ForwardedOf(bench.LastPictures(3)));
        Assert.True(bench.Selector.Current.IsNone);
        bench.AssertDecodable();
    }

    [Fact]
    public void Deciding_allocates_nothing()
    {
        var stream = new LayeredStream(Layering.Full, 0, new Random(1), 16);
        List<ModelFrame> frames = [.. Enumerable.Range(0, 1_300).SelectMany(_ => stream.Next())];
        var selector = new LayerSelector { Target = new LayerTarget(0, 1, 1) };
        var keyframes = new KeyframeAssembly();
        int index = 0;
        Allocations.AssertNone(() =>
        {
            foreach ((ExtendedSequence sequence, PacketLayers layers) in frames[index++].Packets)
            {
                keyframes.OnPacket(sequence, in layers, new Instant(index));
                selector.Decide(0, 0, sequence, in layers, keyframes, new Instant(index));
            }
        });
        Assert.Equal(0, selector.Current.Encoding);
    }
}
