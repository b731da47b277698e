using V100.Net.Sockets;
using V100.Sfu.Tests.Rtp;
using Xunit.Abstractions;

namespace V100.Net.Tests.Sockets;

public class TransmitGroupsTests(ITestOutputHelper output)
{
    private sealed class Nowhere : IPacketTransmitter
    {
        public void Transmit(TransmitBatch batch)
        {
        }
    }

    private static TransportAddress Host(int number) => TransportAddress.FromIPv4((uint)(0x0A000000 + number), 9);

    // A packet is its destination and length.
    private static int[][] Group(bool segmentation, params (int Destination, int Length)[] packets)
    {
        using TransmitBatch batch = new(new Nowhere(), packets.Sum(packet => packet.Length) / 1500 + packets.Length + 50);
        foreach ((int destination, int length) in packets)
        {
            batch.Reserve(Host(destination), default, length);
            batch.Commit(length);
        }

        TransmitGroups groups = new();
        int[] all = [.. Enumerable.Range(0, packets.Length)];

        // Twice: the second finds the tables of the first.
        groups.Build(batch.Entries, all, segmentation);
        groups.Build(batch.Entries, all, segmentation);
        List<int[]> result = [];
        foreach (TransmitGroups.Group group in groups.Groups)
        {
            List<int> members = [];
            for (int index = group.First; index >= 0; index = groups.Next(index))
            {
                members.Add(index);
            }

            Assert.Equal(group.Count, members.Count);
            Assert.Equal(group.TotalLength, members.Sum(index => packets[index].Length));
            result.Add([.. members]);
        }

        return [.. result];
    }

    [Fact]
    public void A_fan_out_of_several_packets_is_one_message_for_each_destination() =>
        Assert.Equal([[0, 3, 6], [1, 4, 7], [2, 5, 8]], Group(true, (1, 99), (2, 99), (3, 99), (1, 99), (2, 99), (3, 99), (1, 50), (2, 50), (3, 50)));

    [Fact]
    public void A_shorter_packet_ends_its_message_and_a_longer_one_begins_another() =>
        Assert.Equal([[0, 1], [2], [3, 4]], Group(true, (1, 100), (1, 50), (1, 50), (1, 100), (1, 100)));

    [Fact]
    public void Packets_of_other_IP_fields_are_another_message_and_stay_in_order()
    {
        using TransmitBatch batch = new(new Nowhere());
        IpFields[] fields = [default, default, new(3, 63), new(3, 63), new(2, 63), new(2, 62), default];
        foreach (IpFields each in fields)
        {
            batch.Reserve(Host(1), default, 9, each);
            batch.Commit(9);
        }

        TransmitGroups groups = new();
        groups.Build(batch.Entries, [.. Enumerable.Range(0, fields.Length)], segmentation: true);
        Assert.Equal([(0, 2), (2, 2), (4, 1), (5, 1), (6, 1)], groups.Groups.ToArray().Select(group => (group.First, group.Count)));
    }

    [Fact]
    public void An_empty_packet_goes_alone() => Assert.Equal([[0], [1], [2], [3]], Group(true, (1, 10), (1, 0), (1, 0), (1, 10)));

    [Fact]
    public void Without_segmentation_each_packet_is_a_message() => Assert.Equal([[0], [1]], Group(false, (1, 10), (1, 10)));

    [Fact]
    public void Random_batches_keep_every_packet_the_order_and_the_limits()
    {
        Random random = Seeds.NewRandom(output);
        for (int round = 0; round < 200; round++)
        {
            int destinations = random.Next(1, 300);
            (int Destination, int Length)[] packets = new (int, int)[random.Next(1, 1000)];
            for (int index = 0; index < packets.Length; index++)
            {
                packets[index] = (random.Next(destinations), random.Next(4) == 0 ? random.Next(1500) : random.Next(50) == 0 ? 30_000 : 1200);
            }

            int[][] groups = Group(true, packets);
            Assert.Equal(Enumerable.Range(0, packets.Length), groups.SelectMany(group => group).Order());
            foreach (int[] group in groups)
            {
                int segment = packets[group[0]].Length;
                Assert.True(group.All(index => packets[index].Destination == packets[group[0]].Destination));
                Assert.True(group[..^1].All(index => packets[index].Length == segment));
                Assert.True(packets[group[^1]].Length <= segment);
                Assert.True(group.Length is >= 1 and <= 64 && group.Sum(index => packets[index].Length) <= 65_507);
            }

            foreach (IGrouping<int, int> destination in groups.SelectMany(group => group).GroupBy(index => packets[index].Destination))
            {
                Assert.True(destination.SequenceEqual(destination.Order()));
            }
        }
    }
}
