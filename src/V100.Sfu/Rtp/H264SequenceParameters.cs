namespace V100.Sfu.Rtp;

/// <summary>The H.264 sequence parameter set (ITU-T H.264, 7.3.2.1.1), read as far as the size of the picture.</summary>
public static class H264SequenceParameters
{
    // What stands before the cropping is shorter than this; scaling lists make it longer, and then the size stays unknown.
    private const int MaxLength = 128;

    /// <param name="unit">A NAL unit from its header byte on.</param>
    /// <param name="width">Of the picture in pixels, after cropping.</param>
    /// <param name="height">Likewise.</param>
    public static bool TryReadSize(ReadOnlySpan<byte> unit, out ushort width, out ushort height)
    {
        width = height = 0;
        if (unit.Length < 5 || H264.GetType(unit[0]) != H264NalType.SequenceParameterSet)
        {
            return false;
        }

        Span<byte> bytes = stackalloc byte[MaxLength];
        var reader = new BitReader(bytes[..RemoveEmulationPrevention(unit[1..], bytes)]);
        uint profile = reader.Read(8);
        reader.Read(16); // constraint flags and level
        reader.ReadExponential(); // seq_parameter_set_id
        uint chromaFormat = 1;
        if (HasChromaFormat(profile))
        {
            chromaFormat = reader.ReadExponential();
            if (chromaFormat == 3)
            {
                reader.Read(1); // separate_colour_plane_flag
            }

            reader.ReadExponential(); // bit_depth_luma_minus8
            reader.ReadExponential();
            reader.Read(1); // qpprime_y_zero_transform_bypass_flag
            if (reader.ReadFlag())
            {
                return false; // scaling lists, which encoders of real-time streams do not send
            }
        }

        return TrySkipPictureOrder(ref reader) && TryReadSize(ref reader, chromaFormat, out width, out height);
    }

    private static bool TrySkipPictureOrder(ref BitReader reader)
    {
        reader.ReadExponential(); // log2_max_frame_num_minus4
        uint orderType = reader.ReadExponential();
        if (orderType == 0)
        {
            reader.ReadExponential();
        }
        else if (orderType == 1)
        {
            reader.Read(1);
            reader.ReadExponential();
            reader.ReadExponential();
            uint cycle = reader.ReadExponential();
            for (uint index = 0; index < cycle && !reader.Overflowed; index++)
            {
                reader.ReadExponential();
            }
        }

        reader.ReadExponential(); // max_num_ref_frames
        reader.Read(1); // gaps_in_frame_num_value_allowed_flag
        return !reader.Overflowed;
    }

    private static bool TryReadSize(ref BitReader reader, uint chromaFormat, out ushort width, out ushort height)
    {
        ulong columns = 16ul * (reader.ReadExponential() + 1ul);
        ulong rows = 16ul * (reader.ReadExponential() + 1ul);
        bool framesOnly = reader.ReadFlag();
        if (!framesOnly)
        {
            rows *= 2;
            reader.Read(1); // mb_adaptive_frame_field_flag
        }

        reader.Read(1); // direct_8x8_inference_flag
        ulong cropColumns = 0;
        ulong cropRows = 0;
        if (reader.ReadFlag())
        {
            // 7.4.2.1.1: in units of the chroma samples, and of field lines.
            uint columnUnit = chromaFormat is 1 or 2 ? 2u : 1u;
            uint rowUnit = (chromaFormat == 1 ? 2u : 1u) * (framesOnly ? 1u : 2u);
            cropColumns = columnUnit * ((ulong)reader.ReadExponential() + reader.ReadExponential());
            cropRows = rowUnit * ((ulong)reader.ReadExponential() + reader.ReadExponential());
        }

        bool valid = !reader.Overflowed && columns <= ushort.MaxValue && rows <= ushort.MaxValue && cropColumns < columns && cropRows < rows;
        width = valid ? (ushort)(columns - cropColumns) : (ushort)0;
        height = valid ? (ushort)(rows - cropRows) : (ushort)0;
        return valid;
    }

    private static bool HasChromaFormat(uint profile) => profile is 100 or 110 or 122 or 244 or 44 or 83 or 86 or 118 or 128 or 138 or 139 or 134 or 135;

    // 7.4.1: a 3 behind two zeros is not part of the data.
    private static int RemoveEmulationPrevention(ReadOnlySpan<byte> unit, Span<byte> bytes)
    {
        int length = 0;
        int zeros = 0;
        foreach (byte value in unit)
        {
            if (length == bytes.Length)
            {
                break;
            }

            if (zeros >= 2 && value == 3)
            {
                zeros = 0;
                continue;
            }

            zeros = value == 0 ? zeros + 1 : 0;
            bytes[length++] = value;
        }

        return length;
    }
}
