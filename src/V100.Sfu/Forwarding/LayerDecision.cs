using V100.Sfu.Rtp;

namespace V100.Sfu.Forwarding;

/// <summary>What becomes of a packet for one subscriber.</summary>
public enum LayerAction : byte
{
    /// <summary>It is of an encoding that is not sent: its numbers mean nothing to the subscriber.</summary>
    Ignore,

    /// <summary>It is of the encoding that is sent, in a layer that is not: the gap that it leaves is closed.</summary>
    Drop,

    Forward,

    /// <summary>
    /// Its encoding is sent from now on, beginning with the key frame at <see cref="LayerDecision.First"/>: the rewriters switch, and the
    /// packets from there to the newest, this one among them, are taken out of the cache and decided on one by one.
    /// </summary>
    SwitchHere,
}

/// <param name="Action">What to do.</param>
/// <param name="Marker">Of a packet that is forwarded: the marker bit, set on the last packet of a picture's highest layer that is sent.</param>
/// <param name="First">Of a switch: the first packet of the encoding's key frame.</param>
public readonly record struct LayerDecision(LayerAction Action, bool Marker = false, ExtendedSequence First = default);
