using V100.Net;
using V100.Net.Crypto;
using V100.Sfu.Rtp;
using V100.Sfu.Tests.Rtp;
using V100.Stun;
using Xunit.Abstractions;

namespace V100.Fuzz;

/// <summary>Parsers alone, where whole shards reach them too seldom: what they accept lies within the bytes, and is what is written back.</summary>
public sealed class ParserTests(ITestOutputHelper output)
{
    private static readonly int _count = Seeds.Scaled(50_000);

    [Fact]
    public void STUN_messages_are_read_and_answered_within_their_bytes()
    {
        Random random = Seeds.NewRandom(output);
        var mutator = new Mutator(random);
        StunAttributeType[] types = Enum.GetValues<StunAttributeType>();
        byte[] response = new byte[BindingServer.MaxResponseLength];
        int accepted = 0;
        int answered = 0;
        for (int round = 0; round < _count; round++)
        {
            byte[] bytes = MutateStun(random, mutator);
            if (!StunReader.TryParse(bytes, out StunReader message))
            {
                continue;
            }

            accepted++;
            int total = 0;
            foreach (StunAttributeType type in types)
            {
                total += message.TryGet(type, out ReadOnlySpan<byte> value) ? value.Length : 0;
                _ = message.TryGetXorAddress(type, out _);
                _ = message.TryGetUInt64(type, out _);
            }

            Assert.InRange(total, 0, bytes.Length);
            Assert.InRange(message.UnknownRequired.Length, 0, StunReader.MaxUnknownRequired);
            _ = message.TryGetErrorCode(out _);
            _ = StunFingerprint.Verify(message);
            int length = BindingServer.Respond(in message, TransportAddress.FromIPv4(1, 1), response);
            Assert.True(length == 0 || StunReader.TryParse(response.AsSpan(0, length), out _));
            answered += length > 0 ? 1 : 0;
        }

        output.WriteLine($"{accepted} accepted, {answered} answered");
        Assert.InRange(accepted, _count / 20, _count * 19 / 20);
        Assert.InRange(answered, _count / 50, accepted);
    }

    /// <summary>A stream cut anywhere: the frames are the same ones, and a reader that gets nothing more is never told to take bytes.</summary>
    [Fact]
    public void Frames_of_a_damaged_stream_do_not_depend_on_where_it_is_cut()
    {
        Random random = Seeds.NewRandom(output);
        var mutator = new Mutator(random);
        int frames = 0;
        for (int round = 0; round < _count / 5; round++)
        {
            byte[] stream = [];
            for (int message = random.Next(1, 5); message > 0; message--)
            {
                stream = [.. stream, .. Corpus.StunMessages[random.Next(Corpus.StunMessages.Length)]];
            }

            stream = random.Next(3) == 0 ? stream : mutator.Mutate(stream, stream);
            (int whole, bool wholeEnds) = CountFrames(stream, () => stream.Length);
            (int cut, bool cutEnds) = CountFrames(stream, () => random.Next(1, 60));
            Assert.Equal(whole, cut);
            Assert.Equal(wholeEnds, cutEnds);
            frames += whole;
        }

        Assert.True(frames > _count / 10, $"{frames} frames");
    }

