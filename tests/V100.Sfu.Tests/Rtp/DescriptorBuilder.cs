using V100.Sfu.Rtp;

namespace V100.Sfu.Tests.Rtp;

/// <summary>One template, or one frame, as an encoder thinks of it.</summary>
internal sealed record FrameTemplate(int Spatial, int Temporal, DecodeTargetIndication[] Indications, int[] Differences, int[] Chains);

/// <summary>Writes dependency descriptors as an encoder does (RTP Payload Format For AV1, A.8), bit by bit in a string: nothing shared with what is tested.</summary>
internal sealed class DescriptorBuilder
{
    public required int TargetCount { get; init; }
    public required FrameTemplate[] Templates { get; init; }
    public int ChainCount { get; init; }
    public int[] ProtectedBy { get; init; } = [];
    public (int Width, int Height)[] Sizes { get; init; } = [];

    /// <summary>
    /// Full spatial scalability (LxTy): each layer is predicted from the one below of its picture and its own past, as the encoders of browsers
    /// do it; the period of the temporal layers is 1, 2 or 4 pictures.
    /// </summary>
    public static DescriptorBuilder Full(int spatialLayers, int temporalLayers)
    {
        List<FrameTemplate> templates = [];
        for (int spatial = 0; spatial < spatialLayers; spatial++)
        {
            for (int temporal = 0; temporal < temporalLayers; temporal++)
            {
                templates.Add(new FrameTemplate(spatial, temporal, Indications(spatial, temporal, temporal == 0, spatialLayers, temporalLayers), [], new int[spatialLayers]));
                templates.Add(new FrameTemplate(spatial, temporal, Indications(spatial, temporal, false, spatialLayers, temporalLayers), [spatialLayers], new int[spatialLayers]));
            }
        }

        return new DescriptorBuilder
        {
            TargetCount = spatialLayers * temporalLayers,
            Templates = [.. templates],
            ChainCount = spatialLayers,
            ProtectedBy = [.. Enumerable.Range(0, spatialLayers * temporalLayers).Select(target => target / temporalLayers)],
            Sizes = [.. Enumerable.Range(0, spatialLayers).Select(layer => (320 << layer, 180 << layer))],
        };
    }

    /// <summary>What a frame is to each decode target, which are in the order of spatial, then temporal layers.</summary>
    public static DecodeTargetIndication[] Indications(int spatial, int temporal, bool isKeyframe, int spatialLayers, int temporalLayers) =>
    [
        .. Enumerable.Range(0, spatialLayers * temporalLayers).Select(target => (S: target / temporalLayers, T: target % temporalLayers)).Select(target =>
            target.S < spatial || target.T < temporal ? DecodeTargetIndication.NotPresent
            : target.S > spatial ? (isKeyframe ? DecodeTargetIndication.Switch : DecodeTargetIndication.Required)
            : temporal == 0 || target.T > temporal ? DecodeTargetIndication.Switch
            : DecodeTargetIndication.Discardable),
    ];

    /// <summary>A descriptor; whatever differs from its template is written as the frame's own.</summary>
    public byte[] Write(
        FrameTemplate frame, int number, int templateIdOffset, bool starts = true, bool ends = true, bool withStructure = false, uint? mask = null)
    {
        int template = Array.FindIndex(Templates, candidate => candidate.Spatial == frame.Spatial && candidate.Temporal == frame.Temporal);
        int exact = Array.FindIndex(Templates, candidate => AreEqual(candidate, frame));
        template = exact < 0 ? template : exact;
        FrameTemplate of = Templates[template];
        bool customIndications = !of.Indications.SequenceEqual(frame.Indications);
        bool customDifferences = !of.Differences.SequenceEqual(frame.Differences);
        bool customChains = !of.Chains.SequenceEqual(frame.Chains);
        string bits = Bits(starts ? 1 : 0, 1) + Bits(ends ? 1 : 0, 1) + Bits((template + templateIdOffset) % 64, 6) + Bits(number & 0xFFFF, 16);
        if (!withStructure && mask is null && !customIndications && !customDifferences && !customChains)
        {
            return ToBytes(bits);
        }

        bits += Bits(withStructure ? 1 : 0, 1) + Bits(mask is null ? 0 : 1, 1) + Bits(customIndications ? 1 : 0, 1)
            + Bits(customDifferences ? 1 : 0, 1) + Bits(customChains ? 1 : 0, 1);
        bits += withStructure ? Structure(templateIdOffset) : "";
        bits += mask is uint active ? Bits((int)active, TargetCount) : "";
        bits += customIndications ? string.Concat(frame.Indications.Select(indication => Bits((int)indication, 2))) : "";
        bits += customDifferences ? string.Concat(frame.Differences.Select(Nibbles)) + "00" : "";
        bits += customChains ? string.Concat(frame.Chains.Select(distance => Bits(distance, 8))) : "";
        return ToBytes(bits);
    }

    private static bool AreEqual(FrameTemplate one, FrameTemplate other) =>
        one.Spatial == other.Spatial && one.Temporal == other.Temporal && one.Indications.SequenceEqual(other.Indications)
        && one.Differences.SequenceEqual(other.Differences) && one.Chains.SequenceEqual(other.Chains);

    private string Structure(int templateIdOffset)
    {
        string bits = Bits(templateIdOffset, 6) + Bits(TargetCount - 1, 5);
        for (int template = 0; template < Templates.Length; template++)
        {
            FrameTemplate? next = template + 1 < Templates.Length ? Templates[template + 1] : null;
            bits += next is null ? "11" : next.Spatial > Templates[template].Spatial ? "10" : next.Temporal > Templates[template].Temporal ? "01" : "00";
        }

        bits += string.Concat(Templates.SelectMany(template => template.Indications).Select(indication => Bits((int)indication, 2)));
        bits += string.Concat(Templates.Select(template => string.Concat(template.Differences.Select(difference => "1" + Bits(difference - 1, 4))) + "0"));
        bits += Below(ChainCount, TargetCount + 1);
        if (ChainCount > 0)
        {
            bits += string.Concat(ProtectedBy.Select(chain => Below(chain, ChainCount)));
            bits += string.Concat(Templates.SelectMany(template => template.Chains).Select(distance => Bits(distance, 4)));
        }

        return bits + (Sizes.Length == 0 ? "0" : "1" + string.Concat(Sizes.Select(size => Bits(size.Width - 1, 16) + Bits(size.Height - 1, 16))));
    }

    private static string Nibbles(int difference)
    {
        int nibbles = difference > 256 ? 3 : difference > 16 ? 2 : 1;
        return Bits(nibbles, 2) + Bits(difference - 1, 4 * nibbles);
    }

    private static string Below(int value, int limit)
    {
        int width = limit == 0 ? 0 : (int)Math.Log2(limit) + 1;
        int shorter = (1 << width) - limit;
        return value < shorter ? Bits(value, width - 1) : Bits(value + shorter, width);
    }

    private static string Bits(int value, int count) =>
        count == 0 ? "" : Convert.ToString(value, 2).PadLeft(count, '0')[^count..];

    private static byte[] ToBytes(string bits)
    {
        string padded = bits.PadRight((bits.Length + 7) / 8 * 8, '0');
        return [.. Enumerable.Range(0, padded.Length / 8).Select(index => Convert.ToByte(padded.Substring(8 * index, 8), 2))];
    }
}
