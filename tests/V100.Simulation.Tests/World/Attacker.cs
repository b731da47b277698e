using System.Buffers.Binary;
using V100.Net;

namespace V100.Simulation.World;

/// <summary>
/// Somebody on the path who has no keys: it records what a client sends, sends it again, and sends what it makes up, from the client's
/// address or from its own.
/// </summary>
internal sealed class Attacker
{
    private readonly SimulatedWorld _world;
    private readonly SimulatedClient _victim;
    private readonly Random _random;
    private bool _isSending;

    public Attacker(SimulatedWorld world, SimulatedClient victim)
    {
        _world = world;
        _victim = victim;
        _random = new Random(world.Random.Next());
        world.Network.Tap += packet =>
        {
            if (packet.From == _victim.Address && !_isSending)
            {
                Recorded.Add([.. packet.Bytes]);
            }
        };
    }

    /// <summary>All that the victim sent.</summary>
    public List<byte[]> Recorded { get; } = [];

    public TransportAddress OwnAddress { get; } = TransportAddress.FromIPv4(0x0A666666, 6666);

    public IEnumerable<byte[]> RecordedRtp => Recorded.Where(bytes => new SimulatedPacket(bytes, default, default).IsRtp);

    public void Send(byte[] bytes, bool fromOwnAddress = false)
    {
        _isSending = true;
        _world.Network.Send(bytes, fromOwnAddress ? OwnAddress : _victim.Address, SimulatedServer.Address, _world.Now);
        _isSending = false;
    }

    /// <summary>A recorded packet with another SSRC, sequence number and payload: what somebody without keys can make.</summary>
    public byte[] Forge(byte[] recorded)
    {
        byte[] forged = [.. recorded];
        BinaryPrimitives.WriteUInt32BigEndian(forged.AsSpan(8), (uint)_random.NextInt64(1, uint.MaxValue));
        BinaryPrimitives.WriteUInt16BigEndian(forged.AsSpan(2), (ushort)_random.Next(1 << 16));
        _random.NextBytes(forged.AsSpan(forged.Length / 2));
        return forged;
    }
}
