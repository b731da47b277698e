using System.Threading.Channels;
using V100.Net;
using V100.Net.Crypto;
using V100.Sfu.Peers;
using V100.Stun;

namespace V100.Server.Workers;

/// <summary>What one worker does: it tells the protocols on the port apart and drives its shard of the media server.</summary>
internal sealed class SfuDriver : IWorkerDriver, IDisposable
{
    /// <summary>Control requests that wait at one worker; beyond it the control plane tries again, or refuses.</summary>
    private const int MailboxCapacity = 4096;
    private const int CommandsPerTurn = 256;

    private readonly TransmitBatch _output;
    private readonly ChannelWriter<PeerEvent> _events;
    private PeerEvent? _heldEvent;

    public SfuDriver(UdpWorker worker, ShardLinks links, PeerDirectory directory, DtlsContext dtls, ChannelWriter<PeerEvent> events, Instant now)
    {
        _output = new TransmitBatch(worker.Transmitter);
        _events = events;
        Mailbox = new Mailbox<ShardCommand>(MailboxCapacity, worker.Wakeable);
        Shard = new SfuShard(worker.Index, links, directory, dtls, _output, new SystemEntropy(), new ShardLimits(), now);
    }

    public Mailbox<ShardCommand> Mailbox { get; }
    public SfuShard Shard { get; }
    public CounterBlock<DemuxCounter> Counters { get; } = new();

    public Instant NextDeadline => Shard.NextDeadline;

    public void HandleDatagram(in Datagram datagram, Instant now)
    {
        PacketKind kind = PacketDemux.Classify(datagram.Bytes);
        switch (kind)
        {
            case PacketKind.Rtp or PacketKind.Rtcp or PacketKind.Dtls:
                Shard.HandleDatagram(kind, in datagram, now);
                break;
            case PacketKind.Stun:
                HandleStun(in datagram, now);
                break;
            default:
                Counters.Increment(DemuxCounter.DroppedUnknownProtocol);
                break;
        }
    }

    private void HandleStun(in Datagram datagram, Instant now)
    {
        if (!StunReader.TryParse(datagram.Bytes, out StunReader message))
        {
            Counters.Increment(DemuxCounter.DroppedMalformedStun);
            return;
        }

        if (message.Has(StunAttributeType.Username))
        {
            Shard.HandleCheck(in message, in datagram, now);
            return;
        }

        Span<byte> response = _output.Reserve(datagram.Remote, datagram.Local, BindingServer.MaxResponseLength);
        int length = BindingServer.Respond(in message, datagram.Remote, response);
        if (length > 0)
        {
            _output.Commit(length);
            Counters.Increment(DemuxCounter.BindingAnswered);
        }
        else
        {
            Counters.Increment(DemuxCounter.StunUnanswered);
        }
    }

    public void EndReceive(Instant now)
    {
    }

    public void HandlePathError(in TransportAddress local, in PathError error, Instant now)
    {
    }

    public bool HandleMessages(Instant now)
    {
        int taken = 0;
        while (taken < CommandsPerTurn && Mailbox.TryRead(out ShardCommand command))
        {
            Shard.HandleCommand(in command, now);
            taken++;
        }

        return Shard.HandleMessages(now) || taken == CommandsPerTurn;
    }

    public void HandleDeadline(Instant now) => Shard.HandleDeadline(now);

    public ulong EndTurn(Instant now)
    {
        _output.Flush();
        ReportEvents();
        return Shard.TakeWakeups();
    }

    /// <summary>An event that the control plane has no room for is held, not lost: the next turn tries again.</summary>
    private void ReportEvents()
    {
        if (_heldEvent is { } held)
        {
            if (!_events.TryWrite(held))
            {
                return;
            }

            _heldEvent = null;
        }

        while (Shard.TryPollEvent(out PeerEvent e))
        {
            if (!_events.TryWrite(e))
            {
                _heldEvent = e;
                return;
            }
        }
    }

    /// <summary>Only after the worker's thread has ended.</summary>
    public void Dispose()
    {
        Shard.Dispose();
        _output.Dispose();
    }
}
