using V100.Client;
using V100.Net;
using V100.Sfu.Rtp;
using V100.Simulation.World;

namespace V100.Micro;

/// <summary>What is read of each RTP packet.</summary>
internal static class RtpCases
{
    private const int PacketLength = 1200;

    public static IEnumerable<Case> All => [new("RTP", "header with extensions parsed, of 1,200 B", Parse)];

    private static Pairing Parse()
    {
        var random = new Random(1);
        var source = new VideoSource(ClientOffer.Publisher(random).Sections[1], random);
        byte[] packet = new byte[PacketLength];
        int headerLength = source.Write(packet, default, endsFrame: true, new Instant(1_000_000_000));
        byte[] copy = new byte[64];
        return new Pairing
        {
            Subject = new Workload(operations =>
            {
                int extensions = 0;
                for (int index = 0; index < operations; index++)
                {
                    if (RtpReader.TryParse(packet, out RtpReader rtp))
                    {
                        foreach (RtpExtension _ in rtp.Extensions)
                        {
                            extensions++;
                        }
                    }
                }

                Premise.Holds(extensions == 3 * operations);
            }),
            FloorName = $"a copy of the header's {headerLength} bytes",
            Floor = new Workload(operations =>
            {
                for (int index = 0; index < operations; index++)
                {
                    packet.AsSpan(0, headerLength).CopyTo(copy);
                }
            }),
        };
    }
}
