namespace V100.Sfu.Sdp;

/// <summary>An <c>a=extmap</c> line (RFC 8285, 5) whose extension is known.</summary>
/// <param name="Kind">Never <see cref="HeaderExtensionKind.None"/>.</param>
/// <param name="Id">1 to 255, never 15.</param>
/// <param name="ClientDirection">In which directions the client wants it.</param>
/// <param name="HasDirection">Whether the line says a direction, so that the answer says one as well.</param>
internal readonly record struct OfferedExtension(HeaderExtensionKind Kind, byte Id, MediaDirection ClientDirection, bool HasDirection)
{
    private const uint MaxId = 4351;

    /// <param name="attribute">The line.</param>
    /// <param name="id">The identifier, also where the extension is not usable.</param>
    /// <param name="extension">Null where the extension is unknown, or its identifier cannot be sent.</param>
    /// <param name="error">Why the line is malformed.</param>
    public static bool TryRead(in SdpAttribute attribute, out uint id, out OfferedExtension? extension, out SdpError error)
    {
        extension = null;
        id = 0;
        error = default;
        var fields = new SdpFields(attribute.Value);
        fields.TryNext(out ReadOnlySpan<char> mapping);
        SdpFields.Cut(mapping, '/', out ReadOnlySpan<char> number, out ReadOnlySpan<char> directionText);
        bool hasDirection = number.Length < mapping.Length;
        bool validDirection = TryReadDirection(hasDirection ? directionText : "sendrecv", out MediaDirection direction);

        // RFC 8285, 5 and 7: 1-255 are mapped; 4096-4351 stand for what an offerer has no number left for.
        if (!SdpFields.TryParseNumber(number, MaxId, out id) || id == 0 || !validDirection || !fields.TryNext(out ReadOnlySpan<char> uri))
        {
            error = SdpError.Malformed(attribute, "a=extmap:<1 to 255>[/<direction>] <URI>");
            return false;
        }

        // RFC 8285, 4.2: 15 is reserved in the one-byte form.
        HeaderExtensionKind kind = HeaderExtensionUri.KindOf(uri);
        if (kind != HeaderExtensionKind.None && id <= byte.MaxValue && id != 15)
        {
            extension = new OfferedExtension(kind, (byte)id, direction, hasDirection);
        }

        return true;
    }

    private static bool TryReadDirection(ReadOnlySpan<char> text, out MediaDirection direction)
    {
        direction = text switch
        {
            "sendrecv" => MediaDirection.SendReceive,
            "sendonly" => MediaDirection.Send,
            "recvonly" => MediaDirection.Receive,
            _ => MediaDirection.Inactive,
        };
        return direction != MediaDirection.Inactive || text is "inactive";
    }
}
