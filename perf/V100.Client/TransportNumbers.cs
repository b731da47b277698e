using V100.Sfu.Rtp;

namespace V100.Client;

/// <summary>The transport-wide numbers of one client: all that it sends counts in one sequence, whatever stream it belongs to.</summary>
internal sealed class TransportNumbers
{
    private ushort _next;

    public SequenceNumber Take() => new(_next++);
}
