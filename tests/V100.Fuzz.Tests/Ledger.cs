using V100.Sfu.Peers;
using V100.Simulation.World;
using V100.Stun;

namespace V100.Fuzz;

/// <summary>
/// Whether every datagram has exactly one end. With one subscriber for each track, what came into the shards is what they forwarded,
/// handled or dropped, each under its own name.
/// </summary>
internal sealed class Ledger(SimulatedServer server)
{
    // RtpReceived and HandedOver are stations on the way; the others count what is not a datagram's end.
    private static readonly SfuCounter[] _ends =
    [
        SfuCounter.RtpForwarded, SfuCounter.RtcpReceived, SfuCounter.DtlsReceived, SfuCounter.StunAnswered, SfuCounter.StunRejected,
        .. Enum.GetValues<SfuCounter>().Where(counter => counter.ToString().StartsWith("Dropped", StringComparison.Ordinal)),
    ];

    public long DatagramCount { get; private set; }

    /// <summary>Notes a datagram that is about to be given to the server, if the server gives it to a shard.</summary>
    public void Note(SimulatedPacket packet)
    {
        bool isForShard = PacketDemux.Classify(packet.Bytes) switch
        {
            PacketKind.Rtp or PacketKind.Rtcp or PacketKind.Dtls => true,
            PacketKind.Stun => StunReader.TryParse(packet.Bytes, out StunReader message) && message.Has(StunAttributeType.Username),
            _ => false,
        };
        DatagramCount += isForShard ? 1 : 0;
    }

    /// <summary>Nothing may be on its way between shards.</summary>
    public void AssertBalanced()
    {
        Assert.Equal(0, server.Count(SfuCounter.DroppedRingFull));
        long ended = _ends.Sum(server.Count);
        Assert.True(ended == DatagramCount, $"{DatagramCount} datagrams came and {ended} ended: {Describe()}");
    }

    public string Describe() => string.Join(
        ", ", Enum.GetValues<SfuCounter>().Where(counter => server.Count(counter) != 0).Select(counter => $"{counter} {server.Count(counter)}"));
}