    [Fact]
    public void Payload_descriptors_are_read_within_the_payload_and_written_back()
    {
        Random random = Seeds.NewRandom(output);
        var mutator = new Mutator(random);
        byte[][] corpus = [.. new[] { "90E0812205AA10", "90F0FF220533AA", "B8800103050102", "8A80011820016800781300100110", "6F0D0000", "78000667420000000065", "080A0B000000AA" }.Select(Convert.FromHexString)];
        byte[] written = new byte[Vp8Descriptor.MaxLength];
        int parsed = 0;
        for (int round = 0; round < _count; round++)
        {
            byte[] bytes = mutator.Mutate(corpus[random.Next(corpus.Length)], corpus[random.Next(corpus.Length)]);
            if (Vp8Descriptor.TryParse(bytes, out Vp8Descriptor vp8))
            {
                parsed++;
                Assert.InRange(vp8.Length, 1, bytes.Length - 1);
                int length = vp8.Write(written);
                Assert.InRange(length, 1, Vp8Descriptor.MaxLength);
                Assert.True(Vp8Descriptor.TryParse([.. written[..length], 0], out Vp8Descriptor again));
                Assert.Equal((vp8.PictureId, vp8.TemporalLevelZeroIndex, vp8.StartsFrame), (again.PictureId, again.TemporalLevelZeroIndex, again.StartsFrame));
                Assert.Equal((vp8.TemporalLayer, vp8.IsLayerSync, vp8.KeyIndex), (again.TemporalLayer, again.IsLayerSync, again.KeyIndex));
            }

            if (Vp9Descriptor.TryParse(bytes, out Vp9Descriptor vp9))
            {
                parsed++;
                Assert.InRange(vp9.Length, 1, bytes.Length - 1);
            }

            _ = H264.IsKeyframeStart(bytes);
            _ = Av1AggregationHeader.IsKeyframeStart(bytes);
            _ = DependencyDescriptor.TryParse(bytes, out DependencyDescriptor descriptor)
                && DependencyStructure.TryParse(bytes, null, out DependencyStructure structure, out byte offset, out int end)
                && DependencyFrame.TryRead(bytes, in descriptor, structure, offset, end, out _);
            _ = H264SequenceParameters.TryReadSize(bytes, out _, out _);
            byte[] red = [.. bytes];
            if (RedPayload.TryRewrite(red, 63))
            {
                Assert.True(RedPayload.TryRewrite([.. red], 63));
            }
        }

        Assert.True(parsed > _count / 2, $"{parsed} parsed");
    }

    /// <summary>Both ends of a handshake, by first flights of real clients that were damaged and by records that follow none.</summary>
    [Fact]
    public void DTLS_sessions_survive_every_flight()
    {
        Random random = Seeds.NewRandom(output);
        var mutator = new Mutator(random);
        using var context = new DtlsContext(DtlsCertificate.Create());
        int before = DtlsAssociation.LiveAssociations;
        int answered = 0;
        for (int round = 0; round < Seeds.Scaled(400); round++)
        {
            using var session = new DtlsSession(context, random.Next(4) == 0 ? DtlsRole.Client : DtlsRole.Server, new byte[32]);
            var now = new Instant(1_000_000_000);
            session.Start(now);
            for (int turn = 0; turn < 20; turn++)
            {
                byte[] hello = Corpus.ClientHellos[random.Next(Corpus.ClientHellos.Length)];
                session.HandleDatagram(turn == 0 || random.Next(3) == 0 ? hello : mutator.Mutate(hello, Corpus.ClientHellos[random.Next(Corpus.ClientHellos.Length)]), now);
                while (session.TryPollDatagram(out ReadOnlySpan<byte> datagram))
                {
                    Assert.InRange(datagram.Length, 1, 1200);
                    answered++;
                }

                now += TimeSpan.FromMilliseconds(random.Next(200));
                session.HandleDeadline(now);
            }

            Assert.NotEqual(DtlsState.Established, session.State);
        }

        Assert.True(answered > Seeds.Scaled(100), $"{answered} datagrams of answers");
        Assert.Equal(before, DtlsAssociation.LiveAssociations);
    }

    /// <summary>Damage that leaves the length right half of the time, or nothing behind the first check would be met.</summary>
    private static byte[] MutateStun(Random random, Mutator mutator)
    {
        byte[] bytes = mutator.Mutate(Corpus.StunMessages[random.Next(Corpus.StunMessages.Length)], Corpus.StunMessages[random.Next(Corpus.StunMessages.Length)]);
        if (bytes.Length < StunHeader.Length || random.Next(2) == 0)
        {
            return bytes;
        }

        bytes = bytes[..(bytes.Length & ~3)];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(2), (ushort)(bytes.Length - StunHeader.Length));
        bytes[0] &= 0x01;
        return bytes;
    }

    private static (int Frames, bool EndsInGarbage) CountFrames(byte[] stream, Func<int> nextPiece)
    {
        int frames = 0;
        int start = 0;
        int received = 0;
        while (true)
        {
            switch (StunFraming.Read(stream.AsSpan(start, received - start), 1500, out int length, out int consumed))
            {
                case StunFrame.Garbage:
                    return (frames, true);
                case StunFrame.Incomplete when received == stream.Length:
                    return (frames, false);
                case StunFrame.Incomplete:
                    Assert.Equal(0, consumed);
                    Assert.True(length > received - start, "needs no more than there is");
                    received = Math.Min(stream.Length, received + nextPiece());
                    break;
                default:
                    Assert.InRange(length, 4, consumed);
                    Assert.InRange(consumed, 4, received - start);
                    start += consumed;
                    frames++;
                    break;
            }
        }
    }
}
