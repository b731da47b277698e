using V100.Sfu.Bwe;

namespace V100.Simulation.World;

/// <summary>Calls in which a picture has encodings and temporal layers, and a subscriber that takes now these and now those.</summary>
internal static class LayeredCall
{
    /// <summary>Three encodings of about 700, 250 and 80 kbit/s, each with three temporal layers and numbers of its own.</summary>
    public static SimulatedClient PublishSimulcast(SimulatedWorld world, OfferedFormat[]? video = null, Func<ClientOffer, ClientOffer>? change = null) => world.Publish(
        configure: client =>
        {
            (string Rid, int Packets, int Length)[] encodings = [("h", 4, 1100), ("m", 2, 900), ("l", 1, 500)];
            foreach ((string rid, int packets, int length) in encodings)
            {
                (client.Encoding(rid).MaxPacketsPerFrame, client.Encoding(rid).MaxFillerLength) = (packets, length);
                client.Encoding(rid).Layers = new TemporalLayers(world.Random);
            }
        },
        offer: (change ?? (offer => offer))(ClientOffer.SimulcastPublisher(world.Random, video)));

    /// <summary>The subscriber's limits change at random; <paramref name="between"/> happens each time.</summary>
    public static void Wander(SimulatedWorld world, SimulatedClient viewer, int changes, Action? between = null)
    {
        for (int change = 0; change < changes; change++)
        {
            world.Limit(viewer, new LayerConstraints { MaxPlace = world.Random.Next(3), MaxTemporal = (sbyte)world.Random.Next(3) });
            between?.Invoke();
            world.Run(0.2 + 0.6 * world.Random.NextDouble());
        }
    }
}
