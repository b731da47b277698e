using System.Net;
using V100.Net;
using V100.Net.Crypto;
using V100.Net.Native;
using V100.Net.Sockets;
using V100.Sfu.Rtp;
using V100.Sfu.Srtp;
using V100.Stun;

namespace V100.Micro;

/// <summary>One published packet of 1,200 bytes to 100 subscribers, whole and by its stages; every figure is for one forwarded packet.</summary>
internal static class ForwardCases
{
    private const string Group = "Forward 1,200 B to 100";
    private const string Unit = "ns/packet";
    private const string BareSend = "bare sendmmsg of 100 ready messages";
    private const int Subscribers = 100;
    private const int PacketLength = 1200;

    // What each receiver's buffer holds for certain before it is emptied.
    private const int PacketsPerSlice = 64;

    public static IEnumerable<Case> All =>
    [
        new(Group, "header", Header),
        new(Group, "encryption", Encryption),
        new(Group, "send of ready packets", Send),
        new(Group, "whole but the send", WholeUnsent),
        new(Group, "whole", () => Whole(1)),
        new(Group, "whole, 2 packets to each", () => Whole(2)),
        new(Group, "whole, 4 packets to each, beside single sends", () => Whole(4, besideSingles: true)),
        new(Group, "whole, 8 packets to each", () => Whole(8)),
    ];

    private static Pairing Header()
    {
        var random = new Random(1);
        var source = new Client.VideoSource(Simulation.World.ClientOffer.Publisher(random).Sections[1], random);
        byte[] packet = new byte[PacketLength];
        source.Write(packet, default, endsFrame: true, new Instant(1_000_000_000));
        byte[] targets = new byte[Subscribers * 64];
        var stamps = new HeaderExtensionStamps(7, "picture"u8.ToArray());
        HeaderRewriter[] rewriters = [.. Enumerable.Range(0, Subscribers).Select(_ => new HeaderRewriter([new HeaderExtensionCopy(13, 5)], in stamps))];
        return new Pairing
        {
            Unit = Unit,
            Items = Subscribers,
            Subject = new Workload(operations =>
            {
                for (int index = 0; index < operations; index++)
                {
                    Premise.Holds(RtpReader.TryParse(packet, out RtpReader rtp));
                    for (int subscriber = 0; subscriber < Subscribers; subscriber++)
                    {
                        var header = new RtpHeader(120, rtp.Marker, new SequenceNumber((ushort)index), rtp.Timestamp, new Ssrc((uint)subscriber));
                        Premise.Holds(rewriters[subscriber].Write(targets.AsSpan(64 * subscriber, 64), in header, rtp.Extensions, 0) > 0);
                    }
                }
            }),
        };
    }

    private static Pairing Encryption()
    {
        const SrtpProfile Profile = SrtpProfile.AeadAes128Gcm;
        const int Stride = PacketLength + SrtpSender.MaxOverhead;
        byte[] targets = new byte[Subscribers * Stride];
        byte[] payload = new byte[PacketLength - RtpHeader.FixedLength];
        SrtpSender[] senders = [.. Enumerable.Range(0, Subscribers).Select(index => new SrtpSender(Profile, Key(index), new byte[Profile.SaltLength()]))];
        BareCipher[] floors = [.. Enumerable.Range(0, Subscribers).Select(_ => new BareCipher(Profile))];
        long sequence = 0;
        return new Pairing
        {
            Unit = Unit,
            Items = Subscribers,
            Owned = [.. senders, .. floors],
            Subject = new Workload(operations =>
            {
                for (int index = 0; index < operations; index++, sequence += 0x1_0000)
                {
                    for (int subscriber = 0; subscriber < Subscribers; subscriber++)
                    {
                        Span<byte> target = targets.AsSpan(subscriber * Stride, Stride);
                        Premise.Holds(senders[subscriber].ProtectRtp(target, RtpHeader.FixedLength, payload, sequence) > 0);
                    }
                }
            }),
            FloorName = floors[0].Name,
            Floor = new Workload(operations =>
            {
                for (int index = 0; index < operations; index++)
                {
                    for (int subscriber = 0; subscriber < Subscribers; subscriber++)
                    {
                        floors[subscriber].Seal(targets.AsSpan(subscriber * Stride, Stride), RtpHeader.FixedLength, payload);
                    }
                }
            }),
        };
    }

