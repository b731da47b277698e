namespace V100.Sfu.Rtp;

/// <summary>The 32-bit name of one RTP stream within its transport (RFC 3550, 8).</summary>
public readonly record struct Ssrc(uint Value)
{
    public override string ToString() => Value.ToString("x8", System.Globalization.CultureInfo.InvariantCulture);
}
