using V100.Net;

namespace V100.Micro;

/// <summary>Sends nothing: what is written into a batch costs what writing costs.</summary>
internal sealed class Discarding : IPacketTransmitter
{
    public void Transmit(TransmitBatch batch)
    {
    }
}