    private static byte[] Key(int index)
    {
        byte[] key = new byte[16];
        key[0] = (byte)index;
        return key;
    }

    private static Pairing Send()
    {
        var receivers = new LoopbackReceivers(Subscribers);
        UdpSocketSet sockets = OpenSockets();
        TransportAddress local = LocalOf(sockets);
        var batch = new TransmitBatch(sockets);
        foreach (TransportAddress remote in receivers.Addresses)
        {
            batch.Reserve(in remote, in local, PacketLength).Clear();
            batch.Commit(PacketLength);
        }

        var ready = new ReadyMessages(receivers.Addresses, PacketLength, 1);
        return new Pairing
        {
            Unit = Unit,
            Items = Subscribers,
            Owned = [ready, batch, sockets, receivers],
            Subject = Received(receivers, 1, operations =>
            {
                for (int index = 0; index < operations; index++)
                {
                    sockets.Transmit(batch);
                }
            }),
            FloorName = BareSend,
            Floor = Received(receivers, 1, operations => SendReady(ready, operations)),
        };
    }

    /// <summary>From the publisher's encrypted packet to 100 encrypted packets in the batch.</summary>
    private static Pairing WholeUnsent()
    {
        TransportAddress[] addresses = [.. Enumerable.Range(0, Subscribers).Select(index => TransportAddress.FromIPv4(0x7F4D_0000 + (uint)index, 40_000))];
        var call = new LocalCall(TransportAddress.FromIPv4(0x7F00_0001, 3478), addresses);
        var publication = new Publication(call, PacketLength);
        call.Wire = new Discarding();
        const int Stride = PacketLength + SrtpSender.MaxOverhead;
        byte[] targets = new byte[Subscribers * Stride];
        byte[] payload = new byte[PacketLength - RtpHeader.FixedLength];
        BareCipher[] floors = [.. Enumerable.Range(0, Subscribers).Select(_ => new BareCipher(SrtpProfile.AeadAes128Gcm))];
        return new Pairing
        {
            Unit = Unit,
            Items = Subscribers,
            Owned = [call, .. floors],
            Subject = publication.Forwarding(1, PacketsPerSlice),
            FloorName = floors[0].Name + ", once for each",
            Floor = new Workload(operations =>
            {
                for (int index = 0; index < operations; index++)
                {
                    for (int subscriber = 0; subscriber < Subscribers; subscriber++)
                    {
                        floors[subscriber].Seal(targets.AsSpan(subscriber * Stride, Stride), RtpHeader.FixedLength, payload);
                    }
                }
            }),
        };
    }

    /// <summary>From the publisher's encrypted packets to what the subscribers' sockets hold.</summary>
    /// <param name="packetsEach">In one turn.</param>
    /// <param name="besideSingles">The floor sends every packet as a message of its own, and not as the system's cuts of one (UDP_SEGMENT).</param>
    private static Pairing Whole(int packetsEach, bool besideSingles = false)
    {
        var receivers = new LoopbackReceivers(Subscribers);
        UdpSocketSet sockets = OpenSockets();
        var call = new LocalCall(LocalOf(sockets), receivers.Addresses);
        var publication = new Publication(call, PacketLength);
        call.Wire = sockets;
        ReadyMessages ready = besideSingles
            ? new ReadyMessages([.. Enumerable.Repeat(receivers.Addresses, packetsEach).SelectMany(addresses => addresses)], publication.ForwardedLength, 1)
            : new ReadyMessages(receivers.Addresses, publication.ForwardedLength, packetsEach);
        Workload forwarding = publication.Forwarding(packetsEach, PacketsPerSlice);
        return new Pairing
        {
            Unit = Unit,
            Items = Subscribers * packetsEach,
            Owned = [call, ready, sockets, receivers],
            Subject = new Workload(forwarding.Run)
            {
                MaxCount = forwarding.MaxCount,
                Prepare = forwarding.Prepare,
                Settle = operations => receivers.Drain(operations * Subscribers * packetsEach),
            },
            FloorName = packetsEach == 1 || besideSingles ? BareSend : $"{BareSend}, UDP_SEGMENT",
            Floor = Received(receivers, packetsEach, operations => SendReady(ready, operations)),
        };
    }

