using V100.Net;

namespace V100.Sfu.Bwe;

/// <summary>One packet that was sent. Without bytes it stands for a number that was never sent.</summary>
internal struct Transmission
{
    public Instant SentAt;
    public int ProbeCluster;
    public ushort Bytes;
    public TransmissionFate Fate;
}
