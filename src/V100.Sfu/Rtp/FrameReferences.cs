namespace V100.Sfu.Rtp;

/// <summary>The frames before it that one frame refers to, by their distance.</summary>
/// <param name="Near">Bit n: the frame n + 1 before it.</param>
/// <param name="HasFar">One is more than 64 frames back.</param>
public readonly record struct FrameReferences(ulong Near, bool HasFar)
{
    /// <summary>What <see cref="Near"/> reaches.</summary>
    public const int NearLength = 64;

    /// <summary>The frame is predicted from none.</summary>
    public bool IsEmpty => Near == 0 && !HasFar;

    public FrameReferences With(int distance) => distance > NearLength ? this with { HasFar = true }
        : distance > 0 ? this with { Near = Near | 1UL << (distance - 1) }
        : this;

    // RTP Payload Format For AV1, A.8.3, template_fdiffs: a flag, then four bits.
    internal static FrameReferences ReadTemplate(ref BitReader reader)
    {
        FrameReferences references = default;
        while (reader.ReadFlag())
        {
            references = references.With((int)reader.Read(4) + 1);
        }

        return references;
    }

    // A.8.4, frame_fdiffs: how many nibbles follow, then those.
    internal static FrameReferences ReadCustom(ref BitReader reader)
    {
        FrameReferences references = default;
        for (uint nibbles = reader.Read(2); nibbles != 0; nibbles = reader.Read(2))
        {
            references = references.With((int)reader.Read(4 * (int)nibbles) + 1);
        }

        return references;
    }
}