    private static void SendReady(ReadyMessages ready, int operations)
    {
        for (int index = 0; index < operations; index++)
        {
            ready.Send();
        }
    }

    private static Workload Received(LoopbackReceivers receivers, int packetsEach, Action<int> run) => new(run)
    {
        MaxCount = PacketsPerSlice / packetsEach,
        Settle = operations => receivers.Drain(operations * Subscribers * packetsEach),
    };

    /// <summary>As the server opens them.</summary>
    private static UdpSocketSet OpenSockets() => new(new UdpOptions { OwnSockets = [IPAddress.Loopback] }, new CounterBlock<SocketCounter>());

    private static TransportAddress LocalOf(UdpSocketSet sockets) => TransportAddress.FromIPv4(0x7F00_0001, sockets.Port);
}

/// <summary>The publisher's side of a call as something to measure: packets made beforehand, then handed to the server.</summary>
internal sealed class Publication
{
    private static readonly TimeSpan _pause = TimeSpan.FromMilliseconds(20);

    // A source's first packet is looked at with the next choice of layers, and the keyframe is sent then from what is cached.
    private static readonly TimeSpan _choice = TimeSpan.FromMilliseconds(500);

    // More than the server keeps for retransmission: from then on its buffers go around.
    private const int PacketsUntilSteady = 1024;

    private readonly LocalCall _call;
    private readonly byte[] _plaintext;
    private readonly List<byte[]> _packets = [];
    private readonly List<int> _lengths = [];

    /// <summary>Sends the keyframe that subscribers begin with.</summary>
    public Publication(LocalCall call, int packetLength)
    {
        _call = call;
        _plaintext = new byte[packetLength];
        call.Subscribers[0].Received = (packet, _) => ForwardedLength = packet.Length + AesGcmCipher.TagLength;
        Prepare(1);
        HandOver(0);
        call.Advance(_choice);
        call.Subscribers[0].Received = null;
        FillCache();
        Premise.Holds(ForwardedLength > 0, "The first packet was not forwarded.");
    }

    /// <summary>Bytes of a packet on its way to a subscriber.</summary>
    public int ForwardedLength { get; private set; }

    /// <summary>An operation is a turn of the worker: some packets in, then the flush.</summary>
    public Workload Forwarding(int packetsPerTurn, int maxPackets) => new(operations =>
    {
        int next = 0;
        for (int index = 0; index < operations; index++)
        {
            for (int packet = 0; packet < packetsPerTurn; packet++)
            {
                HandOver(next++);
            }

            _call.Output.Flush();
        }
    })
    {
        MaxCount = maxPackets / packetsPerTurn,
        Prepare = operations =>
        {
            _call.Advance(_pause);
            Prepare(operations * packetsPerTurn);
        },
    };

    public void Prepare(int count)
    {
        _lengths.Clear();
        for (int index = 0; index < count; index++)
        {
            if (index == _packets.Count)
            {
                _packets.Add(new byte[_plaintext.Length + SrtpSender.MaxOverhead]);
            }

            _lengths.Add(_call.WriteNext(_packets[index], _plaintext));
        }
    }

    private void FillCache()
    {
        _call.Wire = new Discarding();
        for (int index = 0; index < PacketsUntilSteady; index++)
        {
            Prepare(1);
            HandOver(0);
        }

        _call.Output.Flush();
        _call.Wire = null;
    }

    public void HandOver(int index) => _call.Shard.HandleDatagram(
        PacketKind.Rtp, new Datagram(_packets[index].AsSpan(0, _lengths[index]), _call.Publisher.Address, _call.Server), _call.Now);
}
