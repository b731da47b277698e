using System.Net;
using System.Net.Sockets;
using V100.Net.Sockets;

namespace V100.Net.Tests.Sockets;

/// <summary>DSCP, ECN and TTL of single packets, as they come and as they leave.</summary>
public sealed class IpFieldsTests
{
    // RFC 3246: expedited forwarding; RFC 3168: congestion experienced.
    private const byte Marked = 46 << 2 | 3;

    /// <summary>IPv4 and IPv6, by a socket of all addresses and by one of the address alone.</summary>
    public static TheoryData<string, bool> Ways => new() { { "127.0.0.1", true }, { "127.0.0.1", false }, { "::1", true }, { "::1", false } };

    [Theory]
    [MemberData(nameof(Ways))]
    public void Each_packet_leaves_with_its_own_and_they_are_read_of_each_that_comes(string address, bool all)
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        IReadOnlyList<IPAddress> addresses = all ? [] : [IPAddress.Parse(address)];
        using UdpEnd sender = new(new UdpOptions { Addresses = addresses });
        using UdpEnd receiver = new(new UdpOptions { Addresses = addresses, ReportsFields = true });
        TransportAddress to = receiver.At(address);
        // Runs that go as one message, a single one, one that leaves all to the system.
        IpFields[] sent = [new(Marked, 17), new(Marked, 17), new(Marked, 17), new(1, 1), new(0, 255), new(2, 0), default];
        for (int index = 0; index < sent.Length; index++)
        {
            sender.Write(to, sender.At(address), [(byte)index], sent[index]);
        }

        sender.Batch.Flush();
        List<Received> received = receiver.Receive(sent.Length);
        Assert.Equal(Enumerable.Range(0, sent.Length), received.Select(packet => (int)packet.Bytes[0]));
        byte usual = received[^1].Fields.HopLimit;
        Assert.InRange(usual, (byte)32, (byte)255);
        Assert.Equal(sent.Select(fields => fields.HopLimit == 0 ? fields with { HopLimit = usual } : fields), received.Select(packet => packet.Fields));
    }

    [Fact]
    public void A_socket_that_was_not_asked_reports_none()
    {
        using UdpEnd sender = UdpEnd.Open(UdpBackend.Auto, "127.0.0.1");
        using UdpEnd receiver = UdpEnd.Open(UdpBackend.Auto, "127.0.0.1");
        sender.Write(receiver.At4, sender.At4, [1], new IpFields(Marked, 17));
        sender.Batch.Flush();
        Assert.Equal(default, Assert.Single(receiver.Receive(1)).Fields);
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    public void What_a_stranger_marks_is_read(string address)
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        using UdpEnd receiver = new(new UdpOptions { ReportsFields = true });
        TransportAddress to = receiver.At(address);
        IPAddress host = to.ToIPAddress();
        using Socket stranger = new(host.AddressFamily, SocketType.Dgram, ProtocolType.Udp) { Ttl = 9 };
        int level = to.IsIPv4 ? 0 : 41;
        int trafficClass = to.IsIPv4 ? 1 : 67;
        stranger.SetRawSocketOption(level, trafficClass, BitConverter.GetBytes((int)Marked));
        stranger.SendTo([1], new IPEndPoint(host, to.Port));
        Assert.Equal(new IpFields(Marked, 9), Assert.Single(receiver.Receive(1)).Fields);
    }
}
