using V100.Net.Native;

namespace V100.Net.Crypto;

/// <summary>
/// Gives the memory of finished handshakes back to the system. Each takes some 60 kB for a moment; after a wave of them the C library keeps
/// what hundreds at a time took, and nothing that a server does later has a use for so much.
/// </summary>
/// <remarks><see cref="Sweep"/> is to be called every few seconds, on a thread that may be held up for some milliseconds.</remarks>
public sealed class HandshakeMemory
{
    private long _seen;
    private long _returned;
    private bool _isUnavailable;

    /// <summary>Gives back once no handshake has ended since the last call. True when it asked the C library to.</summary>
    public bool Sweep()
    {
        long ended = DtlsAssociation.HandshakesEnded;
        bool isQuiet = ended == _seen;
        _seen = ended;
        if (!isQuiet || ended == _returned || _isUnavailable)
        {
            return false;
        }

        _returned = ended;
        try
        {
            _ = Libc.TrimHeap(0);
            return true;
        }
        catch (EntryPointNotFoundException)
        {
            // The C library is another than GNU's, and has its own ways.
            _isUnavailable = true;
            return false;
        }
    }
}
