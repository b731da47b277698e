using System.Globalization;
using V100.Net;
using V100.Net.Sockets;
using V100.Server.Control;
using V100.Server.Workers;
using V100.Sfu.Bwe;
using V100.Sfu.Forwarding;
using V100.Sfu.Peers;
using V100.Sfu.Sdp;
using V100.Turn;

namespace V100.Server.Media;

/// <summary>What the workers count, summed over them, and what they hold.</summary>
internal sealed class MediaMetrics(MediaPlane plane)
{
    private readonly CounterBlock<SfuCounter>[] _sfu = [.. plane.Drivers.Select(driver => driver.Shard.Counters)];
    private readonly CounterBlock<TurnCounter>[] _turn = [.. plane.Drivers.Select(driver => driver.Relay.Shard.Counters)];
    private readonly CounterBlock<RelayCounter>[] _relay = [.. plane.Drivers.Select(driver => driver.Relay.Counters)];
    private readonly CounterBlock<DtlsClientCounter>[] _dtlsClients = [.. plane.Drivers.Select(driver => driver.DtlsClients.Counters)];
    private readonly CounterBlock<DemuxCounter>[] _demux = [.. plane.Drivers.Select(driver => driver.Counters)];

    public IEnumerable<MetricSample> Collect()
    {
        yield return Gauge("v100_peers", "Transports that workers own now.", plane.Drivers.Sum(driver => driver.Shard.PeerCount));
        yield return Gauge("v100_peer_ufrags", "ICE user fragments by which peers are found.", plane.Peers.UfragCount);
        yield return Gauge("v100_peer_addresses", "Client addresses by which peers are found.", plane.Peers.AddressCount);
        yield return Gauge("v100_dtls_sessions", "DTLS sessions that are held.", V100.Net.Crypto.DtlsAssociation.LiveAssociations);
        yield return Gauge("v100_packet_buffers", "Packet buffers that caches and rings hold.", plane.Drivers.Sum(driver => driver.Shard.BuffersInUse));
        yield return Gauge("v100_turn_allocations", "TURN allocations that live now.", plane.Turn.Directory.Count);
        yield return Gauge("v100_turn_relay_ports", "Relay ports that are open or reserved.", plane.Turn.Ports.TakenCount);
        yield return Gauge("v100_turn_buffers", "Packet buffers of relays on their way between workers.", plane.Drivers.Sum(driver => driver.Relay.BuffersInUse));
        yield return Gauge("v100_turn_peer_connections", "TCP connections between relayed addresses and peers.", plane.Drivers.Sum(driver => driver.Relay.PeerConnectionCount));
        yield return Gauge("v100_turn_dtls_sessions", "Clients over DTLS.", plane.Drivers.Sum(driver => driver.DtlsClients.Count));
        (int ticking, long ticks) = plane.Use((rooms, _) => (rooms.TickingRoomCount, rooms.TickCount));
        yield return Gauge("v100_ticking_rooms", "Rooms in which somebody is told what happens, or was a moment ago.", ticking);
        yield return new MetricSample("v100_room_ticks_total", "How often a room told its listeners what had changed.", MetricKind.Counter, "", ticks);
        foreach (MetricSample sample in Encodings().Concat(Estimates()))
        {
            yield return sample;
        }

        foreach (DtlsClientCounter counter in Enum.GetValues<DtlsClientCounter>())
        {
            yield return Counter("v100_turn_dtls_total", "What clients over DTLS did, by kind.", counter, CounterBlock.Sum<DtlsClientCounter>(_dtlsClients, counter));
        }

        foreach (SocketCounter counter in Enum.GetValues<SocketCounter>())
        {
            yield return Counter("v100_udp_total", "What the UDP sockets did, by kind.", counter, plane.Workers.Sum(counter));
        }

        foreach (DemuxCounter counter in Enum.GetValues<DemuxCounter>())
        {
            yield return Counter("v100_demux_total", "Packets told apart before a session has them, by kind.", counter, CounterBlock.Sum<DemuxCounter>(_demux, counter));
        }

        foreach (TurnCounter counter in Enum.GetValues<TurnCounter>())
        {
            yield return Counter("v100_turn_total", "What the TURN relay did, by kind.", counter, CounterBlock.Sum<TurnCounter>(_turn, counter));
        }

        foreach (RelayCounter counter in Enum.GetValues<RelayCounter>())
        {
            yield return Counter("v100_relay_dropped_total", "What workers dropped on its way to or from a relay, by kind.", counter, CounterBlock.Sum<RelayCounter>(_relay, counter));
        }

        foreach (SfuCounter counter in Enum.GetValues<SfuCounter>())
        {
            yield return Counter("v100_sfu_total", "What the forwarding unit did, by kind.", counter, CounterBlock.Sum<SfuCounter>(_sfu, counter));
        }
    }

    /// <summary>Encodings that had a packet within the last seconds, of tracks with several and with one.</summary>
    private IEnumerable<MetricSample> Encodings()
    {
        (int simulcast, int single) = plane.Use((rooms, now) =>
        {
            PublishedTrack[] tracks = [.. rooms.Sessions.SelectMany(session => session.Tracks).Where(track => track.Kind == MediaKind.Video)];
            return (
                tracks.Where(track => track.Encodings.Length > 1).Sum(track => track.Encodings.Count(encoding => encoding.IsSentAt(now))),
                tracks.Where(track => track.Encodings.Length == 1).Sum(track => track.Encodings.Count(encoding => encoding.IsSentAt(now))));
        });
        const string Help = "Encodings of video that publishers send now, of tracks with several (simulcast) and with one.";
        yield return new MetricSample("v100_active_encodings", Help, MetricKind.Gauge, "kind=\"simulcast\"", simulcast);
        yield return new MetricSample("v100_active_encodings", Help, MetricKind.Gauge, "kind=\"single\"", single);
    }

    /// <summary>A subscriber's estimate counts about once a second.</summary>
    private IEnumerable<MetricSample> Estimates()
    {
        const string Name = "v100_estimate_bits_per_second";
        const string Help = "Estimates of subscribers' paths, one of each about once a second.";
        EstimateHistogram[] shards = [.. plane.Drivers.Select(driver => driver.Shard.Estimates)];
        long count = 0;
        for (int bucket = 0; bucket <= EstimateHistogram.BoundsBps.Length; bucket++)
        {
            count += shards.Sum(shard => shard.CountOf(bucket));
            string bound = bucket < EstimateHistogram.BoundsBps.Length ? EstimateHistogram.BoundsBps[bucket].ToString(CultureInfo.InvariantCulture) : "+Inf";
            yield return new MetricSample(Name, Help, MetricKind.Histogram, $"le=\"{bound}\"", count) { Suffix = "_bucket" };
        }

        yield return new MetricSample(Name, Help, MetricKind.Histogram, "", shards.Sum(shard => shard.SumBps)) { Suffix = "_sum" };
        yield return new MetricSample(Name, Help, MetricKind.Histogram, "", count) { Suffix = "_count" };
    }

    private static MetricSample Gauge(string name, string help, double value) => new(name, help, MetricKind.Gauge, "", value);

    private static MetricSample Counter<T>(string name, string help, T kind, double value)
        where T : struct, Enum =>
        new(name, help, MetricKind.Counter, $"kind=\"{SnakeCase.Of(kind.ToString())}\"", value);
}
