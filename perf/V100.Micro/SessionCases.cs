using V100.Client;
using V100.Net;
using V100.Net.Crypto;
using V100.Net.Native;
using V100.Sfu.Peers;
using V100.Sfu.Rtcp;
using V100.Sfu.Rtp;
using V100.Sfu.Srtp;
using V100.Stun;

namespace V100.Micro;

/// <summary>What happens once in a session, or when packets are lost.</summary>
internal static class SessionCases
{
    public static IEnumerable<Case> All =>
    [
        new("RTCP", "NACK answered with a 1,200-byte retransmission", Retransmission),
        new("DTLS", "handshakes per second and core, mutual P-256", Handshake) { IsPacketPath = false },
    ];

    /// <summary>From the encrypted NACK of one packet to the encrypted retransmission in the batch.</summary>
    private static Pairing Retransmission()
    {
        const int Slots = 256;
        var call = new LocalCall(TransportAddress.FromIPv4(0x7F00_0001, 3478), [TransportAddress.FromIPv4(0x7F4D_0001, 40_000)]);
        var publication = new Publication(call, 1200);
        WebRtcClient subscriber = call.Subscribers[0];
        var media = new Ssrc(subscriber.Answer.Ssrcs(1).Media);
        var forwarded = new List<SequenceNumber>();
        subscriber.Received = (packet, _) => forwarded.Add(RtpReader.TryParseHeader(packet, out RtpReader rtp) ? rtp.SequenceNumber : default);
        byte[][] nacks = [.. Enumerable.Range(0, Slots).Select(_ => new byte[64])];
        int[] lengths = new int[Slots];
        long answeredBefore = 0;
        var floor = new BareCipher(SrtpProfile.AeadAes128Gcm);
        byte[] target = new byte[1200 + SrtpSender.MaxOverhead];
        byte[] payload = new byte[1200 - RtpHeader.FixedLength];
        return new Pairing
        {
            Owned = [call, floor],
            Subject = new Workload(operations =>
            {
                for (int index = 0; index < operations; index++)
                {
                    var datagram = new Datagram(nacks[index].AsSpan(0, lengths[index]), subscriber.Address, call.Server);
                    call.Shard.HandleDatagram(PacketKind.Rtcp, datagram, call.Now);
                }

                call.Output.Flush();
            })
            {
                MaxCount = Slots,
                Prepare = operations =>
                {
                    call.Wire = null;
                    forwarded.Clear();
                    publication.Prepare(operations);
                    for (int index = 0; index < operations; index++)
                    {
                        publication.HandOver(index);
                    }

                    call.Advance(TimeSpan.FromMilliseconds(10));
                    for (int index = 0; index < operations; index++)
                    {
                        var writer = new SpanWriter(nacks[index]);
                        GenericNack.Write(ref writer, new Ssrc(1), media, [forwarded[index]]);
                        lengths[index] = subscriber.ProtectRtcp(nacks[index], writer.Position);
                    }

                    answeredBefore = call.Shard.Counters.Read(SfuCounter.RtpRetransmitted);
                    call.Wire = new Discarding();
                },
                Settle = operations => Premise.Holds(call.Shard.Counters.Read(SfuCounter.RtpRetransmitted) - answeredBefore == operations),
            },
            FloorName = floor.Name + ", of the retransmission alone",
            Floor = new Workload(operations =>
            {
                for (int index = 0; index < operations; index++)
                {
                    floor.Seal(target, RtpHeader.FixedLength, payload);
                }
            }),
        };
    }

    private static Pairing Handshake()
    {
        var serverContext = new DtlsContext(DtlsCertificate.Create());
        var clientContext = new DtlsContext(DtlsCertificate.Create());
        var plain = new PlainHandshake();
        return new Pairing
        {
            Unit = "handshakes/s",
            IsRate = true,
            Owned = [serverContext, clientContext, plain],
            Subject = ServerTime(() => ShakeHands(serverContext, clientContext)),
            FloorName = "OpenSSL's own functions over memory BIOs, no certificate looked at",
            Floor = ServerTime(plain.Run),
        };
    }

    /// <summary>Only the server's part of each handshake counts.</summary>
    private static Workload ServerTime(Func<long> handshake) => new(_ => { })
    {
        RunTimed = operations =>
        {
            long nanoseconds = 0;
            for (int index = 0; index < operations; index++)
            {
                nanoseconds += handshake();
            }

            return nanoseconds;
        },
    };

    /// <summary>One handshake; the nanoseconds of the server's part: its session made, its flights, the keys taken out, the end.</summary>
    private static long ShakeHands(DtlsContext serverContext, DtlsContext clientContext)
    {
        var now = new Instant(1_000_000_000);
        long nanoseconds = 0;
        Span<byte> datagram = stackalloc byte[2048];
        using var client = new DtlsSession(clientContext, DtlsRole.Client, serverContext.Certificate.FingerprintSha256);
        long began = Libc.ThreadProcessorNanoseconds;
        var server = new DtlsSession(serverContext, DtlsRole.Server, clientContext.Certificate.FingerprintSha256);
        server.Start(now);
        nanoseconds += Libc.ThreadProcessorNanoseconds - began - Workload.ClockCost;
        client.Start(now);
        bool moved = true;
        while (moved)
        {
            moved = false;
            while (client.TryPollDatagram(out ReadOnlySpan<byte> fromClient))
            {
                moved = true;
                fromClient.CopyTo(datagram);
                began = Libc.ThreadProcessorNanoseconds;
                server.HandleDatagram(datagram[..fromClient.Length], now);
                nanoseconds += Libc.ThreadProcessorNanoseconds - began - Workload.ClockCost;
            }

            while (server.TryPollDatagram(out ReadOnlySpan<byte> fromServer))
            {
                moved = true;
                client.HandleDatagram(fromServer, now);
            }
        }

        Premise.Holds(client.State == DtlsState.Established && server.State == DtlsState.Established);
        began = Libc.ThreadProcessorNanoseconds;
        Span<byte> keys = stackalloc byte[32];
        Span<byte> salts = stackalloc byte[24];
        Premise.Holds(server.TryExportSrtpKeys(keys[..16], salts[..12], keys[16..], salts[12..]));
        server.Dispose();
        return nanoseconds + Libc.ThreadProcessorNanoseconds - began - Workload.ClockCost;
    }
}
