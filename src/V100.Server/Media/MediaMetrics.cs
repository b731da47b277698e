using V100.Net;
using V100.Net.Sockets;
using V100.Server.Control;
using V100.Server.Workers;
using V100.Sfu.Peers;

namespace V100.Server.Media;

/// <summary>What the workers count, summed over them, and what they hold.</summary>
internal sealed class MediaMetrics(MediaPlane plane)
{
    private readonly CounterBlock<SfuCounter>[] _sfu = [.. plane.Drivers.Select(driver => driver.Shard.Counters)];
    private readonly CounterBlock<DemuxCounter>[] _demux = [.. plane.Drivers.Select(driver => driver.Counters)];

    public IEnumerable<MetricSample> Collect()
    {
        yield return Gauge("v100_peers", "Transports that workers own now.", plane.Drivers.Sum(driver => driver.Shard.PeerCount));
        yield return Gauge("v100_peer_ufrags", "ICE user fragments by which peers are found.", plane.Peers.UfragCount);
        yield return Gauge("v100_peer_addresses", "Client addresses by which peers are found.", plane.Peers.AddressCount);
        yield return Gauge("v100_dtls_sessions", "DTLS sessions that are held.", V100.Net.Crypto.DtlsAssociation.LiveAssociations);
        yield return Gauge("v100_packet_buffers", "Packet buffers that caches and rings hold.", plane.Drivers.Sum(driver => driver.Shard.BuffersInUse));
        foreach (SocketCounter counter in Enum.GetValues<SocketCounter>())
        {
            yield return Counter("v100_udp_total", "What the UDP sockets did, by kind.", counter, plane.Workers.Sum(counter));
        }

        foreach (DemuxCounter counter in Enum.GetValues<DemuxCounter>())
        {
            yield return Counter("v100_demux_total", "Packets told apart before a session has them, by kind.", counter, CounterBlock.Sum<DemuxCounter>(_demux, counter));
        }

        foreach (SfuCounter counter in Enum.GetValues<SfuCounter>())
        {
            yield return Counter("v100_sfu_total", "What the forwarding unit did, by kind.", counter, CounterBlock.Sum<SfuCounter>(_sfu, counter));
        }
    }

    private static MetricSample Gauge(string name, string help, double value) => new(name, help, MetricKind.Gauge, "", value);

    private static MetricSample Counter<T>(string name, string help, T kind, double value)
        where T : struct, Enum =>
        new(name, help, MetricKind.Counter, $"kind=\"{Snake(kind.ToString())}\"", value);

    private static string Snake(string name) =>
        string.Concat(name.Select((c, index) => char.IsUpper(c) ? (index == 0 ? "" : "_") + char.ToLowerInvariant(c) : c.ToString()));
}
