namespace V100.Sfu.Sdp;

/// <summary>The values of <c>a=setup</c> (RFC 4145, 4; RFC 8842, 5).</summary>
internal enum DtlsSetup : byte
{
    ActPass,
    Active,
    Passive,
    HoldConn,
}

/// <summary>The attributes that stand at session level or in a section, where the section wins.</summary>
internal sealed class TransportAttributes
{
    public string? IceUfrag { get; private set; }
    public string? IcePassword { get; private set; }
    public DtlsSetup? Setup { get; private set; }
    public int SetupLine { get; private set; }

    /// <summary>The SHA-256 digest, null where there is none.</summary>
    public byte[]? Fingerprint { get; private set; }

    /// <summary>The hash function of a fingerprint that is not SHA-256, and its line.</summary>
    public string? OtherHash { get; private set; }
    public int OtherHashLine { get; private set; }

    /// <summary>What the client does: its own view.</summary>
    public MediaDirection? ClientDirection { get; private set; }

    public bool AllowsMixedExtensions { get; private set; }

    /// <summary>Reads the attribute if it is one of these.</summary>
    public bool TryRead(in SdpAttribute attribute, out SdpError error)
    {
        error = default;
        string value = attribute.Value ?? "";
        switch (attribute.Name)
        {
            case "ice-ufrag":
                IceUfrag = value;
                return Check(IceGrammar.IsUfrag(value), attribute, IceGrammar.UfragGrammar, out error);
            case "ice-pwd":
                IcePassword = value;
                return Check(IceGrammar.IsPassword(value), attribute, IceGrammar.PasswordGrammar, out error);
            case "setup":
                return TryReadSetup(attribute, value, out error);
            case "fingerprint":
                return TryReadFingerprint(attribute, value, out error);
            case "extmap-allow-mixed":
                AllowsMixedExtensions = true;
                return true;
            case "sendrecv":
                ClientDirection = MediaDirection.SendReceive;
                return true;
            case "sendonly":
                ClientDirection = MediaDirection.Send;
                return true;
            case "recvonly":
                ClientDirection = MediaDirection.Receive;
                return true;
            case "inactive":
                ClientDirection = MediaDirection.Inactive;
                return true;
            default:
                return true;
        }
    }

    private bool TryReadSetup(in SdpAttribute attribute, string value, out SdpError error)
    {
        Setup = value switch
        {
            "actpass" => DtlsSetup.ActPass,
            "active" => DtlsSetup.Active,
            "passive" => DtlsSetup.Passive,
            "holdconn" => DtlsSetup.HoldConn,
            _ => null,
        };
        SetupLine = attribute.Line;
        return Check(Setup is not null, attribute, "actpass, active, passive or holdconn", out error);
    }

    private bool TryReadFingerprint(in SdpAttribute attribute, string value, out SdpError error)
    {
        var fields = new SdpFields(value);
        if (!fields.TryNext(out ReadOnlySpan<char> hash) || !SdpFields.IsToken(hash) || !fields.TryNext(out ReadOnlySpan<char> text))
        {
            return Check(false, attribute, "a=fingerprint:<hash function> <digest>", out error);
        }

        // RFC 8122, 5: several fingerprints may stand side by side, for an answerer to choose what it supports.
        if (!hash.Equals(Sdp.Fingerprint.Sha256, StringComparison.OrdinalIgnoreCase))
        {
            OtherHash = hash.ToString();
            OtherHashLine = attribute.Line;
            error = default;
            return true;
        }

        byte[] digest = new byte[Sdp.Fingerprint.Sha256Length];
        bool valid = Sdp.Fingerprint.TryParseSha256(text, digest) && fields.Rest.IsEmpty;
        Fingerprint ??= digest;
        return Check(valid, attribute, "sha-256 and 32 bytes as hexadecimal pairs separated by colons", out error);
    }

    private static bool Check(bool valid, in SdpAttribute attribute, string allowed, out SdpError error)
    {
        error = valid ? default : SdpError.Malformed(attribute, allowed);
        return valid;
    }
}
