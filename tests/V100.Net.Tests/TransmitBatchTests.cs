using V100.Sfu.Tests.Rtp;
using Xunit.Abstractions;

namespace V100.Net.Tests;

public class TransmitBatchTests(ITestOutputHelper output)
{
    private sealed class Recorder : IPacketTransmitter
    {
        public List<(byte[] Bytes, TransportAddress Remote, TransportAddress Local)> Sent { get; } = [];
        public List<int> Batches { get; } = [];

        public void Transmit(TransmitBatch batch)
        {
            Batches.Add(batch.Count);
            for (int index = 0; index < batch.Count; index++)
            {
                ReadOnlySpan<byte> bytes = batch.GetPacket(index, out TransportAddress remote, out TransportAddress local);
                Sent.Add((bytes.ToArray(), remote, local));
            }
        }
    }

    private static readonly TransportAddress Remote = TransportAddress.FromIPv4(0x7F000001, 9);
    private static readonly TransportAddress Local = TransportAddress.FromIPv4(0x7F000002, 8);

    [Fact]
    public void Packets_come_out_as_committed()
    {
        Recorder recorder = new();
        using TransmitBatch batch = new(recorder, 8);
        batch.Reserve(Remote, Local, 100).Fill(1);
        batch.Commit(60);
        batch.Reserve(Remote, default, 100).Fill(9); // never committed
        batch.Reserve(Remote.WithPort(10), default, 10).Fill(2);
        batch.Commit(10);
        batch.Reserve(Remote, Local, 10);
        batch.Commit(0);
        batch.Flush();
        batch.Flush();

        Assert.Equal([3], recorder.Batches);
        Assert.Equal(Enumerable.Repeat((byte)1, 60), recorder.Sent[0].Bytes);
        Assert.Equal((Remote, Local), (recorder.Sent[0].Remote, recorder.Sent[0].Local));
        Assert.Equal(Enumerable.Repeat((byte)2, 10), recorder.Sent[1].Bytes);
        Assert.Equal((Remote.WithPort(10), default(TransportAddress)), (recorder.Sent[1].Remote, recorder.Sent[1].Local));
        Assert.Empty(recorder.Sent[2].Bytes);
    }

    [Fact]
    public void A_batch_without_room_flushes_itself_and_keeps_the_order()
    {
        Recorder recorder = new();
        using TransmitBatch batch = new(recorder, 4);
        Random random = Seeds.NewRandom(output);
        for (int packet = 0; packet < 200; packet++)
        {
            int length = random.Next(20) == 0 ? TransmitBatch.MaxPacketLength : 4 + random.Next(1500);
            Span<byte> room = batch.Reserve(Remote, Local, length);
            BitConverter.TryWriteBytes(room, packet);
            batch.Commit(length);
        }

        batch.Flush();
        Assert.True(recorder.Sent.Select(sent => BitConverter.ToInt32(sent.Bytes)).SequenceEqual(Enumerable.Range(0, 200)));
        Assert.All(recorder.Batches, count => Assert.InRange(count, 1, 4));
    }

    [Fact]
    public void Misuse_is_refused_and_touches_no_memory()
    {
        TransmitBatch batch = new(new Recorder(), 2);
        Assert.Throws<InvalidOperationException>(() => batch.Commit(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => { batch.Reserve(Remote, Local, TransmitBatch.MaxPacketLength + 1); });
        batch.Reserve(Remote, Local, 10);
        Assert.Throws<InvalidOperationException>(() => batch.Commit(11));
        batch.Commit(10);
        Assert.Throws<InvalidOperationException>(() => batch.Commit(10));
        batch.Dispose();
        batch.Dispose();
        Assert.Throws<ObjectDisposedException>(() => { batch.Reserve(Remote, Local, 0); });
    }
}
