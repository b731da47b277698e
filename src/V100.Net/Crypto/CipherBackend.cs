namespace V100.Net.Crypto;

/// <summary>What encrypts media.</summary>
public enum CipherBackend
{
    /// <summary>The fastest that this machine has: the processor's own instructions, else OpenSSL, else what the platform gives.</summary>
    Auto,

    /// <summary>OpenSSL, although the processor could; where its library is not there, as <see cref="Auto"/>.</summary>
    OpenSsl,
}
